/**
 * The first half of a request's course: it arrives, is placed, waits, goes on when a place is free, starts an attempt; and its end. The second half, from an attempt's
 * first token to what follows its outcome, is request-course.ts. Each policy that is asked on the way is a small function in a file of its own.
 */
import { drained, queueEnds } from "./admission/drain-rate.ts";
import { chargeShare, laneOf } from "./admission/fair-share.ts";
import { joinQueue } from "./admission/join-queue.ts";
import { serveQueue } from "./admission/serve-queue.ts";
import { leaveQueue, type WaitQueue } from "./admission/wait-queue.ts";
import { roundToNano, type Spent } from "./accounting/ledger.ts";
import { cardNow, tierAt } from "./accounting/price-now.ts";
import { broken, missing, present } from "./assert.ts";
import { explanationOf, findCandidates } from "./candidates.ts";
import { refusal } from "./eligibility.ts";
import type { ConfigVersion, FallbackCause, RouteSpec } from "./compiled-config.ts";
import type { Core, Way } from "./core.ts";
import { decide } from "./decision.ts";
import { causeOfRejection, nextHop } from "./fallback.ts";
import { askWantedProbes } from "./health/probe-course.ts";
import { breakerStarts } from "./health/breaker.ts";
import { hedgeInstant, payIntoHedgeBudget } from "./hedge/hedge.ts";
import { removeKey, setKey } from "./tournament.ts";
import { askWanted, reserve } from "./limit/limit-course.ts";
import { retryBudgetMovesOn } from "./limit/retry-budget.ts";
import { attemptDeadline } from "./limit/time-limits.ts";
import type { Duration, Instant } from "./machine.ts";
import type { AttemptId, EndpointId, ExclusionReason, FinishResult, RejectReason, RequestId, RouteId, RouteRequest } from "./messages.ts";
import { isHopeful, payForAttempt } from "./retry-wait.ts";
import { hasCanary, hasRoute, versionFor } from "./rollout/versions.ts";
import { attemptSlot, noAttempt, requestSlot, type RequestSlot } from "./state.ts";
import { learnStart } from "./strategy/learn.ts";
import { strategies, strategyOf } from "./strategy/strategy.ts";
import { earlier, never } from "./time.ts";

// --- arrive, place ---

export function arrive(core: Core, request: RouteRequest): void {
  const { requests, shares, now } = core.state;
  if ((requests[request.id] ?? null) !== null) broken("a request's slot is in use");
  while (requests.length <= request.id) requests.push(null);
  const slot = requestSlot(core.spare, request, hasCanary(shares) ? drawnVersion(core, request) : shares.stable, core.alone(request.route));
  requests[request.id] = slot;
  const way = core.wayOf(slot);
  const { view, route, state } = way;
  view.live.open += 1;
  retryBudgetMovesOn(state.retryBudget, route.retry, 1, now);
  retryBudgetMovesOn(core.state.retryBudget, view.config.retryBudget, 1, now);
  if (route.hedge !== null) payIntoHedgeBudget(state.hedgeBudget, route.hedge);
  if (core.state.draining) finish(core, slot, { kind: "rejected", why: "draining", retryAfter: null });
  else if (request.deadline <= now) finish(core, slot, { kind: "rejected", why: "deadline-passed", retryAfter: null });
  else place(core, slot, way);
}

function drawnVersion(core: Core, request: RouteRequest): ConfigVersion {
  return versionFor(core.state.shares, request, core.options.seed, (version) => hasRoute(core.view(version).config, request.route));
}

/** The first placement of a request and every later one: dispatch it, let it wait, or give it up. */
export function place(core: Core, slot: RequestSlot, way: Way = core.wayOf(slot)): void {
  const { route } = way;
  const { found } = way.view;
  const decision = decide(core.state, way, slot);
  const dispatched = typeof decision === "number";
  if (core.options.explain) explain(core, slot, way, dispatched ? decision : null);
  if (dispatched) startAttempt(core, slot, way, decision);
  // A tier or a deployment that was passed over may want for leases alone.
  if (found.wantedKeys.length > 0) askWanted(core, found);
  if (found.wantedProbes.length > 0) askWantedProbes(core, found);
  if (dispatched) return;
  if (decision.kind === "wait") wait(core, slot, route, decision.until);
  else giveUp(core, slot, decision.why, decision.retryAfter);
}

/** Its route cannot take it: a fallback may. Where none does, it ends with what the route that it asked for said. */
function giveUp(core: Core, slot: RequestSlot, why: RejectReason, retryAfter: Duration | null): void {
  slot.rejection ??= { why, retryAfter };
  const cause = causeOfRejection(why);
  if (cause !== null && reroute(core, slot, cause) === "gone") return;
  finish(core, slot, endOfWait(slot, slot.rejection.why, slot.lastFailure === null ? slot.rejection.retryAfter : retryAfter));
}

/** `unpaid`: it would go somewhere that answers, and the budgets cannot pay for it now. */
export type Hop = "gone" | "nowhere" | "unpaid";

export function reroute(core: Core, slot: RequestSlot, cause: FallbackCause): Hop {
  const { config } = core.viewOf(slot);
  const to = slot.request.deadline <= core.state.now ? null : nextHop(config, slot, cause);
  if (to === null) return "nowhere";
  const from = core.routeOf(slot);
  if (slot.attempts > 0 && cause === "general") {
    const hopeful = isHopefulAt(core, slot, to);
    if (!payForAttempt(config, core.state, from, hopeful)) return hopeful ? "unpaid" : "nowhere";
  }
  slot.route = to;
  slot.unpaid = null;
  slot.path = [...slot.path, to];
  core.emit({ kind: "request-rerouted", request: slot.request.id, from: from.id, to, cause });
  place(core, slot);
  return "gone";
}

/** Another route could take it to an endpoint that answered last time. */
export function hasHopeElsewhere(core: Core, slot: RequestSlot, cause: FallbackCause | null): boolean {
  const to = cause === null ? null : nextHop(core.viewOf(slot).config, slot, cause);
  return to !== null && isHopefulAt(core, slot, to);
}

/** The candidates are left filled for that route. */
function isHopefulAt(core: Core, slot: RequestSlot, to: RouteId): boolean {
  const { found } = core.viewOf(slot);
  const from = slot.route;
  slot.route = to;
  findCandidates(found, core.state, core.routeOf(slot), slot);
  slot.route = from;
  return isHopeful(found, core.state, slot, true);
}

/** Where somebody reads it. */
export function explain(core: Core, slot: RequestSlot, { view, route }: Way, chosen: EndpointId | null): void {
  const strategy = strategyOf(route, slot.request);
  core.emit({
    kind: "record-decision",
    request: slot.request.id,
    explanation: explanationOf(view.found, chosen, strategy, strategies[strategy].measure, slot.path),
  });
}

function wait(core: Core, slot: RequestSlot, route: RouteSpec, until: Instant): void {
  slot.phase = "queued";
  const turnedAway = joinQueue(core.state, route, slot, until, core.placeOf);
  if (turnedAway?.id !== slot.request.id) setKey(core.state.requestDeadlines, slot.request.id, until);
  if (turnedAway === null) return;
  const other = core.slotOf(turnedAway.id);
  if (other === slot) {
    giveUp(core, slot, turnedAway.why, turnedAway.retryAfter);
    return;
  }
  // It has had its chance here, and another queue may be being served: it ends.
  unqueue(core, other);
  finish(core, other, endOfWait(other, turnedAway.why, turnedAway.retryAfter));
}

/** A request that has had an attempt ends as that did. */
function endOfWait(slot: RequestSlot, why: RejectReason, retryAfter: Duration | null): FinishResult {
  return slot.lastFailure === null ? { kind: "rejected", why, retryAfter } : { kind: "failed", failure: slot.lastFailure, retryAfter };
}

function unqueue(core: Core, slot: RequestSlot): void {
  const { route, state } = core.wayOf(slot);
  const { queue, drain } = state;
  leaveQueue(queue, laneOf(route.queue, slot.request), present(slot.queuePlace, "the place of a request that waits"), core.placeOf);
  slot.queuePlace = null;
  if (queue.length === 0) queueEnds(drain);
  removeKey(core.state.requestDeadlines, slot.request.id);
}

export function giveUpWaiting(core: Core, slot: RequestSlot): void {
  unqueue(core, slot);
  if (reroute(core, slot, "general") !== "gone") finish(core, slot, endOfWait(slot, "deadline-passed", null));
}

/** An endpoint has a place again: whoever waits for it goes on. */
export function serveQueues(core: Core, id: EndpointId): void {
  const routes = core.routesOf[id] ?? none;
  if (someWait(core, routes)) serveWaiting(core, id, routes);
}

function serveWaiting(core: Core, id: EndpointId, routes: readonly RouteId[]): void {
  const endpoint = present(core.state.endpoints[id], "the endpoint's state");
  const deployment = core.deploymentOf(id);
  // A pool's floor may keep an endpoint whose breaker is open, and a route without others one that is unhealthy.
  const mayBeKept = (why: ExclusionReason): boolean => why === "breaker-open" || why === "unhealthy";
  const hasPlace = (): boolean => mayBeKept(refusal(endpoint, deployment) ?? "breaker-open") && endpoint.inFlight < endpoint.limit;
  for (const route of routes) serveRoute(core, route, hasPlace);
}

function someWait(core: Core, routes: readonly RouteId[]): boolean {
  for (const route of routes) if (queueOf(core, route).length > 0) return true;
  return false;
}

function queueOf(core: Core, route: RouteId): WaitQueue {
  return (core.state.routes[route] ?? missing("the route's state")).queue;
}

/** In order. One that cannot use the place (its context, its limits, what it has tried) lets others pass. */
function serveRoute(core: Core, id: RouteId, hasPlace: () => boolean): void {
  const { queue, drain } = present(core.state.routes[id], "the route's state");
  if (queue.length === 0) return;
  const goesOn = (slot: RequestSlot): boolean => {
    const way = core.wayOf(slot);
    const { found } = way.view;
    const decision = decide(core.state, way, slot);
    if (typeof decision === "number") {
      drained(drain, core.state.now);
      unqueue(core, slot);
      if (core.options.explain) explain(core, slot, way, decision);
      startAttempt(core, slot, way, decision);
      return true;
    }
    if (decision.kind === "reject" && found.refusal !== null) {
      unqueue(core, slot);
      giveUp(core, slot, decision.why, decision.retryAfter);
    } else {
      askWanted(core, found);
      if (found.wantedProbes.length > 0) askWantedProbes(core, found);
    }
    return false;
  };
  serveQueue(queue, { slotOf: core.slotOf, hasPlace, goesOn, setAside: core.setAside });
}

const always = (): boolean => true;
const none: readonly never[] = [];

/** A limit that binds more than one route lets go. */
export function serveAll(core: Core): void {
  const { routes } = core.config;
  for (let place = 0; place < routes.length; place += 1) {
    const { id } = routes[place] as RouteSpec;
    if (queueOf(core, id).length > 0) serveRoute(core, id, always);
  }
}

export function startAttempt(core: Core, slot: RequestSlot, way: Way, endpoint: EndpointId): void {
  const { state } = core;
  const { view, route } = way;
  const { request } = slot;
  const place = state.endpoints[endpoint] ?? missing("the endpoint's state");
  const { id: deployment } = view.deploymentAt[endpoint] ?? missing("the endpoint's deployment");
  const attempt = attemptSlot(
    core.spare,
    request.id,
    endpoint,
    state.now,
    breakerStarts(place.breaker),
    cardNow(state, deployment),
    tierAt(request, deployment),
  );
  attempt.share = chargeShare(view.config, route, way.state.queue, request);
  const id = state.freeAttempts.pop() ?? (state.attempts.length as AttemptId);
  state.attempts[id] = attempt;
  core.requestSlots[id] = slot;
  place.inFlight += 1;
  core.noteLoad(endpoint);
  if (view.found.limits.some) reserve(core, view, slot, attempt);
  slot.phase = "attempting";
  if (slot.beside !== noAttempt) broken("a third attempt beside two");
  slot.attempts += 1;
  if (slot.tried.length === 0) slot.tried = core.alone(endpoint);
  else if (!slot.tried.includes(endpoint)) slot.tried = [...slot.tried, endpoint];
  if (slot.underWay === noAttempt) {
    slot.underWay = id;
    slot.hedgeAt = request.stream && route.hedge !== null ? hedgeInstant(route.hedge, way.state.firstTokenTimes, state.now) : null;
  } else slot.beside = id;
  awaitAttempts(core, slot, route);
  learnStart(state, way.state, request, attempt);
  const { reservedTokens, reservedNano } = attempt;
  core.emit({
    kind: "start-attempt",
    attempt: id,
    request: request.id,
    endpoint,
    limits: route.limits,
    reservedTokens,
    reservedNano,
    version: slot.version,
  });
}

/** The first deadline of the attempts that may still answer; where none may, what becomes of the request follows from the last outcome. */
export function awaitAttempts(core: Core, slot: RequestSlot, route: RouteSpec): void {
  const one = awaitedUntil(core, slot, route, slot.underWay);
  const other = slot.beside === noAttempt ? null : awaitedUntil(core, slot, route, slot.beside);
  const due = one === null || other === null ? (one ?? other) : earlier(one, other);
  if (due === null) slot.phase = "aborting";
  setKey(core.state.requestDeadlines, slot.request.id, due === null ? never : earlier(due, slot.hedgeAt ?? never));
}

/** Null: it has been told to end. */
function awaitedUntil(core: Core, { request }: RequestSlot, route: RouteSpec, id: AttemptId): Instant | null {
  const attempt = core.attempt(id);
  return attempt.aborted === null ? attemptDeadline(route, request, attempt) : null;
}

export function leave(core: Core, slot: RequestSlot): void {
  if (slot.phase === "queued") unqueue(core, slot);
  finish(core, slot, { kind: "client-left" });
}

/** @param spent with the attempt that has just ended */
export function finish(core: Core, slot: RequestSlot, result: FinishResult, spent: Spent = slot.spent): void {
  const id: RequestId = slot.request.id;
  removeKey(core.state.requestDeadlines, id);
  if (slot.underWay !== noAttempt) {
    slot.phase = "settling";
    slot.settled = result;
    slot.spent = spent;
    return;
  }
  if (core.state.requests[id] !== slot) broken("a request finishes twice");
  core.state.requests[id] = null;
  core.viewOf(slot).live.open -= 1;
  const { attempts, version } = slot;
  const { picoDollars, usage, estimated, priced } = spent;
  core.emit({ kind: "finish-request", request: id, result, account: { nanoDollars: roundToNano(picoDollars), usage, estimated, priced, attempts }, version });
  core.spare.requests.push(slot);
}
