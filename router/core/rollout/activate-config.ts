/** A version of the configuration gets new requests: what only it has begins, what it shares goes on, and a new stable version's rules come into force for what is shared. */
import { emptyTotal } from "../accounting/ledger.ts";
import { newAdaptiveLimit } from "../admission/adaptive-limit.ts";
import { assert, present } from "../assert.ts";
import type { CompiledConfig, EndpointSpec } from "../compiled-config.ts";
import type { Core } from "../core.ts";
import { noLease } from "../limit/lease.ts";
import type { RouterEvent } from "../messages.ts";
import { serveAll } from "../placement-course.ts";
import { affinityOf, newEndpointState, newRouteState, newTurns, type RouteTurns } from "../state.ts";
import { inheritAdaptive } from "../strategy/adaptive-weights.ts";
import { beginStarts } from "../strategy/recent-load.ts";
import { applyRules } from "./apply-rules.ts";
import { liveVersionsMax, sharesAfter } from "./versions.ts";

type Activation = Extract<RouterEvent, { kind: "config-activated" }>;

export function activateConfig(core: Core, { config, share, by }: Activation): void {
  const { state } = core;
  const before = core.config;
  if (!state.versions.some(({ version }) => version === config.version)) {
    assert(state.versions.length < liveVersionsMax, "more versions of the configuration than may be live at once");
    begin(core, config);
    const turns = newTurns(config);
    inheritTurns(core, config, turns);
    state.versions.push({ version: config.version, config, open: 0, turns });
  }
  state.shares = sharesAfter(state.shares, config.version, share, by);
  core.refit();
  applyRules(core, before);
  serveAll(core);
}

/** State for what no live version has had so far. */
function begin(core: Core, config: CompiledConfig): void {
  const { state, views } = core;
  const newOf = <Spec extends Entry>(specs: readonly Spec[], before: (own: CompiledConfig) => readonly Entry[]): Spec[] =>
    specs.filter((spec) => spec.gone !== true && views.every(({ own }) => (before(own)[spec.id] ?? gone).gone === true));
  for (const spec of newOf(config.endpoints, ({ endpoints }) => endpoints)) beginEndpoint(core, config, spec);
  for (const route of newOf(config.routes, ({ routes }) => routes)) state.routes[route.id] = newRouteState(config, route);
  for (const route of config.routes) if (route.gone !== true) present(state.routes[route.id], "the route's state").affinity ??= affinityOf(config, route);
  for (const { id, adaptiveLimit, rates } of newOf(config.deployments, ({ deployments }) => deployments)) {
    state.adaptiveLimits[id] = adaptiveLimit === null ? null : newAdaptiveLimit(adaptiveLimit);
    state.ledger[id] = emptyTotal();
    state.prices[id] = rates;
    state.volumes[id] = 0;
  }
  // On credit only what a replica starts with: a limit that comes and goes would have one each time.
  for (const { id } of newOf(config.limits, ({ limits }) => limits)) state.leases[id] = { ...noLease(), credit: false };
}

interface Entry {
  readonly id: number;
  readonly gone?: true;
}
const gone: Pick<Entry, "gone"> = { gone: true };

function beginEndpoint({ state }: Core, config: CompiledConfig, spec: EndpointSpec): void {
  const there = state.fleet?.specs[spec.id] ?? null;
  assert(there === null || there.identity === spec.identity, "a new endpoint in a slot that is in use");
  // It has joined by itself before.
  if (there !== null) return;
  if (state.fleet !== null) state.fleet.specs[spec.id] = spec;
  state.endpoints[spec.id] = newEndpointState(config, spec);
  beginStarts(state.recent, spec.id);
}

/** The weights that the stable version has found out hold on for the same deployments; turns begin anew. */
function inheritTurns(core: Core, config: CompiledConfig, turns: readonly RouteTurns[]): void {
  const { live, config: stable } = core.view(core.state.shares.stable);
  for (const route of config.routes) {
    const own = turns[route.id]?.adaptive ?? null;
    const from = live.turns[route.id]?.adaptive ?? null;
    const fromRoute = stable.routes[route.id];
    if (own !== null && from !== null && fromRoute !== undefined) inheritAdaptive(own, route, from, fromRoute);
  }
}
