/**
 * Membership of endpoints. The configuration says who is there at the beginning; from the first change on the state does: slots of endpoints, free ones among them, and who
 * is leaving. What is leaving or gone is in no deployment, so nothing new is sent there; its attempts under way end as they would, and the last one's end forgets it.
 * State (breaker, what was learned, places in use) belongs to the slot as long as the endpoint holds it: one that comes back before its last attempt has ended keeps it.
 * An endpoint that a version of the configuration names is at the deployment that this version says.
 */
import { present } from "./assert.ts";
import type { CompiledConfig, EndpointSpec } from "./compiled-config.ts";
import type { Core } from "./core.ts";
import { removeKey } from "./tournament.ts";
import type { DeploymentId, EndpointId } from "./messages.ts";
import { type FleetState, newEndpointState } from "./state.ts";

export function configOf(config: CompiledConfig, fleet: FleetState | null): CompiledConfig {
  if (fleet === null) return config;
  const { specs, leaving } = fleet;
  const endpoints = specs.map((spec, id): EndpointSpec => {
    const own = config.endpoints[id];
    if (spec === null) return freeSlot(id as EndpointId);
    return own?.identity === spec.identity ? own : spec;
  });
  const isThere = ({ id, gone }: EndpointSpec): boolean => gone !== true && (specs[id] ?? null) !== null && !leaving.includes(id);
  return {
    ...config,
    endpoints,
    deployments: config.deployments.map((deployment) => ({
      ...deployment,
      endpoints: deployment.gone === true ? [] : endpoints.flatMap((spec) => (spec.deployment === deployment.id && isThere(spec) ? [spec.id] : [])),
    })),
  };
}

export function freeSlot(id: EndpointId): EndpointSpec {
  return { id, deployment: 0 as DeploymentId, identity: "", origin: "", zone: "", gone: true };
}

export function isForgotten(core: Core, id: EndpointId): boolean {
  const { fleet } = core.state;
  return core.config.endpoints[id] === undefined || (fleet !== null && (fleet.specs[id] ?? null) === null);
}

export function isLeaving({ state: { fleet } }: Core, id: EndpointId): boolean {
  return fleet !== null && fleet.leaving.includes(id);
}

/** When it has left and nothing of it is under way. */
export function forgetIfGone(core: Core, id: EndpointId): void {
  const { fleet, endpoints, endpointDeadlines } = core.state;
  if (fleet === null || !fleet.leaving.includes(id) || present(endpoints[id], "the endpoint's state").inFlight > 0) return;
  fleet.leaving.splice(fleet.leaving.indexOf(id), 1);
  fleet.specs[id] = null;
  endpoints[id] = newEndpointState(core.config, freeSlot(id));
  removeKey(endpointDeadlines, id);
  core.refit();
  core.emit({ kind: "forget-endpoint", endpoint: id });
}
