import { assert, present } from "./assert.ts";
import type { EndpointSpec } from "./compiled-config.ts";
import type { Core } from "./core.ts";
import { forgetIfGone } from "./fleet-config.ts";
import { healthRefits } from "./health/health-course.ts";
import { scheduleEndpoint } from "./health/probe-course.ts";
import type { DeploymentId, EndpointId } from "./messages.ts";
import { serveQueues } from "./placement-course.ts";
import { type FleetState, newEndpointState } from "./state.ts";
import { beginStarts } from "./strategy/recent-load.ts";

/** Endpoints join and leave; who waits goes on where a new one has room. */
export function changeFleet(core: Core, joined: readonly EndpointSpec[], left: readonly EndpointId[]): void {
  const fleet: FleetState = core.state.fleet ?? { specs: namedEndpoints(core), leaving: [] };
  core.state.fleet = fleet;
  for (const spec of joined) join(core, fleet, spec);
  for (const id of left) if ((fleet.specs[id] ?? null) !== null && !fleet.leaving.includes(id)) fleet.leaving.push(id);
  core.refit();
  for (const { id } of joined) {
    present(core.state.endpoints[id], "the endpoint's state").limit = limitNow(core, core.deploymentOf(id).id);
    healthRefits(core, id);
    scheduleEndpoint(core, id);
    core.note(id);
  }
  for (const id of left) forgetIfGone(core, id);
  for (const { id } of joined) serveQueues(core, id);
}

/** Those that the live versions name. */
function namedEndpoints({ config, views }: Core): (EndpointSpec | null)[] {
  return config.endpoints.map(({ id }) => views.flatMap(({ own }) => own.endpoints[id] ?? []).find(({ gone }) => gone !== true) ?? null);
}

/** What the pool has found out, or its fixed concurrency. */
function limitNow(core: Core, id: DeploymentId): number {
  return core.state.adaptiveLimits[id]?.limit ?? present(core.config.deployments[id], "the deployment that it joins").concurrencyMax;
}

function join(core: Core, fleet: FleetState, spec: EndpointSpec): void {
  const { endpoints } = core.state;
  assert(spec.id <= fleet.specs.length, "endpoints take the next slot or a free one");
  const there = fleet.specs[spec.id] ?? null;
  if (there !== null) {
    assert(there.identity === spec.identity, "an endpoint joins in a slot that is in use");
    if (fleet.leaving.includes(spec.id)) fleet.leaving.splice(fleet.leaving.indexOf(spec.id), 1);
    return;
  }
  fleet.specs[spec.id] = spec;
  endpoints[spec.id] = newEndpointState(core.config, spec);
  beginStarts(core.state.recent, spec.id);
  present(core.config.deployments[spec.deployment], "the deployment that it joins");
}
