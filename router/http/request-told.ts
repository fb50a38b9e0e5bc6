import type { CompiledConfig, StrategyName } from "../core/compiled-config.ts";
import type { EndpointId } from "../core/messages.ts";
import { strategyOf } from "../core/strategy/strategy.ts";
import type { EndedRequest } from "../telemetry/router-metrics.ts";
import type { RequestInFlight } from "./request-in-flight.ts";

/** What is kept of a request when it has ended. */
export type RequestFacts = Pick<RequestInFlight, "name" | "route" | "attemptsEnded" | "dropped"> & {
  readonly stream: boolean;
  readonly strategy: StrategyName;
};

export const factsOf = ({ name, route, attemptsEnded, dropped, routed }: RequestInFlight): RequestFacts => ({
  name,
  route,
  attemptsEnded,
  dropped,
  stream: routed.stream,
  strategy: strategyOf(route, routed),
});

/** What a caller may know of its request. @param ended null: it is under way */
export function requestTold(request: RequestFacts, ended: EndedRequest | null, config: CompiledConfig): Readonly<Record<string, unknown>> {
  const deploymentOf = (id: EndpointId): string | null => config.deployments[config.endpoints[id]?.deployment ?? -1]?.name ?? null;
  const running = { id: request.name, object: "headgate.request", status: "in_progress", model: request.route.name, stream: request.stream };
  const attempts = request.attemptsEnded.map(({ endpoint, outcome, status }) => ({
    deployment: deploymentOf(endpoint),
    outcome,
    ...(status === 0 ? {} : { status }),
  }));
  if (ended === null) return { ...running, attempts };
  const { account, result, endpoint, durationMs, ttftMs } = ended;
  return {
    ...running,
    status: result.kind,
    ...("failure" in result ? { failure: result.failure } : result.kind === "rejected" ? { failure: result.why } : {}),
    deployment: endpoint === null ? null : deploymentOf(endpoint),
    strategy: request.strategy,
    attempts,
    dropped: request.dropped,
    usage: {
      input_tokens: account.usage.input,
      cached_tokens: account.usage.cachedRead,
      cache_write_tokens: account.usage.cacheWrite,
      output_tokens: account.usage.output,
      reasoning_tokens: account.usage.reasoning,
    },
    cost_usd: account.priced ? (account.nanoDollars / 1e9).toFixed(9) : "unknown",
    cost_estimated: account.estimated,
    duration_ms: Math.round(durationMs * 1000) / 1000,
    ttft_ms: Number.isNaN(ttftMs) ? null : Math.round(ttftMs * 1000) / 1000,
  };
}
