import type { CompiledConfig } from "../core/compiled-config.ts";
import type { EndpointId } from "../core/messages.ts";
import type { EndedRequest } from "../telemetry/router-metrics.ts";
import type { RequestInFlight } from "./request-in-flight.ts";

/** One `route_decision` line per request: where it went, why not elsewhere, what came of it. Never any text of the request. */
export function decisionRecord(request: RequestInFlight, ended: EndedRequest, config: CompiledConfig): Readonly<Record<string, unknown>> {
  const originOf = (endpoint: EndpointId): string => config.endpoints[endpoint]?.origin ?? "none";
  const { account, result } = ended;
  const endpoint = ended.endpoint === null ? undefined : config.endpoints[ended.endpoint];
  return {
    request_id: request.name,
    route: request.route.name,
    path: request.explanation?.path.map((route) => config.routes[route]?.name),
    tenant: config.tenants[request.routed.tenant]?.name,
    strategy: request.route.strategy,
    stream: request.routed.stream,
    deployment: endpoint === undefined ? null : config.deployments[endpoint.deployment]?.name,
    endpoints: request.endpointsTried.map(originOf),
    measure: request.explanation?.measure,
    candidates: request.explanation?.candidates.map((id, place) => ({ endpoint: originOf(id), score: request.explanation?.scores[place] })),
    kept: request.explanation?.kept.map(originOf),
    excluded: request.explanation?.excluded.map(({ endpoint: id, why }) => ({ endpoint: originOf(id), why })),
    ...(Object.keys(request.asks).length === 0 ? {} : { asked: request.asks }),
    ...(request.dropped.length === 0 ? {} : { dropped: request.dropped }),
    attempts: account.attempts,
    result: result.kind,
    ...("failure" in result ? { failure: result.failure, said: request.ending?.message } : {}),
    ...(result.kind === "rejected" ? { why: result.why } : {}),
    input_tokens: account.usage.input,
    output_tokens: account.usage.output,
    cost_nano_dollars: account.nanoDollars,
    priced: account.priced,
    estimated: account.estimated,
    duration_ms: roundedMs(ended.durationMs),
    ttft_ms: Number.isNaN(ended.ttftMs) ? null : roundedMs(ended.ttftMs),
  };
}

function roundedMs(value: number): number {
  return Math.round(value * 1000) / 1000;
}
