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
import { explanationOf, findCandidates, noteEndpoint } from "./candidates.ts";
import { refusal } from "./eligibility.ts";
import type { FallbackCause, RouteSpec } from "./compiled-config.ts";
import type { Core } from "./core.ts";
import { decide } from "./decision.ts";
import { causeOfFailure, causeOfRejection, nextHop } from "./fallback.ts";
import { breakerHalfOpens, breakerHears, breakerHearsPeer, breakerStarts } from "./health/breaker.ts";
import { sketchHears } from "./estimate/quantile-sketch.ts";
import { heapRemove, heapSet } from "./indexed-heap.ts";
import { askWanted, reconcile, reserve } from "./limit/limit-course.ts";
import { payIntoRetryBudget } from "./limit/retry-budget.ts";
import { attemptDeadline, limitReached } from "./limit/time-limits.ts";
import type { Duration, Instant } from "./machine.ts";
import type {
  AbortReason,
  AttemptId,
  AttemptOutcome,
  BreakerPhase,
  EndpointId,
  FailureKind,
  FinishResult,
  PeerReport,
  RejectReason,
  RequestId,
  RouteRequest,
} from "./messages.ts";
import { isHopeful, payForAttempt, retryWait } from "./retry-wait.ts";
import { type AttemptSlot, type EndpointState, newAttemptSlot, newRequestSlot, type RequestSlot, type RouteState } from "./state.ts";
import { adaptWeights } from "./strategy/adaptive-weights.ts";
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
  // A tier or a deployment that was passed over may want for leases alone.
  askWanted(core);
  if (decision.kind === "dispatch") startAttempt(core, slot, route, decision.endpoint);
  else if (decision.kind === "wait") wait(core, slot, route, decision.until);
  else giveUp(core, slot, decision.why, decision.retryAfter);
}

/** Its route cannot take it: a fallback may. Where none does, it ends with what the route that it asked for said. */
function giveUp(core: Core, slot: RequestSlot, why: RejectReason, retryAfter: Duration | null): void {
  slot.rejection ??= { why, retryAfter };
  const cause = causeOfRejection(why);
  if (cause !== null && reroute(core, slot, cause)) return;
  finish(core, slot, endOfWait(slot, slot.rejection.why, slot.lastFailure === null ? slot.rejection.retryAfter : retryAfter));
}

/** False: there is no other route for it, or nothing to pay another attempt with. */
function reroute(core: Core, slot: RequestSlot, cause: FallbackCause): boolean {
  const to = slot.request.deadline <= core.state.now ? null : nextHop(core.config, slot, cause);
  if (to === null) return false;
  const from = core.routeOf(slot);
  slot.route = to;
  if (slot.attempts > 0 && cause === "general") {
    findCandidates(core.found, core.state, core.routeOf(slot), slot);
    if (!payForAttempt(core.config, core.state, from, isHopeful(core.found, core.state, slot, true))) {
      slot.route = from.id;
      return false;
    }
  }
  slot.path.push(to);
  core.emit({ kind: "request-rerouted", request: slot.request.id, from: from.id, to, cause });
  place(core, slot);
  return true;
}

function explain(core: Core, slot: RequestSlot, route: RouteSpec, chosen: EndpointId | null): void {
  if (!core.options.explain) return;
  core.emit({
    kind: "record-decision",
    request: slot.request.id,
    explanation: explanationOf(core.found, chosen, route.strategy, strategies[route.strategy].measure, slot.path),
  });
}

function wait(core: Core, slot: RequestSlot, route: RouteSpec, until: Instant): void {
  slot.phase = "queued";
  const turnedAway = joinQueue(core.state, route, slot, until, core.slotOf);
  if (turnedAway?.id !== slot.request.id) heapSet(core.state.requestDeadlines, slot.request.id, until);
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

function routeState(core: Core, slot: RequestSlot): RouteState {
  return present(core.state.routes[slot.route], "the route's state");
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
  if (!reroute(core, slot, "general")) finish(core, slot, endOfWait(slot, "deadline-passed", null));
}

/** An endpoint has a place again: whoever waits for it goes on. */
function serveQueues(core: Core, id: EndpointId): void {
  const endpoint = present(core.state.endpoints[id], "the endpoint's state");
  const deployment = core.deploymentOf(id);
  for (const route of core.routesOf[id] ?? []) serveRoute(core, route, () => refusal(endpoint, deployment) === null);
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
      giveUp(core, slot, decision.why, decision.retryAfter);
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
  const attempt = newAttemptSlot(slot.request.id, endpoint, state.now, breakerStarts(place.breaker), core.priceOf(core.deploymentOf(endpoint).id));
  attempt.share = chargeShare(core.config, route, present(state.routes[route.id], "the route's state").queue, slot.request);
  const id = state.freeAttempts.pop() ?? (state.attempts.length as AttemptId);
  state.attempts[id] = attempt;
  place.inFlight += 1;
  noteEndpoint(core.found, core.config, state, endpoint);
  reserve(core, slot, attempt);
  slot.phase = "attempting";
  slot.attempt = id;
  slot.attempts += 1;
  if (!slot.tried.includes(endpoint)) slot.tried.push(endpoint);
  heapSet(state.requestDeadlines, slot.request.id, attemptDeadline(route, slot.request, attempt));
  learnStart(state, slot, attempt);
  core.emit({ kind: "start-attempt", attempt: id, request: slot.request.id, endpoint, limits: route.limits });
}

export function commit(core: Core, slot: RequestSlot): void {
  const id = present(slot.attempt, "the attempt under way");
  const attempt = core.attempt(id);
  slot.phase = "streaming";
  attempt.committed = true;
  learnFirstToken(core.state, attempt);
  sketchHears(routeState(core, slot).firstTokenTimes, between(attempt.startedAt, core.state.now));
  heapSet(core.state.requestDeadlines, slot.request.id, attemptDeadline(core.routeOf(slot), slot.request, attempt));
  core.emit({ kind: "commit-attempt", attempt: id });
  creditProbe(core, attempt);
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

/** A limit of the route's, or the caller's deadline. */
export function timeOut(core: Core, slot: RequestSlot): void {
  const attempt = core.attempt(present(slot.attempt, "the attempt under way"));
  attempt.timeout = limitReached(core.routeOf(slot), slot.request, attempt, core.state.now);
  abort(core, slot, attempt.timeout === null ? "deadline" : "timeout");
}

/** Its outcome ends the matter; a client that leaves while a time-out is being carried out changes only how. */
export function abort(core: Core, slot: RequestSlot, why: AbortReason): void {
  const id = present(slot.attempt, "the attempt under way");
  const attempt = core.attempt(id);
  const repeated = attempt.aborted !== null;
  attempt.aborted = why;
  if (repeated) return;
  heapRemove(core.state.requestDeadlines, slot.request.id);
  slot.phase = "aborting";
  core.emit({ kind: "abort-attempt", attempt: id, why });
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
  adaptWeights(core.config, core.state, route, (command) => core.emit(command));
  settleShare(core.config, route, present(core.state.routes[route.id], "the route's state").queue, slot.request, attempt.share, outcome.usage);
  noteBreaker(core, attempt.endpoint, endpoint, before);
  core.state.attempts[id] = null;
  core.state.freeAttempts.push(id);
  slot.attempt = null;
  react(core, slot, attempt, outcome);
  if (core.found.limits.some) serveAll(core);
  else serveQueues(core, attempt.endpoint);
}

function noteBreaker(core: Core, id: EndpointId, endpoint: EndpointState, before: BreakerPhase): void {
  noteEndpoint(core.found, core.config, core.state, id);
  const cools = endpoint.coolUntil > startOfTime ? endpoint.coolUntil : never;
  heapSet(core.state.endpointDeadlines, id, earlier(endpoint.breaker.openUntil, cools));
  const { phase, reason } = endpoint.breaker;
  if (phase !== before) core.emit({ kind: "breaker-changed", endpoint: id, from: before, to: phase, why: reason });
}

/** Another replica's breaker has opened, or its probes have closed it. */
export function hearPeer(core: Core, report: PeerReport): void {
  const { endpoint: id } = report;
  const endpoint = present(core.state.endpoints[id], "the endpoint's state");
  const before = endpoint.breaker.phase;
  breakerHearsPeer(endpoint.breaker, core.deploymentOf(id).breaker, report, core.state.now);
  noteBreaker(core, id, endpoint, before);
  if (endpoint.breaker.phase !== before && endpoint.breaker.phase !== "open") serveQueues(core, id);
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

export function conclude(core: Core, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome): void {
  assert(outcome.kind !== "aborted", "an attempt that nobody aborted ended as aborted");
  if (outcome.kind === "succeeded") {
    sketchHears(routeState(core, slot).totalTimes, between(attempt.startedAt, core.state.now));
    finish(core, slot, { kind: "served" });
    return;
  }
  const failure = present(outcome.failure, "what made the attempt fail");
  if (attempt.committed) finish(core, slot, { kind: "cut", failure });
  else considerRetry(core, slot, failure, outcome.retryAfter);
}

/** Whatever its outcome was by then, it is late. */
export function concludeAborted(core: Core, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome): void {
  const failure = attempt.timeout ?? "timed-out-total";
  if (attempt.aborted === "client-left") finish(core, slot, { kind: "client-left" });
  else if (attempt.committed) finish(core, slot, { kind: "cut", failure });
  else if (attempt.aborted === "deadline") finish(core, slot, { kind: "rejected", why: "deadline-passed", retryAfter: null });
  else considerRetry(core, slot, failure, outcome.retryAfter);
}

function considerRetry(core: Core, slot: RequestSlot, failure: FailureKind, retryAfter: Duration | null): void {
  slot.lastFailure = failure;
  const route = core.routeOf(slot);
  const wait = retryWait({ config: core.config, state: core.state, found: core.found, route, slot, failure, retryAfter, seed: core.options.seed });
  if (wait === null) {
    const cause = causeOfFailure(failure);
    if (cause !== null && reroute(core, slot, cause)) return;
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
  core.state.requests[id] = null;
  const { usage, estimated, priced, attempts, picoDollars } = slot;
  core.emit({ kind: "finish-request", request: id, result, account: { nanoDollars: roundToNano(picoDollars), usage, estimated, priced, attempts } });
}
