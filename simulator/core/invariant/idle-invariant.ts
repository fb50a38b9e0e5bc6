/**
 * I8: no endpoint that could take a waiting request is left idle. Checked as of just before an event's instant, when all that was due earlier has been done. What a
 * half-open breaker lets through is left to I7; whom limits hold back is not seen from outside, so a configuration with limits is not checked.
 */
import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type { RequestId } from "../../../router/core/messages.ts";

interface Waiting {
  readonly route: number;
  readonly inputTokens: number;
  readonly anywhere: boolean;
  readonly attempts: number;
}

interface Place {
  readonly phase: string;
  readonly inFlight: number;
  readonly coolUntil: number;
  readonly limit: number;
}

export function checkIdle(
  config: CompiledConfig,
  requests: ReadonlyMap<RequestId, Waiting>,
  endpoints: readonly Place[],
  now: Instant,
  violate: (what: string) => void,
): void {
  if (config.limits.length > 0) return;
  for (const { id: requestId, request } of waitingOf(requests)) {
    for (const deploymentId of config.routes[request.route]?.deployments ?? []) {
      const deployment = config.deployments[deploymentId];
      if (deployment === undefined || !deployment.takesUntagged || request.inputTokens >= deployment.contextTokens) continue;
      for (const id of deployment.endpoints) {
        const endpoint = endpoints[id];
        if (endpoint?.phase === "closed" && endpoint.coolUntil < now && endpoint.inFlight < endpoint.limit)
          violate(`request ${requestId} waits at route ${request.route} while endpoint ${id} has a place`);
      }
    }
  }
}

/** Those that have had an attempt may be backing off instead. */
function waitingOf(requests: ReadonlyMap<RequestId, Waiting>): { readonly id: RequestId; readonly request: Waiting }[] {
  const waiting: { readonly id: RequestId; readonly request: Waiting }[] = [];
  for (const [id, request] of requests) if (request.attempts === 0 && request.anywhere) waiting.push({ id, request });
  return waiting;
}
