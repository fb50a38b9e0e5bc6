/**
 * A new configuration in the ids of those that are live. Ids are places in arrays, and state is kept by id: what has the same identity (an endpoint's origin, model and key;
 * the name of everything else) must have the same id in every live version, or breakers, limits, budgets and what was learned would be lost or counted twice.
 *
 * What is new gets the lowest id that no live version uses. An id that only others use is filled with their entry, marked `gone`: nothing is sent there, and names can be
 * looked up by id in the newest version alone. Tags and regions stay as long as a live version has a deployment with them.
 */
import { present } from "../assert.ts";
import type { CompiledConfig, DeploymentSpec, EndpointSpec, FallbackSpec, LimitScope, LimitSpec, RouteSpec, TenantSpec } from "../compiled-config.ts";
import type { DeploymentId, EndpointId, LeaseKey, RouteId, TenantId } from "../messages.ts";

export interface Alignment {
  readonly config: CompiledConfig;
  /** The new ids by the old ones. */
  readonly endpoints: readonly EndpointId[];
  readonly deployments: readonly DeploymentId[];
  readonly tenants: readonly TenantId[];
  readonly limits: readonly LeaseKey[];
}

export function alignConfig(next: CompiledConfig, live: readonly CompiledConfig[]): Alignment {
  const routeIds = placesOf<RouteId>(
    next.routes.map(nameOf),
    live.map(({ routes }) => routes.map(nameInUse)),
  );
  const deploymentIds = placesOf<DeploymentId>(
    next.deployments.map(nameOf),
    live.map(({ deployments }) => deployments.map(nameInUse)),
  );
  const endpointIds = placesOf<EndpointId>(
    next.endpoints.map(({ identity }) => identity),
    live.map(({ endpoints }) => endpoints.map(({ identity, gone }) => (gone === true ? null : identity))),
  );
  const tenantIds = placesOf<TenantId>(
    next.tenants.map(nameOf),
    live.map(({ tenants }) => tenants.map(nameInUse)),
  );
  const limitIds = placesOf<LeaseKey>(
    next.limits.map(nameOf),
    live.map(({ limits }) => limits.map(nameInUse)),
  );
  const tagIds = placesOf<number>(next.tagNames, live.map(tagsInUse));
  const regionIds = placesOf<number>(next.regionNames, live.map(regionsInUse));

  const routes = next.routes.map((route, place): RouteSpec => ({
    ...route,
    id: at(routeIds, place),
    deployments: route.deployments.map((id) => at(deploymentIds, id)),
    fallbacks: alignFallbacks(route.fallbacks, routeIds),
  }));
  const deployments = next.deployments.map((deployment, place): DeploymentSpec => ({
    ...deployment,
    id: at(deploymentIds, place),
    tags: deployment.tags.map((tag) => at(tagIds, tag)),
    region: deployment.region < 0 ? deployment.region : at(regionIds, deployment.region),
    endpoints: deployment.endpoints.map((id) => at(endpointIds, id)),
  }));
  const endpoints = next.endpoints.map((endpoint, place): EndpointSpec => ({
    ...endpoint,
    id: at(endpointIds, place),
    deployment: at(deploymentIds, endpoint.deployment),
  }));
  const tenants = next.tenants.map((tenant, place): TenantSpec => ({ ...tenant, id: at(tenantIds, place) }));
  const limits = next.limits.map((limit, place): LimitSpec => ({
    ...limit,
    id: at(limitIds, place),
    scope: alignScope(limit.scope, { tenantIds, routeIds, deploymentIds }),
  }));
  const aligned: CompiledConfig = {
    ...next,
    routes: byId(routes),
    deployments: byId(deployments),
    endpoints: byId(endpoints),
    tenants: byId(tenants),
    limits: byId(limits),
    tagNames: namesByPlace(next.tagNames, tagIds),
    regionNames: namesByPlace(next.regionNames, regionIds),
  };
  return { config: fillGaps(aligned, live), endpoints: endpointIds, deployments: deploymentIds, tenants: tenantIds, limits: limitIds };
}

/** As far as the longest of all reaches: where a version has no entry of its own, another's, marked as gone. */
export function fillGaps(own: CompiledConfig, others: readonly CompiledConfig[]): CompiledConfig {
  return {
    ...own,
    routes: filled(
      own.routes,
      others.map(({ routes }) => routes),
      { deployments: [], internal: true },
    ),
    deployments: filled(
      own.deployments,
      others.map(({ deployments }) => deployments),
      { endpoints: [] },
    ),
    endpoints: filled(
      own.endpoints,
      others.map(({ endpoints }) => endpoints),
      {},
    ),
    tenants: filled(
      own.tenants,
      others.map(({ tenants }) => tenants),
      {},
    ),
    limits: filled(
      own.limits,
      others.map(({ limits }) => limits),
      { scope: { kind: "deployments", deployments: [] } },
    ),
    tagNames: filledNames(
      own.tagNames,
      others.map(({ tagNames }) => tagNames),
    ),
    regionNames: filledNames(
      own.regionNames,
      others.map(({ regionNames }) => regionNames),
    ),
  };
}

interface Entry {
  readonly gone?: true;
}

const nameOf = ({ name }: { readonly name: string }): string => name;
const nameInUse = ({ name, gone }: { readonly name: string } & Entry): string | null => (gone === true ? null : name);

/** @param used by live version and id: the name there, null where the id is free in it */
function placesOf<Id extends number>(names: readonly string[], used: readonly (readonly (string | null)[])[]): Id[] {
  const taken = new Map<string, number>();
  const busy = new Set<number>();
  for (const version of used) {
    for (const [id, name] of version.entries()) {
      if (name === null) continue;
      taken.set(name, id);
      busy.add(id);
    }
  }
  let free = 0;
  return names.map((name) => {
    const known = taken.get(name);
    if (known !== undefined) return known as Id;
    while (busy.has(free)) free += 1;
    busy.add(free);
    return free as Id;
  });
}

function tagsInUse({ tagNames, deployments }: CompiledConfig): (string | null)[] {
  return tagNames.map((name, place) => (deployments.some(({ tags, gone }) => gone !== true && tags.includes(place)) ? name : null));
}

function regionsInUse({ regionNames, deployments }: CompiledConfig): (string | null)[] {
  return regionNames.map((name, place) => (deployments.some(({ region, gone }) => gone !== true && region === place) ? name : null));
}

function alignFallbacks(fallbacks: FallbackSpec, ids: readonly RouteId[]): FallbackSpec {
  const aligned = (list: readonly RouteId[]): RouteId[] => list.flatMap((id) => ids[id] ?? []);
  const { general, contextWindow, contentPolicy, budget, hopsMax } = fallbacks;
  return { general: aligned(general), contextWindow: aligned(contextWindow), contentPolicy: aligned(contentPolicy), budget: aligned(budget), hopsMax };
}

interface Ids {
  readonly tenantIds: readonly TenantId[];
  readonly routeIds: readonly RouteId[];
  readonly deploymentIds: readonly DeploymentId[];
}

function alignScope(scope: LimitScope, { tenantIds, routeIds, deploymentIds }: Ids): LimitScope {
  switch (scope.kind) {
    case "total":
      return scope;
    case "tenant":
      return { ...scope, tenant: at(tenantIds, scope.tenant) };
    case "route":
      return { ...scope, route: at(routeIds, scope.route) };
    case "deployments":
      return { ...scope, deployments: scope.deployments.map((id) => at(deploymentIds, id)) };
  }
}

function at<Id>(ids: readonly Id[], place: number): Id {
  return present(ids[place], "an id of the new configuration");
}

/** With holes, which `fillGaps` closes. */
function byId<Spec extends { readonly id: number }>(specs: readonly Spec[]): Spec[] {
  const result: Spec[] = [];
  for (const spec of specs) result[spec.id] = spec;
  return result;
}

function namesByPlace(names: readonly string[], places: readonly number[]): string[] {
  const result: string[] = [];
  for (const [place, name] of names.entries()) result[at(places, place)] = name;
  return result;
}

function filled<Spec extends Entry>(own: readonly Spec[], others: readonly (readonly Spec[])[], idle: Partial<Spec>): Spec[] {
  const length = others.reduce((most, list) => Math.max(most, list.length), own.length);
  return Array.from({ length }, (_, id) => {
    const spec = own[id];
    if (spec !== undefined && spec.gone !== true) return spec;
    const others_ = others.flatMap((list) => list[id] ?? []);
    const stand = others_.find(({ gone }) => gone !== true) ?? spec ?? others_[0];
    return { ...present(stand, "an entry of some version"), ...idle, gone: true as const };
  });
}

function filledNames(own: readonly string[], others: readonly (readonly string[])[]): string[] {
  const length = others.reduce((most, list) => Math.max(most, list.length), own.length);
  return Array.from({ length }, (_, place) => own[place] ?? others.map((list) => list[place]).find((name) => name !== undefined) ?? "");
}
