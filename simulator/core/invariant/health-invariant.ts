/**
 * I7 of active probes: a request's first attempt does not go to an endpoint that its probes have taken out while another of its route could take it. Checked where it is seen
 * from outside who that would be: without limits, for requests that may go anywhere.
 */
import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { EndpointId } from "../../../router/core/messages.ts";
import type { SeenEndpoint, SeenRequest } from "./seen.ts";

/** I7 of breakers: the route's floor is not reached by what is not open, or all are open and this one only for its failure rate. */
export function mayBeKept(endpoint: SeenEndpoint, pool: readonly EndpointId[], endpoints: readonly SeenEndpoint[], floorPercent: number): boolean {
  const others = pool.filter((id) => endpoints[id]?.phase !== "open").length;
  return pool.length > 0 && (others < Math.ceil((pool.length * floorPercent) / 100) || (others === 0 && endpoint.partial));
}

/** @param pool the endpoints of the request's route */
export function otherForUnhealthy(
  config: CompiledConfig,
  request: SeenRequest,
  pool: readonly EndpointId[],
  isIdle: (id: EndpointId) => boolean,
): EndpointId | null {
  if (config.limits.length > 0 || config.routes[request.route]?.costMaxNano !== undefined || request.attempts > 0 || !request.anywhere) return null;
  const takes = (id: EndpointId): boolean => {
    const deployment = config.deployments[config.endpoints[id]?.deployment ?? -1];
    return deployment !== undefined && deployment.takesUntagged && request.inputTokens < deployment.contextTokens;
  };
  return pool.find((id) => isIdle(id) && takes(id)) ?? null;
}
