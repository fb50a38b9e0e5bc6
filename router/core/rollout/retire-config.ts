import { assert } from "../assert.ts";
import type { EndpointSpec, LimitSpec } from "../compiled-config.ts";
import type { Core, View } from "../core.ts";
import { freeSlot } from "../fleet-config.ts";
import { removeKey } from "../tournament.ts";
import { dropLease } from "../limit/limit-course.ts";
import { serveAll } from "../placement-course.ts";
import { newEndpointState } from "../state.ts";
import { applyRules } from "./apply-rules.ts";
import { takesRequests } from "./versions.ts";

/** Versions that get no new requests, and whose last one has ended, go; with them what only they had. */
export function retireEnded(core: Core): void {
  const { state } = core;
  while (state.versions.length > 1) {
    const ended = state.versions.find(({ version, open }) => open === 0 && !takesRequests(state.shares, version));
    if (ended === undefined) return;
    retire(core, core.view(ended.version));
    serveAll(core);
  }
}

function retire(core: Core, { version, own: config }: View): void {
  const { state } = core;
  const others = core.views.filter((view) => view.version !== version).map(({ own }) => own);
  const limits = config.limits.filter((limit) =>
    isOnlyHere(
      limit,
      others.map((other) => other.limits[limit.id]),
    ),
  );
  const endpoints = config.endpoints.filter(
    (endpoint) =>
      isOnlyHere(
        endpoint,
        others.map((other) => other.endpoints[endpoint.id]),
      ) && isThere(core, endpoint.id),
  );
  for (const { id } of limits) dropLease(core, id);
  state.versions = state.versions.filter((live) => live.version !== version);
  for (const { id } of endpoints) {
    assert(state.endpoints[id]?.inFlight === 0, "attempts at an endpoint of a version that has ended");
    if (state.fleet !== null) state.fleet.specs[id] = null;
    state.endpoints[id] = newEndpointState(config, freeSlot(id));
    removeKey(state.endpointDeadlines, id);
  }
  const before = core.config;
  core.refit();
  applyRules(core, before);
  for (const { id } of endpoints) core.emit({ kind: "forget-endpoint", endpoint: id });
  core.emit({ kind: "retire-config", version });
}

type Entry = Pick<EndpointSpec | LimitSpec, "gone">;

function isOnlyHere({ gone }: Entry, elsewhere: readonly (Entry | undefined)[]): boolean {
  return gone !== true && elsewhere.every((other) => other === undefined || other.gone === true);
}

/** Named by the configuration, and not gone from the fleet by itself. */
function isThere({ state: { fleet } }: Core, id: EndpointSpec["id"]): boolean {
  return fleet === null || ((fleet.specs[id] ?? null) !== null && !fleet.leaving.includes(id));
}
