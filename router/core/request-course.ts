/**
 * What can happen to a request, step by step: placed, attempted, committed, timed out, ended, retried, finished. Which step follows which event in which phase is the
 * router's table; each policy that is asked on the way (candidates, strategy, breaker, retry, queue, ledger) is a small function in a file of its own.
 */
import { drained, queueEnds } from "./admission/drain-rate.ts";
import { chargeShare, laneOf, settleShare } from "./admission/fair-share.ts";
import { joinQueue } from "./admission/join-queue.ts";
import { serveQueue } from "./admission/serve-queue.ts";
import { leaveQueue } from "./admission/wait-queue.ts";
import { bookOutcome } from "./accounting/book-outcome.ts";
import { roundToNano } from "./accounting/ledger.ts";
import { assert, present } from "./assert.ts";
import { explanationOf, placeRefused } from "./candidates.ts";
import type { RouteSpec } from "./compiled-config.ts";
import type { Core } from "./core.ts";
import { decide, type Decision } from "./decision.ts";
import { breakerHalfOpens, breakerHears, breakerStarts } from "./health/breaker.ts";
import { sketchHears } from "./estimate/quantile-sketch.ts";
import { canHedge, hedgeInstant, payIntoHedgeBudget, takeHedge } from "./hedge/hedge.ts";
import { heapRemove, heapSet } from "./indexed-heap.ts";
import { askWanted, reconcile, reserve } from "./limit/limit-course.ts";
import { payIntoRetryBudget } from "./limit/retry-budget.ts";
import { attemptDeadline, limitReached } from "./limit/time-limits.ts";
import type { Duration, Instant } from "./machine.ts";
import type { AttemptId, AttemptOutcome, BreakerPhase, EndpointId, FailureKind, FinishResult, RejectReason, RequestId, RouteRequest } from "./messages.ts";
import { retryWait } from "./retry-wait.ts";
import { type AttemptSlot, type EndpointState, newAttemptSlot, newRequestSlot, type RequestSlot, type RouteState } from "./state.ts";
import { learnEnd, learnFirstToken, learnStart } from "./strategy/learn.ts";
import { strategies } from "./strategy/strategy.ts";
import { after, between, earlier, never, startOfTime } from "./time.ts";

export type OutcomeReaction = (core: Core, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome) => void;

// --- arrive, place ---

export function arrive(core: Core, request: RouteRequest): void {
  const { requests, routes } = core.state;
  assert((requests[request.id] ?? null) === null, "a request's slot is in use");
  while (requests.length <= request.id) requests.push(null);
  const slot = newRequestSlot(request);
  requests[request.id] = slot;
  const route = core.routeOf(slot);
  payIntoRetryBudget(present(routes[route.id], "the route's state").retryBudget, route.retry, core.state.now);
  payIntoHedgeBudget(present(routes[route.id], "the route's state").hedgeBudget, route.hedge);
  payIntoRetryBudget(core.state.retryBudget, core.config.retryBudget, core.state.now);
  if (core.state.draining) finish(core, slot, { kind: "rejected", why: "draining", retryAfter: null });
  else if (request.deadline <= core.state.now) finish(core, slot, { kind: "rejected", why: "deadline-passed", retryAfter: null });
  else place(core, slot);
}

/** The first placement of a request and every later one: dispatch it, let it wait, or give it up. */
export function place(core: Core, slot: RequestSlot): void {
  const route = core.routeOf(slot);
  const decision = decide(core.found, core.config, core.state, route, slot);
  explain(core, slot, route, decision.kind === "dispatch" ? decision.endpoint : null);
  if (decision.kind === "dispatch") startAttempt(core, slot, route, decision.endpoint);
  else if (decision.kind === "reject") giveUp(core, slot, decision);
  else {
    wait(core, slot, route, decision.until);
    askWanted(core);
  }
}

function giveUp(core: Core, slot: RequestSlot, { why, retryAfter }: Extract<Decision, { kind: "reject" }>): void {
  if (slot.lastFailure === null) finish(core, slot, { kind: "rejected", why, retryAfter });
  else finish(core, slot, { kind: "failed", failure: slot.lastFailure, retryAfter });
}

function explain(core: Core, slot: RequestSlot, route: RouteSpec, chosen: EndpointId | null): void {
  if (!core.options.explain) return;
  core.emit({
    kind: "record-decision",
    request: slot.request.id,
    explanation: explanationOf(core.found, chosen, route.strategy, strategies[route.strategy].measure),
  });
}

function wait(core: Core, slot: RequestSlot, route: RouteSpec, until: Instant): void {
  slot.phase = "queued";
  const turnedAway = joinQueue(core.state, route, slot, until, core.slotOf);
  if (turnedAway?.id !== slot.request.id) heapSet(core.state.requestDeadlines, slot.request.id, until);
  if (turnedAway === null) return;
  const other = core.slotOf(turnedAway.id);
  if (other !== slot) unqueue(core, other);
  finish(core, other, endOfWait(other, turnedAway.why, turnedAway.retryAfter));
}

/** A request that has had an attempt ends as that did. */
function endOfWait(slot: RequestSlot, why: RejectReason, retryAfter: Duration | null): FinishResult {
  return slot.lastFailure === null ? { kind: "rejected", why, retryAfter } : { kind: "failed", failure: slot.lastFailure, retryAfter };
}

function routeState(core: Core, slot: RequestSlot): RouteState {
  return present(core.state.routes[slot.request.route], "the route's state");
}

function unqueue(core: Core, slot: RequestSlot): void {
  const route = core.routeOf(slot);
  const { queue, drain } = present(core.state.routes[route.id], "the route's state");
  leaveQueue(queue, laneOf(route.queue, slot.request), slot.request.id, core.slotOf);
  if (queue.length === 0) queueEnds(drain);
  heapRemove(core.state.requestDeadlines, slot.request.id);
}

export function giveUpWaiting(core: Core, slot: RequestSlot): void {
  unqueue(core, slot);
  finish(core, slot, endOfWait(slot, "deadline-passed", null));
}

/** An endpoint has a place again: whoever waits for it goes on. */
function serveQueues(core: Core, id: EndpointId): void {
  const endpoint = present(core.state.endpoints[id], "the endpoint's state");
  const deployment = core.deploymentOf(id);
  for (const route of core.routesOf[id] ?? []) serveRoute(core, route, () => placeRefused(core.state.now, endpoint, deployment) === null);
}

/** In order. One that cannot use the place (its context, its limits, what it has tried) lets others pass. */
function serveRoute(core: Core, route: RouteSpec, hasPlace: () => boolean): void {
  const { queue, drain } = present(core.state.routes[route.id], "the route's state");
  if (queue.length === 0) return;
  const goesOn = (slot: RequestSlot): boolean => {
    const decision = decide(core.found, core.config, core.state, route, slot);
    if (decision.kind === "dispatch") {
      drained(drain, core.state.now);
      unqueue(core, slot);
      explain(core, slot, route, decision.endpoint);
      startAttempt(core, slot, route, decision.endpoint);
      return true;
    }
    if (decision.kind === "reject" && core.found.refusal !== null) {
      unqueue(core, slot);
      giveUp(core, slot, decision);
    } else askWanted(core);
    return false;
  };
  serveQueue(queue, { slotOf: core.slotOf, hasPlace, goesOn, setAside: core.setAside });
}

/** A limit that binds more than one route lets go. */
export function serveAll(core: Core): void {
  for (const route of core.config.routes) serveRoute(core, route, () => true);
}

// --- attempt ---

function startAttempt(core: Core, slot: RequestSlot, route: RouteSpec, endpoint: EndpointId): void {
  const state = core.state;
  const place = present(state.endpoints[endpoint], "the endpoint's state");
  const attempt = newAttemptSlot(slot.request.id, endpoint, state.now, breakerStarts(place.breaker));
  attempt.share = chargeShare(core.config, route, present(state.routes[route.id], "the route's state").queue, slot.request);
  const id = state.freeAttempts.pop() ?? (state.attempts.length as AttemptId);
  state.attempts[id] = attempt;
  place.inFlight += 1;
  reserve(core, slot, attempt);
  slot.phase = "attempting";
  slot.underWay.push(id);
  slot.attempts += 1;
  if (!slot.tried.includes(endpoint)) slot.tried.push(endpoint);
  if (slot.underWay.length === 1) slot.hedgeAt = slot.request.stream ? hedgeInstant(route.hedge, routeState(core, slot).firstTokenTimes, state.now) : never;
  awaitAttempts(core, slot);
  learnStart(state, slot, attempt);
  core.emit({ kind: "start-attempt", attempt: id, request: slot.request.id, endpoint, limits: route.limits });
}

/** The first deadline of the attempts that may still answer; where none may, what becomes of the request follows from the last outcome. */
function awaitAttempts(core: Core, slot: RequestSlot): void {
  const route = core.routeOf(slot);
  let due = slot.hedgeAt;
  let live = false;
  for (const id of slot.underWay) {
    const attempt = core.attempt(id);
    if (attempt.aborted !== null) continue;
    live = true;
    due = earlier(due, attemptDeadline(route, slot.request, attempt));
  }
  if (!live) slot.phase = "aborting";
  heapSet(core.state.requestDeadlines, slot.request.id, live ? due : never);
}

export function commit(core: Core, slot: RequestSlot, id: AttemptId): void {
  const attempt = core.attempt(id);
  if (attempt.aborted !== null) return;
  slot.phase = "streaming";
  slot.hedgeAt = never;
  attempt.committed = true;
  learnFirstToken(core.state, attempt);
  sketchHears(routeState(core, slot).firstTokenTimes, between(attempt.startedAt, core.state.now));
  core.emit({ kind: "commit-attempt", attempt: id });
  loseOthers(core, slot, attempt);
  awaitAttempts(core, slot);
  creditProbe(core, attempt);
}

/** One attempt has won. */
function loseOthers(core: Core, slot: RequestSlot, winner: AttemptSlot): void {
  for (const id of slot.underWay) {
    const attempt = core.attempt(id);
    if (attempt === winner) continue;
    if (attempt.aborted === null) {
      if (attempt.startedAt < winner.startedAt) sketchHears(routeState(core, slot).firstTokenTimes, between(attempt.startedAt, core.state.now));
      core.emit({ kind: "abort-attempt", attempt: id, why: "hedge-lost" });
    }
    attempt.aborted = "hedge-lost";
  }
}

function creditProbe(core: Core, attempt: AttemptSlot): void {
  const endpoint = present(core.state.endpoints[attempt.endpoint], "the endpoint's state");
  const before = endpoint.breaker.phase;
  const heard = breakerHears(endpoint.breaker, core.deploymentOf(attempt.endpoint).breaker, attempt.breakerEpoch, core.state.now);
  attempt.breakerEpoch = heard.epoch;
  attempt.probeCredited = heard.credited;
  noteBreaker(core, attempt.endpoint, endpoint, before);
  if (endpoint.breaker.phase !== before) serveQueues(core, attempt.endpoint);
}

/** A limit of the route's, the caller's deadline, or the time to double it. */
export function attemptFallsDue(core: Core, slot: RequestSlot): void {
  const route = core.routeOf(slot);
  const { now } = core.state;
  let live = false;
  for (const id of slot.underWay) {
    const attempt = core.attempt(id);
    if (attempt.aborted !== null) continue;
    if (attemptDeadline(route, slot.request, attempt) > now) {
      live = true;
      continue;
    }
    attempt.timeout = limitReached(route, slot.request, attempt, now);
    attempt.aborted = attempt.timeout === null ? "deadline" : "timeout";
    core.emit({ kind: "abort-attempt", attempt: id, why: attempt.aborted });
  }
  const hedges = live && slot.hedgeAt <= now;
  if (slot.hedgeAt <= now) slot.hedgeAt = never;
  if (hedges) hedge(core, slot, route);
  awaitAttempts(core, slot);
}

/** Only at an endpoint that has had no attempt of the request, within the budget and the bound on attempts. */
function hedge(core: Core, slot: RequestSlot, route: RouteSpec): void {
  const { hedgeBudget } = routeState(core, slot);
  if (slot.attempts >= route.retry.attemptsMax || !canHedge(hedgeBudget)) return;
  const decision = decide(core.found, core.config, core.state, route, slot);
  if (decision.kind !== "dispatch" || slot.tried.includes(decision.endpoint)) return;
  takeHedge(hedgeBudget);
  explain(core, slot, route, decision.endpoint);
  startAttempt(core, slot, route, decision.endpoint);
}

/** The client has left. What was already told to end is only concluded otherwise. */
export function abandon(core: Core, slot: RequestSlot): void {
  for (const id of slot.underWay) {
    const attempt = core.attempt(id);
    if (attempt.aborted === null) core.emit({ kind: "abort-attempt", attempt: id, why: "client-left" });
    if (attempt.aborted !== "hedge-lost") attempt.aborted = "client-left";
  }
  awaitAttempts(core, slot);
}

// --- outcome, retry, finish, account ---

/** Books the outcome, lets `react` say what becomes of the request, and serves who waited for the place. */
export function endAttempt(core: Core, id: AttemptId, outcome: AttemptOutcome, react: OutcomeReaction): void {
  const attempt = core.attempt(id);
  const slot = core.requestOf(attempt);
  const endpoint = present(core.state.endpoints[attempt.endpoint], "the endpoint's state");
  const before = endpoint.breaker.phase;
  bookOutcome(core.config, core.state, slot, attempt, outcome);
  reconcile(core, slot, attempt, outcome);
  learnEnd(core.state, slot, attempt, outcome);
  const route = core.routeOf(slot);
  settleShare(core.config, route, present(core.state.routes[route.id], "the route's state").queue, slot.request, attempt.share, outcome.usage);
  noteBreaker(core, attempt.endpoint, endpoint, before);
  core.state.attempts[id] = null;
  core.state.freeAttempts.push(id);
  slot.underWay.splice(slot.underWay.indexOf(id), 1);
  react(core, slot, attempt, outcome);
  if (core.found.limits.some) serveAll(core);
  else serveQueues(core, attempt.endpoint);
}

function noteBreaker(core: Core, id: EndpointId, endpoint: EndpointState, before: BreakerPhase): void {
  const cools = endpoint.coolUntil > core.state.now ? endpoint.coolUntil : never;
  heapSet(core.state.endpointDeadlines, id, earlier(endpoint.breaker.openUntil, cools));
  const { phase, reason } = endpoint.breaker;
  if (phase !== before) core.emit({ kind: "breaker-changed", endpoint: id, from: before, to: phase, why: reason });
}

/** The open time of a breaker, or the cooling after a rate limit, has passed. */
export function reopenEndpoint(core: Core, id: EndpointId): void {
  const endpoint = present(core.state.endpoints[id], "the endpoint's state");
  const before = endpoint.breaker.phase;
  if (endpoint.breaker.openUntil <= core.state.now) breakerHalfOpens(endpoint.breaker);
  if (endpoint.coolUntil <= core.state.now) endpoint.coolUntil = startOfTime;
  noteBreaker(core, id, endpoint, before);
  serveQueues(core, id);
}

/** Another attempt, which has not lost, still has its outcome to come: this one decides nothing. */
function leavesItToAnother(core: Core, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome): boolean {
  if (attempt.aborted === "hedge-lost") return true;
  if (!slot.underWay.some((id) => core.attempt(id).aborted !== "hedge-lost")) return false;
  slot.lastFailure = attempt.timeout ?? outcome.failure ?? slot.lastFailure;
  awaitAttempts(core, slot);
  return true;
}

export function conclude(core: Core, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome): void {
  if (attempt.aborted === null) assert(outcome.kind !== "aborted", "an attempt that nobody aborted ended as aborted");
  if (attempt.aborted === null && outcome.kind === "succeeded") {
    sketchHears(routeState(core, slot).totalTimes, between(attempt.startedAt, core.state.now));
    loseOthers(core, slot, attempt);
    finish(core, slot, { kind: "served" });
    return;
  }
  if (leavesItToAnother(core, slot, attempt, outcome)) return;
  const failure = present(outcome.failure, "what made the attempt fail");
  if (attempt.committed) finish(core, slot, { kind: "cut", failure });
  else considerRetry(core, slot, failure, outcome.retryAfter);
}

/** Whatever its outcome was by then, it is late. */
export function concludeAborted(core: Core, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome): void {
  if (leavesItToAnother(core, slot, attempt, outcome)) return;
  const failure = attempt.timeout ?? slot.lastFailure ?? "timed-out-total";
  if (attempt.aborted === "client-left") finish(core, slot, { kind: "client-left" });
  else if (attempt.committed) finish(core, slot, { kind: "cut", failure });
  else if (attempt.aborted === "deadline") finish(core, slot, { kind: "rejected", why: "deadline-passed", retryAfter: null });
  else considerRetry(core, slot, failure, outcome.retryAfter);
}

/** The last outcome of a request that has its result. */
export function settle(core: Core, slot: RequestSlot): void {
  if (slot.underWay.length === 0) finish(core, slot, present(slot.settled, "the request's result"));
}

function considerRetry(core: Core, slot: RequestSlot, failure: FailureKind, retryAfter: Duration | null): void {
  slot.lastFailure = failure;
  const route = core.routeOf(slot);
  const wait = retryWait({ config: core.config, state: core.state, found: core.found, route, slot, failure, retryAfter, seed: core.options.seed });
  if (wait === null) {
    finish(core, slot, { kind: "failed", failure, retryAfter });
  } else if (wait === 0) {
    place(core, slot);
  } else {
    slot.phase = "backing-off";
    heapSet(core.state.requestDeadlines, slot.request.id, after(core.state.now, wait));
  }
}

export function leave(core: Core, slot: RequestSlot): void {
  if (slot.phase === "queued") unqueue(core, slot);
  finish(core, slot, { kind: "client-left" });
}

function finish(core: Core, slot: RequestSlot, result: FinishResult): void {
  const id: RequestId = slot.request.id;
  heapRemove(core.state.requestDeadlines, id);
  if (slot.underWay.length > 0) {
    slot.phase = "settling";
    slot.settled = result;
    return;
  }
  core.state.requests[id] = null;
  const { usage, estimated, priced, attempts, picoDollars } = slot;
  core.emit({ kind: "finish-request", request: id, result, account: { nanoDollars: roundToNano(picoDollars), usage, estimated, priced, attempts } });
}
