import { performance } from "node:perf_hooks";
import type { CompiledConfig } from "../core/compiled-config.ts";
import type { Account, FinishResult } from "../core/messages.ts";
import type { EndedRequest } from "../telemetry/router-metrics.ts";
import type { RequestInFlight } from "./request-in-flight.ts";

/** What metrics, the log and the service's memory are told of a request that has ended now. */
export function endedRequest(request: RequestInFlight, result: FinishResult, account: Account, { endpoints }: CompiledConfig): EndedRequest {
  const { endpointsTried } = request;
  return {
    route: request.route.id,
    tenant: request.routed.tenant,
    user: typeof request.asks.user === "string" ? request.asks.user : null,
    endpoint: request.answering?.endpoint ?? endpointsTried.at(-1) ?? null,
    result,
    account,
    deploymentsTried: endpointsTried.length < 2 ? endpointsTried.length : new Set(endpointsTried.map((endpoint) => endpoints[endpoint]?.deployment)).size,
    durationMs: performance.now() - request.arrivedMs,
    ttftMs: request.ttftMs,
  };
}
