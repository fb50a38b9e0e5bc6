/** A version of the configuration gets new requests: what only it has begins, what it shares goes on, and a new stable version's rules come into force for what is shared. */
import { emptyTotal } from "../accounting/ledger.ts";
import { newAdaptiveLimit } from "../admission/adaptive-limit.ts";
import { assert, present } from "../assert.ts";
import type { CompiledConfig, DeploymentSpec } from "../compiled-config.ts";
import type { Core } from "../core.ts";
import { breakerRefits } from "../health/breaker.ts";
import { noLease } from "../limit/lease.ts";
import { amendLimit } from "../limit/limit-course.ts";
import type { RouterEvent } from "../messages.ts";
import { samePlain } from "../plain.ts";
import { serveAll } from "../placement-course.ts";
import { noteBreaker } from "../request-course.ts";
import { affinityOf, newEndpointState, newRouteState, newTurns, type RouteTurns } from "../state.ts";
import { inheritAdaptive } from "../strategy/adaptive-weights.ts";
import { beginStarts } from "../strategy/recent-load.ts";
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
  for (const deployment of core.config.deployments) rule(core, deployment, before);
  for (const limit of core.config.limits) if (before.limits[limit.id]?.gone !== true) amendLimit(core, limit, before.limits[limit.id]);
  core.notePrices();
  serveAll(core);
}

/** State for what no live version has had so far. */
function begin(core: Core, config: CompiledConfig): void {
  const { state, views } = core;
  const isNew = (kind: "endpoints" | "routes" | "deployments" | "limits", id: number): boolean =>
    views.every((view) => view.config[kind][id] === undefined || view.config[kind][id]?.gone === true);
  for (const spec of config.endpoints) {
    const { fleet } = state;
    if (spec.gone === true || !isNew("endpoints", spec.id)) continue;
    assert((fleet?.specs[spec.id] ?? null) === null, "a new endpoint in a slot that is in use");
    if (fleet !== null) fleet.specs[spec.id] = spec;
    state.endpoints[spec.id] = newEndpointState(config, spec);
    beginStarts(state.recent, spec.id);
  }
  for (const route of config.routes) {
    if (route.gone === true) continue;
    if (isNew("routes", route.id)) state.routes[route.id] = newRouteState(config, route);
    const routeState = present(state.routes[route.id], "the route's state");
    routeState.affinity ??= affinityOf(config, route);
  }
  for (const { id, gone, adaptiveLimit, rates } of config.deployments) {
    if (gone === true || !isNew("deployments", id)) continue;
    state.adaptiveLimits[id] = adaptiveLimit === null ? null : newAdaptiveLimit(adaptiveLimit);
    state.ledger[id] = emptyTotal();
    state.prices[id] = rates;
  }
  for (const { id, gone } of config.limits) if (gone !== true && isNew("limits", id)) state.leases[id] = noLease();
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

/** The stable version's rules for what is shared. */
function rule(core: Core, deployment: DeploymentSpec, before: CompiledConfig): void {
  const { state } = core;
  const { id, rates } = deployment;
  const old = before.deployments[id];
  if (old !== undefined && !samePlain(old.rates, rates)) state.prices[id] = rates;
  const limit = limitUnder(core, deployment);
  const pool = core.poolOf(id);
  if (pool.some((endpoint) => state.endpoints[endpoint]?.limit !== limit)) core.emit({ kind: "limit-changed", deployment: id, limit });
  for (const endpoint of pool) {
    const own = present(state.endpoints[endpoint], "the endpoint's state");
    const phase = own.breaker.phase;
    own.limit = limit;
    breakerRefits(own.breaker, deployment.breaker, state.now);
    noteBreaker(core, endpoint, own, phase);
  }
}

/** What has been found out, as far as the rule allows it. */
function limitUnder(core: Core, { id, adaptiveLimit, concurrencyMax }: DeploymentSpec): number {
  const { adaptiveLimits } = core.state;
  if (adaptiveLimit === null) {
    adaptiveLimits[id] = null;
    return concurrencyMax;
  }
  const within = (limit: number): number => Math.max(adaptiveLimit.min, Math.min(concurrencyMax, limit));
  const found = adaptiveLimits[id] ?? newAdaptiveLimit(adaptiveLimit);
  adaptiveLimits[id] = found;
  found.limit = within(found.limit);
  found.limitBefore = within(found.limitBefore);
  return found.limit;
}
