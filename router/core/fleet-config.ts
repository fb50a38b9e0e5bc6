/**
 * Membership of endpoints. The configuration says who is there at the beginning; from the first change on the state does: slots of endpoints, free ones among them, and who
 * is leaving. What is leaving or gone is in no deployment, so nothing new is sent there; its attempts under way end as they would, and the last one's end forgets it.
 * State (breaker, what was learned, places in use) belongs to the slot as long as the endpoint holds it: one that comes back before its last attempt has ended keeps it.
 */
import { present } from "./assert.ts";
import type { CompiledConfig, EndpointSpec } from "./compiled-config.ts";
import type { Core } from "./core.ts";
import { heapRemove } from "./indexed-heap.ts";
import type { DeploymentId, EndpointId } from "./messages.ts";
import { type FleetState, newEndpointState } from "./state.ts";

export function configOf(config: CompiledConfig, fleet: FleetState | null): CompiledConfig {
  if (fleet === null) return config;
  const { specs, leaving } = fleet;
  return {
    ...config,
    endpoints: specs.map((spec, id) => spec ?? freeSlot(id as EndpointId)),
    deployments: config.deployments.map((deployment) => ({
      ...deployment,
      endpoints: specs.flatMap((spec) => (spec === null || spec.deployment !== deployment.id || leaving.includes(spec.id) ? [] : [spec.id])),
    })),
  };
}

function freeSlot(id: EndpointId): EndpointSpec {
  return { id, deployment: 0 as DeploymentId, identity: "", origin: "", zone: "" };
}

export function isForgotten(core: Core, id: EndpointId): boolean {
  const { fleet } = core.state;
  return fleet !== null && (fleet.specs[id] ?? null) === null;
}

/** When it has left and nothing of it is under way. */
export function forgetIfGone(core: Core, id: EndpointId): void {
  const { fleet, endpoints, endpointDeadlines } = core.state;
  if (fleet === null || !fleet.leaving.includes(id) || present(endpoints[id], "the endpoint's state").inFlight > 0) return;
  fleet.leaving.splice(fleet.leaving.indexOf(id), 1);
  fleet.specs[id] = null;
  endpoints[id] = newEndpointState(core.config, freeSlot(id));
  heapRemove(endpointDeadlines, id);
  core.refit();
  core.emit({ kind: "forget-endpoint", endpoint: id });
}
