/**
 * The endpoints that a request could go to now, and why the others cannot be had. One is made per version of the configuration and filled again for every decision: its lists keep their
 * size, and only the first `count` of each are meant.
 *
 * Filter: the prompt fits, the tags match, the region is one it may be answered in, it can serve the request at all, it has had no attempt yet, the breaker lets it through, it is not cooling, it has a
 * place, its probes find it well. Three rules give way, in this order and never another: a request whose tags no deployment of the route has goes to those tagged `default`; an endpoint that has
 * had an attempt is eligible again when no other is, nor one that is only full and may be waited for; a preferred region counts only while an eligible endpoint is in it. Residency never gives way.
 * Of what is left the nearest are meant (nearness.ts).
 */
import { missing, present } from "./assert.ts";
import type { CompiledConfig, DeploymentSpec, RouteSpec } from "./compiled-config.ts";
import { isForGood, mayWait, neverFits, refusal, tagsMatch } from "./eligibility.ts";
import { keepFloor } from "./health/keep-floor.ts";
import { keepUnhealthy } from "./health/keep-unhealthy.ts";
import { costRefuses } from "./limit/cost-bound.ts";
import { limitsRefuse } from "./limit/limit-check.ts";
import { indexLimits, type LimitIndex } from "./limit/limit-index.ts";
import { limitsPass, type RouteLimits, routeLimitsOf } from "./limit/limits-pass.ts";
import type { Instant } from "./machine.ts";
import type { EndpointId, ExclusionReason, Explanation, LeaseKey, LimitRefusal, RouteId, RouteRequest } from "./messages.ts";
import { purposeOf } from "./random.ts";
import { distancesFrom } from "./nearness.ts";
import { type LoadLevels, newLevels } from "./strategy/load-levels.ts";
import type { EndpointState, Place, RequestSlot, RouterState, RouteTurns } from "./state.ts";
import { earlier, instantAt, never } from "./time.ts";

export interface Candidates {
  readonly eligible: EndpointList;
  /** What the strategy notes equals in. */
  readonly tied: number[];
  readonly excluded: EndpointList;
  /** Beside `excluded`. */
  readonly reasons: ExclusionReason[];
  /** Beside `eligible`: what the strategy judged them by. Null: nobody reads it. */
  readonly scores: Float64Array | null;
  /** By RouteId. */
  readonly routes: readonly RouteEndpoints[];
  /** Eligible though their breakers are open: the pool's floor. */
  readonly kept: EndpointId[];
  /** Half-open, and nobody has asked for its probes lately. */
  readonly wantedProbes: EndpointId[];
  someOpen: boolean;
  someUnhealthy: boolean;
  /** Some endpoint is only full: its place comes free with the next outcome. */
  full: boolean;
  /** When the next endpoint that is open or cooling may be tried again; Infinity: none is. */
  reopensAt: Instant;
  /** Some endpoint can never serve this request (its context, tags, residency): what keeps it waiting need not keep others. */
  unfit: boolean;
  /** Leases without which nothing can be dispatched, and the units of each that would do. */
  readonly wantedKeys: LeaseKey[];
  readonly wantedUnits: number[];
  /** Why a limit or budget excludes the deployment that it lets go first, and when it does so; Infinity: not known. */
  refusal: LimitRefusal | null;
  refusedUntil: Instant;
  readonly limits: LimitIndex;
  /** By RouteId. */
  readonly turns: readonly RouteTurns[];
  /** By EndpointId: see nearness.ts. */
  readonly distance: readonly number[];
  /** By EndpointId, drawn from the state by `noteEndpoint`, for speed: 1 where it has a place and neither its breaker nor cooling is in the way; attempts in flight. */
  readonly open: number[];
  readonly busy: number[];
  readonly loads: LoadLevels | null;
  /** Likewise: until when its breaker is open; 0: it is not. Many may be, and each decision after a change passes them all. */
  readonly shutUntil: Float64Array;
  /** Of their identities: the same in every replica. */
  readonly hashes: Int32Array;
  /** The route whose lists stand here, where they hold for every request of it that no rule but the endpoints' state concerns; -1: they do not. */
  filledFor: number;
}

export interface EndpointList {
  readonly ids: EndpointId[];
  /** Of the eligible ones: place of the deployment in the route. */
  readonly places: number[];
  count: number;
}

/** A route's endpoints in the order of the configuration, flat. */
export interface RouteEndpoints {
  readonly ids: readonly EndpointId[];
  readonly places: readonly number[];
  /** Beside `ids`. */
  readonly deployments: readonly DeploymentSpec[];
  readonly byPlace: readonly DeploymentSpec[];
  /** It has deployments of more than one tier. */
  readonly tiered: boolean;
  /** Its endpoints are not all equally near. */
  readonly spread: boolean;
  readonly allTakeUntagged: boolean;
  readonly contextMin: number;
  readonly limits: RouteLimits;
}

export function noCandidates(config: CompiledConfig, explain: boolean, turns: readonly RouteTurns[], here: Place): Candidates {
  const distance = distancesFrom(here, config);
  const size = config.endpoints.length;
  const limits = indexLimits(config);
  const routes = config.routes.map((route): RouteEndpoints => {
    const byPlace = route.deployments.map((id) => present(config.deployments[id], "a deployment of the route"));
    const own = byPlace.flatMap((deployment, place) => deployment.endpoints.map((endpoint) => ({ endpoint, place, deployment })));
    return {
      ids: own.map(({ endpoint }) => endpoint),
      places: own.map(({ place }) => place),
      deployments: own.map(({ deployment }) => deployment),
      byPlace,
      tiered: byPlace.some(({ tier }) => tier !== byPlace[0]?.tier),
      spread: own.some(({ endpoint }) => distance[endpoint] !== distance[own[0]?.endpoint ?? -1]),
      allTakeUntagged: byPlace.every(({ takesUntagged }) => takesUntagged),
      contextMin: Math.min(...byPlace.map(({ contextTokens }) => contextTokens)),
      limits: routeLimitsOf(config, route, limits),
    };
  });
  return {
    eligible: emptyList(size),
    tied: Array.from({ length: size }, () => 0),
    excluded: emptyList(size),
    reasons: Array.from({ length: size }, () => "cooling"),
    scores: explain ? new Float64Array(size) : null,
    routes,
    kept: [],
    wantedProbes: [],
    someOpen: false,
    someUnhealthy: false,
    full: false,
    reopensAt: never,
    unfit: false,
    wantedKeys: [],
    wantedUnits: [],
    refusal: null,
    refusedUntil: never,
    limits,
    turns,
    distance,
    open: Array.from({ length: size }, () => 0),
    busy: Array.from({ length: size }, () => 0),
    loads: newLevels(size),
    shutUntil: new Float64Array(size),
    hashes: Int32Array.from(config.endpoints, ({ identity }) => purposeOf(identity)),
    filledFor: -1,
  };
}

function emptyList(size: number): EndpointList {
  return { ids: Array.from({ length: size }, () => 0 as EndpointId), places: Array.from({ length: size }, () => 0), count: 0 };
}

/** A retry prefers what has answered last time; an endpoint that has had an attempt of this request is eligible again only when no other is. */
export function findCandidates(found: Candidates, state: RouterState, route: RouteSpec, slot: RequestSlot): void {
  const endpoints = found.routes[route.id] ?? missing("the route's endpoints");
  const onlyState = onlyStateMatters(found, state, route, slot, endpoints);
  const { tried, request } = slot;
  // Of a preferred region the nearest are meant, not of the nearest those in it.
  const common = onlyState && tried.length === 0 && (request.region < 0 || !endpoints.spread);
  if (common && found.filledFor === route.id) {
    forgetLimits(found);
    if (request.region >= 0) keepRegion(found, endpoints, request.region);
  } else fill(found, state, { route, slot, endpoints, onlyState, common });
}

/** What is asked of every endpoint alike. */
interface Search {
  readonly route: RouteSpec;
  readonly slot: RequestSlot;
  readonly endpoints: RouteEndpoints;
  /** Nothing but an endpoint's own state can be in the way. */
  readonly onlyState: boolean;
  /** Nor is it in question what the request has tried: what is found holds for others like it. */
  readonly common: boolean;
}

function fill(found: Candidates, state: RouterState, search: Search): void {
  const { endpoints, slot } = search;
  const { request, tried } = slot;
  const unmatched = request.tags.length > 0 && !endpoints.deployments.some((deployment) => tagsMatch(request, deployment));
  collect(found, state, search, tried, unmatched);
  if (found.eligible.count === 0 && tried.length > 0 && wasExcluded(found, "already-tried") && !(found.full && mayWait(search.route)))
    collect(found, state, search, none, unmatched);
  else if (found.eligible.count > 1 && tried.length > 0)
    keepWhere(found, "failed-lately", (index) => (state.endpoints[found.eligible.ids[index] as number]?.breaker.failures ?? 0) === 0);
  keepFirstTier(found, endpoints);
  if (request.region >= 0) keepRegion(found, endpoints, request.region);
  if (endpoints.spread) keepNearest(found);
}

function keepRegion(found: Candidates, { byPlace }: RouteEndpoints, region: number): void {
  keepWhere(found, "other-region", (index) => byPlace[found.eligible.places[index] as number]?.region === region);
}

const none: readonly EndpointId[] = [];

function collect(
  found: Candidates,
  state: RouterState,
  { route, slot, endpoints, onlyState, common }: Search,
  tried: readonly EndpointId[],
  unmatched: boolean,
): void {
  clear(found);
  if (common) found.filledFor = route.id;
  const { eligible, open } = found;
  const { ids, places } = endpoints;
  const asked: AskedDeployment = { route, slot, unmatched, onlyState, tried, deployment: null, refused: null };
  let count = 0;
  for (let index = 0; index < ids.length; index += 1) {
    const id = ids[index] as EndpointId;
    // What most endpoints are is seen without a call.
    if (!(common && open[id] === 1) && isExcluded(found, state, endpoints, index, asked)) continue;
    eligible.ids[count] = id;
    eligible.places[count] = places[index] as number;
    count += 1;
  }
  eligible.count = count;
  if (count === 0 && found.someUnhealthy) keepUnhealthy(found, endpoints);
  if (found.someOpen && (eligible.count === 0 || route.floorPercent > 0)) keepFloor(found, state, route, endpoints, tried);
}

/** The limits of two routes bind a request that has fallen back: that is asked the long way. */
function onlyStateMatters(found: Candidates, state: RouterState, route: RouteSpec, slot: RequestSlot, endpoints: RouteEndpoints): boolean {
  if (slot.route !== slot.request.route || route.costMaxNano !== undefined) return false;
  return allFit(endpoints, slot.request) && limitsPass(found.limits, endpoints.limits, state, route, slot);
}

/** What is the same for all endpoints of a deployment: asked once, since they stand together. */
interface AskedDeployment {
  readonly route: RouteSpec;
  readonly slot: RequestSlot;
  readonly unmatched: boolean;
  /** Nothing but the endpoint's own state can be in the way. */
  readonly onlyState: boolean;
  readonly tried: readonly EndpointId[];
  deployment: DeploymentSpec | null;
  refused: ExclusionReason | null;
}

function isExcluded(found: Candidates, state: RouterState, endpoints: RouteEndpoints, index: number, asked: AskedDeployment): boolean {
  const id = endpoints.ids[index] as EndpointId;
  const opensAt = found.shutUntil[id] as number;
  if (asked.onlyState && opensAt > 0) {
    excludeShut(found, id, opensAt);
    return true;
  }
  const why = whyNot(found, state, endpoints, index, asked) ?? (asked.tried.length > 0 && asked.tried.includes(id) ? "already-tried" : null);
  if (why !== null) exclude(found, id, state.endpoints[id] as EndpointState, why);
  return why !== null;
}

function whyNot(found: Candidates, state: RouterState, endpoints: RouteEndpoints, index: number, asked: AskedDeployment): ExclusionReason | null {
  const id = endpoints.ids[index] as EndpointId;
  if (asked.onlyState && found.open[id] === 1) return null;
  const deployment = endpoints.deployments[index] as DeploymentSpec;
  if (!asked.onlyState && deployment !== asked.deployment) {
    const { route, slot, unmatched } = asked;
    asked.refused =
      neverFits(deployment, slot.request, unmatched) ??
      costRefuses(found.limits.config, state, slot, deployment) ??
      limitsRefuse(found, state, route, slot, deployment);
    asked.deployment = deployment;
  }
  const { only } = asked.slot.request;
  return asked.refused ?? (only === undefined || only === id ? refusal(state.endpoints[id] as EndpointState, deployment) : "barred");
}

function clear(found: Candidates): void {
  found.eligible.count = 0;
  found.excluded.count = 0;
  if (found.kept.length > 0) found.kept.length = 0;
  if (found.wantedProbes.length > 0) found.wantedProbes.length = 0;
  found.someOpen = false;
  found.someUnhealthy = false;
  found.full = false;
  found.reopensAt = never;
  found.unfit = false;
  found.filledFor = -1;
  forgetLimits(found);
}

function forgetLimits(found: Candidates): void {
  // To set a length is dear, also where it is 0 already.
  if (found.wantedKeys.length > 0) {
    found.wantedKeys.length = 0;
    found.wantedUnits.length = 0;
  }
  found.refusal = null;
  found.refusedUntil = never;
}

/** `neverFits` is null for every deployment of the route, whatever it costs. */
function allFit({ allTakeUntagged, contextMin }: RouteEndpoints, request: RouteRequest): boolean {
  if (request.costMaxNano !== undefined || request.qualityMin !== undefined || request.only !== undefined) return false;
  return request.residency === -1 && request.barred.length === 0 && request.tags.length === 0 && allTakeUntagged && request.inputTokens < contextMin;
}

function exclude(found: Candidates, id: EndpointId, endpoint: EndpointState, why: ExclusionReason): void {
  const { excluded } = found;
  excluded.ids[excluded.count] = id;
  found.reasons[excluded.count] = why;
  excluded.count += 1;
  if (why === "half-open-full" && endpoint.probes.state === "lapsed" && !found.wantedProbes.includes(id)) found.wantedProbes.push(id);
  if (why === "at-capacity" || why === "half-open-full") found.full = true;
  else if (why === "breaker-open") {
    found.someOpen = true;
    found.reopensAt = earlier(found.reopensAt, endpoint.breaker.openUntil);
  } else if (why === "cooling") found.reopensAt = earlier(found.reopensAt, endpoint.coolUntil);
  else if (why === "unhealthy") found.someUnhealthy = true;
  found.unfit ||= isForGood(why);
}

/** What `exclude` does for an open breaker, without a look at the endpoint. */
function excludeShut(found: Candidates, id: EndpointId, opensAt: number): void {
  const { excluded } = found;
  excluded.ids[excluded.count] = id;
  found.reasons[excluded.count] = "breaker-open";
  excluded.count += 1;
  found.someOpen = true;
  if (opensAt < found.reopensAt) found.reopensAt = instantAt(opensAt);
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
  // It holds for every request of the route.
  const { filledFor } = found;
  keepWhere(found, "later-tier", (index) => byPlace[eligible.places[index] as number]?.tier === first);
  found.filledFor = filledFor;
}

/** Of what can be had now: who has no place, is open or cools is not here any more, so that the next distance has its turn. */
function keepNearest(found: Candidates): void {
  const { eligible, distance } = found;
  let least = Infinity;
  for (let index = 0; index < eligible.count; index += 1) least = Math.min(least, distance[eligible.ids[index] as number] ?? 0);
  // It holds for every request of the route, as tiers do.
  const { filledFor } = found;
  keepWhere(found, "farther", (index) => distance[eligible.ids[index] as number] === least);
  found.filledFor = filledFor;
}

/** Those that are liked, where there are any; otherwise all. */
function keepWhere(found: Candidates, reason: ExclusionReason, isLiked: (index: number) => boolean): void {
  const { eligible, excluded } = found;
  let liked = 0;
  while (liked < eligible.count && !isLiked(liked)) liked += 1;
  if (liked === eligible.count) return;
  found.filledFor = -1;
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
  const { eligible, scores, reasons, kept } = found;
  const judged: number[] = [];
  if (scores !== null) for (let index = 0; index < eligible.count; index += 1) judged.push(scores[index] as number);
  const excluded: Explanation["excluded"][number][] = [];
  for (let index = 0; index < found.excluded.count; index += 1)
    excluded.push({ endpoint: found.excluded.ids[index] as EndpointId, why: reasons[index] as ExclusionReason });
  // The lists of a request's slot are replaced, never changed.
  return {
    candidates: eligible.ids.slice(0, eligible.count),
    scores: judged,
    measure,
    kept: kept.length === 0 ? none : [...kept],
    excluded,
    chosen,
    strategy,
    path,
  };
}
