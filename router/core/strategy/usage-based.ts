/**
 * Usage based: the endpoint that has used the least share of what its provider grants it a minute, in requests or tokens, whichever is closer to its end; with this
 * request's own tokens counted in. Whole numbers over whole minutes of the router's clock, started attempts counted with what they are expected to use until their
 * outcome says what they did use. Where no quota is known the endpoint with the fewest tokens in the current minute. It prefers, it does not refuse: limits do.
 */
import type { DeploymentSpec } from "../compiled-config.ts";
import { type Choice, endpointAt, judgeBy, type Strategy } from "./choice.ts";
import { minuteOf } from "./learned.ts";
import { leastOf } from "./least-of.ts";

/** Tells endpoints without a quota apart, and no others. */
const perToken = 1e-12;

function usedShare(choice: Choice, index: number): number {
  const { config, state, route, request, eligible } = choice;
  const { learned } = endpointAt(choice, index);
  const { requestsPerMinute, tokensPerMinute } = config.deployments[route.deployments[eligible.places[index] as number] as number] as DeploymentSpec;
  const current = learned.minute === minuteOf(state.now);
  const requests = (current ? learned.requests : 0) + 1;
  const tokens = (current ? learned.tokens : 0) + request.inputTokens;
  return Math.max(requests / requestsPerMinute, tokens / tokensPerMinute) + tokens * perToken;
}

export const usageBased: Strategy = {
  measure: "share of the minute's quota used with this request, and 1e-12 per token",
  judge: judgeBy(usedShare),
  pick: (choice) => leastOf(choice, usedShare),
};
