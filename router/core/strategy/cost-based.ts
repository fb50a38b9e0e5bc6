/**
 * Cost based: the endpoint where this request is expected to cost least. Prompt tokens at the input rate, but for the share that this endpoint has lately read from its
 * cache; output tokens as the route has learned them, never above the caller's cap; all at the deployment's rates, so that a long prompt and a long answer may go to
 * different providers. An unknown price comes after every known one, it is never taken for zero. Among equals the least busy endpoint.
 */
import { priceNow } from "../accounting/price-now.ts";
import { present } from "../assert.ts";
import { type Choice, endpointAt, judgeBy, type Strategy } from "./choice.ts";
import { expectedOutput } from "./learn.ts";
import { leastOf } from "./least-of.ts";

const unknownPrice = 9e15;
/** Less than a pico-dollar: it tells equals apart, and no others. */
const perInFlight = 1e-6;

function expectedCost(choice: Choice, index: number): number {
  const { state, route, request, eligible } = choice;
  const rates = priceNow(state, route.deployments[eligible.places[index] as number] as number, request);
  if (rates === null) return unknownPrice;
  const cached = request.inputTokens * endpointAt(choice, index).learned.cachedShare;
  const output = expectedOutput(present(state.routes[route.id], "the route's state").learned, request);
  return Math.floor(
    (request.inputTokens - cached) * rates.input + cached * rates.cachedRead + output * rates.output + (request.pictures ?? 0) * (rates.picture ?? 0),
  );
}

export const costBased: Strategy = {
  measure: "expected cost in pico-dollars",
  judge: judgeBy(expectedCost),
  pick: (choice) => leastOf(choice, (of, index) => expectedCost(of, index) + endpointAt(of, index).inFlight * perInFlight),
};
