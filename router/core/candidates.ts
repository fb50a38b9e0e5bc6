/**
 * The endpoints that a request could go to now, and why the others cannot be had. One is made per router and filled again for every decision: its lists keep their
 * size, and only the first `count` of each are meant.
 *
 * Filter: the prompt fits, the tags match, the region is one it may be answered in, it has had no attempt yet, the breaker lets it through, it is not cooling, it has a
 * place. Three rules give way, in this order and never another: a request whose tags no deployment of the route has goes to those tagged `default`; an endpoint that has
 * had an attempt is eligible again when no other is; a preferred region counts only while an eligible endpoint is in it. Residency never gives way.
 */
import { present } from "./assert.ts";
import type { CompiledConfig, DeploymentSpec, RouteSpec } from "./compiled-config.ts";
import { breakerRefuses } from "./health/breaker.ts";
import { keptByFloor, leastBad } from "./health/pool-floor.ts";
import { limitsRefuse } from "./limit/limit-check.ts";
import { indexLimits, type LimitIndex } from "./limit/limit-index.ts";
import type { Instant } from "./machine.ts";
import type { EndpointId, ExclusionReason, Explanation, LeaseKey, LimitRefusal, RouteId, RouteRequest } from "./messages.ts";
import type { EndpointState, RequestSlot, RouterState } from "./state.ts";
import { earlier, never } from "./time.ts";

export interface Candidates {
  readonly eligible: EndpointList;
  readonly excluded: EndpointList;
  /** Beside `excluded`. */
  readonly reasons: ExclusionReason[];
  /** Beside `eligible`: what the strategy judged them by. Null: nobody reads it. */
  readonly scores: Float64Array | null;
  /** By RouteId. */
  readonly routes: readonly RouteEndpoints[];
  /** Eligible though their breakers are open: the pool's floor. */
  readonly kept: EndpointId[];
  someOpen: boolean;
  /** Some endpoint is only full: its place comes free with the next outcome. */
  full: boolean;
  /** When the next endpoint that is open or cooling may be tried again; Infinity: none is. */
  reopensAt: Instant;
  /** Some endpoint can never serve this request (its context, tags, residency): what keeps it waiting need not keep others. */
  unfit: boolean;
  /** Endpoints whose context is too small. */
  tooSmall: number;
  /** Leases without which nothing can be dispatched, and the units of each that would do. */
  readonly wantedKeys: LeaseKey[];
  readonly wantedUnits: number[];
  /** Why a limit or budget excludes the deployment that it lets go first, and when it does so; Infinity: not known. */
  refusal: LimitRefusal | null;
  refusedUntil: Instant;
  readonly limits: LimitIndex;
}

export interface EndpointList {
  readonly ids: EndpointId[];
  /** Of the eligible ones: place of the deployment in the route. */
  readonly places: number[];
  count: number;
}

/** A route's endpoints in the order of the configuration, flat. */
interface RouteEndpoints {
  readonly ids: readonly EndpointId[];
  readonly places: readonly number[];
  /** Beside `ids`. */
  readonly deployments: readonly DeploymentSpec[];
  readonly byPlace: readonly DeploymentSpec[];
  /** It has deployments of more than one tier. */
  readonly tiered: boolean;
}

export function noCandidates(config: CompiledConfig, explain: boolean): Candidates {
  const size = config.endpoints.length;
  const routes = config.routes.map((route): RouteEndpoints => {
    const byPlace = route.deployments.map((id) => present(config.deployments[id], "a deployment of the route"));
    const own = byPlace.flatMap((deployment, place) => deployment.endpoints.map((endpoint) => ({ endpoint, place, deployment })));
    const ids = own.map(({ endpoint }) => endpoint);
    const places = own.map(({ place }) => place);
    const tiered = byPlace.some(({ tier }) => tier !== byPlace[0]?.tier);
    return { ids, places, deployments: own.map(({ deployment }) => deployment), byPlace, tiered };
  });
  return {
    eligible: emptyList(size),
    excluded: emptyList(size),
    reasons: Array.from({ length: size }, () => "cooling"),
    scores: explain ? new Float64Array(size) : null,
    routes,
    kept: [],
    someOpen: false,
    full: false,
    reopensAt: never,
    unfit: false,
    tooSmall: 0,
    wantedKeys: [],
    wantedUnits: [],
    refusal: null,
    refusedUntil: never,
    limits: indexLimits(config),
  };
}

function emptyList(size: number): EndpointList {
  return { ids: Array.from({ length: size }, () => 0 as EndpointId), places: Array.from({ length: size }, () => 0), count: 0 };
}

/** A retry prefers what has answered last time; an endpoint that has had an attempt of this request is eligible again only when no other is. */
export function findCandidates(found: Candidates, state: RouterState, route: RouteSpec, slot: RequestSlot): void {
  const { request, tried } = slot;
  const endpoints = present(found.routes[route.id], "the route's endpoints");
  const unmatched = request.tags.length > 0 && !endpoints.deployments.some((deployment) => tagsMatch(request, deployment));
  collect(found, state, route, slot, endpoints, tried, unmatched);
  if (found.eligible.count === 0 && tried.length > 0 && wasExcluded(found, "already-tried")) collect(found, state, route, slot, endpoints, none, unmatched);
  else if (found.eligible.count > 1 && tried.length > 0)
    keepWhere(found, "failed-lately", (index) => (state.endpoints[found.eligible.ids[index] as number]?.breaker.failures ?? 0) === 0);
  keepFirstTier(found, endpoints);
  if (request.region >= 0) keepWhere(found, "other-region", (index) => endpoints.byPlace[found.eligible.places[index] as number]?.region === request.region);
}

const none: readonly EndpointId[] = [];

function collect(
  found: Candidates,
  state: RouterState,
  route: RouteSpec,
  slot: RequestSlot,
  { ids, places, deployments }: RouteEndpoints,
  tried: readonly EndpointId[],
  unmatched: boolean,
): void {
  clear(found);
  const { eligible } = found;
  const { request } = slot;
  let count = 0;
  let asked: DeploymentSpec | null = null;
  let limited: LimitRefusal | null = null;
  for (let index = 0; index < ids.length; index += 1) {
    const id = ids[index] as EndpointId;
    const endpoint = state.endpoints[id] as EndpointState;
    const deployment = deployments[index] as DeploymentSpec;
    const unfit = neverFits(deployment, request, unmatched);
    if (unfit === null && found.limits.some && deployment !== asked) {
      limited = limitsRefuse(found, state, route, slot, deployment);
      asked = deployment;
    }
    const why = unfit ?? limited ?? refusal(state.now, endpoint, deployment) ?? (tried.length > 0 && tried.includes(id) ? "already-tried" : null);
    if (why === null) {
      eligible.ids[count] = id;
      eligible.places[count] = places[index] as number;
      count += 1;
    } else {
      exclude(found, id, endpoint, why);
    }
  }
  eligible.count = count;
  if (found.someOpen && (count === 0 || route.floorPercent > 0)) keepFloor(found, state, route, ids, places, deployments, tried);
}

function keepFloor(
  found: Candidates,
  state: RouterState,
  route: RouteSpec,
  ids: readonly EndpointId[],
  places: readonly number[],
  deployments: readonly DeploymentSpec[],
  tried: readonly EndpointId[],
): void {
  let open = 0;
  for (const id of ids) if (state.endpoints[id]?.breaker.phase === "open") open += 1;
  const floor = keptByFloor(route.floorPercent, ids.length, open);
  const mayUse = (id: EndpointId): boolean => {
    const endpoint = state.endpoints[id] as EndpointState;
    if (!wasExcludedFor(found, id, "breaker-open") || endpoint.coolUntil > state.now || tried.includes(id)) return false;
    return endpoint.inFlight < (deployments[ids.indexOf(id)]?.concurrencyMax ?? 0);
  };
  for (let place = 0; place < Math.max(floor, open === ids.length ? 1 : 0); place += 1) {
    const id = leastBad(ids, state.endpoints, place >= floor, mayUse);
    if (id === null) return;
    takeBack(found, id, places[ids.indexOf(id)] as number);
  }
}

/** From the excluded to the eligible. */
function takeBack({ eligible, excluded, reasons, kept }: Candidates, id: EndpointId, place: number): void {
  const from = excluded.ids.indexOf(id);
  excluded.count -= 1;
  for (let index = from; index < excluded.count; index += 1) {
    excluded.ids[index] = excluded.ids[index + 1] as EndpointId;
    reasons[index] = reasons[index + 1] as ExclusionReason;
  }
  eligible.ids[eligible.count] = id;
  eligible.places[eligible.count] = place;
  eligible.count += 1;
  kept.push(id);
}

function clear(found: Candidates): void {
  found.eligible.count = 0;
  found.excluded.count = 0;
  found.kept.length = 0;
  found.someOpen = false;
  found.full = false;
  found.reopensAt = never;
  found.unfit = false;
  found.tooSmall = 0;
  found.wantedKeys.length = 0;
  found.wantedUnits.length = 0;
  found.refusal = null;
  found.refusedUntil = never;
}

/** What can never be put right comes first. */
function neverFits(deployment: DeploymentSpec, request: RouteRequest, unmatched: boolean): ExclusionReason | null {
  if (request.residency !== -1 && deployment.region !== request.residency) return "residency";
  if (request.tags.length === 0 ? !deployment.takesUntagged : unmatched ? !deployment.takesUnmatched : !tagsMatch(request, deployment)) return "tags";
  return request.inputTokens >= deployment.contextTokens ? "context-too-small" : null;
}

function refusal(now: Instant, endpoint: EndpointState, deployment: DeploymentSpec): ExclusionReason | null {
  const refused = breakerRefuses(endpoint.breaker, deployment.breaker);
  if (refused !== null) return refused;
  if (endpoint.coolUntil > now) return "cooling";
  return endpoint.inFlight >= deployment.concurrencyMax ? "at-capacity" : null;
}

function tagsMatch({ tags, tagMatch }: RouteRequest, deployment: DeploymentSpec): boolean {
  const has = (tag: number): boolean => deployment.tags.includes(tag);
  return tagMatch === "any" ? tags.some(has) : tags.every(has);
}

function exclude(found: Candidates, id: EndpointId, endpoint: EndpointState, why: ExclusionReason): void {
  const { excluded } = found;
  excluded.ids[excluded.count] = id;
  found.reasons[excluded.count] = why;
  excluded.count += 1;
  if (why === "at-capacity" || why === "half-open-full") found.full = true;
  else if (why === "breaker-open") {
    found.someOpen = true;
    found.reopensAt = earlier(found.reopensAt, endpoint.breaker.openUntil);
  } else if (why === "cooling") found.reopensAt = earlier(found.reopensAt, endpoint.coolUntil);
  else if (why === "context-too-small") {
    found.tooSmall += 1;
    found.unfit = true;
  } else if (why === "tags" || why === "residency") found.unfit = true;
}

function wasExcludedFor({ excluded, reasons }: Candidates, id: EndpointId, reason: ExclusionReason): boolean {
  for (let index = 0; index < excluded.count; index += 1) if (excluded.ids[index] === id) return reasons[index] === reason;
  return false;
}

function wasExcluded(found: Candidates, reason: ExclusionReason): boolean {
  for (let index = 0; index < found.excluded.count; index += 1) if (found.reasons[index] === reason) return true;
  return false;
}

function keepFirstTier(found: Candidates, { byPlace, tiered }: RouteEndpoints): void {
  const { eligible } = found;
  if (!tiered) return;
  let first = Infinity;
  for (let index = 0; index < eligible.count; index += 1) first = Math.min(first, byPlace[eligible.places[index] as number]?.tier ?? 0);
  keepWhere(found, "later-tier", (index) => byPlace[eligible.places[index] as number]?.tier === first);
}

/** Those that are liked, where there are any; otherwise all. */
function keepWhere(found: Candidates, reason: ExclusionReason, isLiked: (index: number) => boolean): void {
  const { eligible, excluded } = found;
  let liked = 0;
  while (liked < eligible.count && !isLiked(liked)) liked += 1;
  if (liked === eligible.count) return;
  let kept = 0;
  for (let index = 0; index < eligible.count; index += 1) {
    const id = eligible.ids[index] as EndpointId;
    if (isLiked(index)) {
      eligible.ids[kept] = id;
      eligible.places[kept] = eligible.places[index] as number;
      kept += 1;
    } else {
      excluded.ids[excluded.count] = id;
      found.reasons[excluded.count] = reason;
      excluded.count += 1;
    }
  }
  eligible.count = kept;
}

/** Some eligible endpoint has had no attempt of this request. */
export function anyFresh({ eligible }: Candidates, tried: readonly EndpointId[]): boolean {
  for (let index = 0; index < eligible.count; index += 1) if (!tried.includes(eligible.ids[index] as EndpointId)) return true;
  return false;
}

export function explanationOf(found: Candidates, chosen: EndpointId | null, strategy: string, measure: string, path: readonly RouteId[]): Explanation {
  const { eligible, scores } = found;
  const excluded = found.excluded.ids.slice(0, found.excluded.count).map((endpoint, place) => ({ endpoint, why: present(found.reasons[place], "the reason") }));
  return {
    candidates: eligible.ids.slice(0, eligible.count),
    scores: scores === null ? [] : [...scores.subarray(0, eligible.count)],
    measure,
    kept: [...found.kept],
    excluded,
    chosen,
    strategy,
    path: [...path],
  };
}
