/**
 * I8: no endpoint that could take a waiting request is left idle. Checked as of just before an event's instant, when all that was due earlier has been done. What a
 * half-open breaker lets through is left to I7; whom limits hold back is not seen from outside, so a configuration with limits is not checked, nor a
 * route with a bound on a request's cost.
 */
import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { DeploymentId, EndpointId, RequestId } from "../../../router/core/messages.ts";

interface Waiting {
  readonly route: number;
  readonly inputTokens: number;
  readonly anywhere: boolean;
  readonly attempts: number;
}

/** @param deployments by EndpointId */
export function checkIdle(
  config: CompiledConfig,
  requests: ReadonlyMap<RequestId, Waiting>,
  deployments: readonly DeploymentId[],
  isIdle: (id: EndpointId) => boolean,
  violate: (what: string) => void,
): void {
  if (config.limits.length > 0) return;
  const waiting = waitingOf(requests);
  if (waiting.length === 0) return;
  for (const [id, deploymentId] of deployments.entries()) {
    const deployment = config.deployments[deploymentId];
    if (deployment === undefined || !deployment.takesUntagged || !isIdle(id as EndpointId)) continue;
    for (const { id: requestId, request } of waiting) {
      const route = config.routes[request.route];
      if (route?.costMaxNano !== undefined || request.inputTokens >= deployment.contextTokens || route?.deployments.includes(deploymentId) !== true) continue;
      violate(`request ${requestId} waits at route ${request.route} while endpoint ${id} has a place`);
    }
  }
}

/** Those that have had an attempt may be backing off instead. */
function waitingOf(requests: ReadonlyMap<RequestId, Waiting>): { readonly id: RequestId; readonly request: Waiting }[] {
  const waiting: { readonly id: RequestId; readonly request: Waiting }[] = [];
  for (const [id, request] of requests) if (request.attempts === 0 && request.anywhere) waiting.push({ id, request });
  return waiting;
}
