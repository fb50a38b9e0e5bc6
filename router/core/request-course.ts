/**
 * The second half of a request's course: what follows an attempt's first token, a deadline and an outcome: committed, doubled, timed out, ended, retried. Which step
 * follows which event in which phase is the router's table; the first half is placement-course.ts.
 */
import { limitHears } from "./admission/adaptive-limit.ts";
import { settleShare } from "./admission/fair-share.ts";
import { bookOutcome, spentAfter, verdictOn } from "./accounting/book-outcome.ts";
import type { Spent } from "./accounting/ledger.ts";
import { broken, missing, present } from "./assert.ts";
import { forgetIfGone, isForgotten } from "./fleet-config.ts";
import type { AdaptiveLimitSpec, CompiledConfig, DeploymentSpec, RouteSpec } from "./compiled-config.ts";
import type { Core, Way } from "./core.ts";
import { decide } from "./decision.ts";
import { causeOfFailure } from "./fallback.ts";
import { breakerHalfOpens, breakerHears, breakerHearsPeer } from "./health/breaker.ts";
import { healthFallsDue, hearHealth } from "./health/health-course.ts";
import { hearProbes, probesFallDue, probesFollow, scheduleEndpoint } from "./health/probe-course.ts";
import { sketchHears } from "./estimate/quantile-sketch.ts";
import { canHedge, takeHedge } from "./hedge/hedge.ts";
import { setKey } from "./tournament.ts";
import { reconcile } from "./limit/limit-course.ts";
import { attemptDeadline, limitReached } from "./limit/time-limits.ts";
import type { Duration, Instant } from "./machine.ts";
import type { AttemptId, AttemptOutcome, BreakerPhase, EndpointId, FailureKind, PeerReport, RouteId, RouterEvent } from "./messages.ts";
import { retryWait } from "./retry-wait.ts";
import { type AttemptSlot, type EndpointState, noAttempt, type RequestSlot } from "./state.ts";
import { type AdaptiveState, adaptWeights } from "./strategy/adaptive-weights.ts";
import { learnEnd, learnFirstToken } from "./strategy/learn.ts";
import { after, between, startOfTime } from "./time.ts";
import { askedOnce, nextAsk } from "./unpaid-retry.ts";
import { awaitAttempts, explain, finish, hasHopeElsewhere, place, reroute, serveAll, serveQueues, startAttempt } from "./placement-course.ts";

const served = { kind: "served" } as const;

type AttemptEnded = Extract<RouterEvent, { kind: "attempt-ended" }>;
/**
 * Ends the request with what it has spent, this attempt included, or leaves that in its slot: nearly every request ends with its first attempt, and a young object that
 * is written into an old one is dear to the garbage collector.
 */
export type OutcomeReaction = (core: Core, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome, spent: Spent) => void;

// --- attempt ---

export function commit(core: Core, slot: RequestSlot, attempt: AttemptSlot, id: AttemptId): void {
  if (attempt.aborted !== null) return;
  const { now, endpoints } = core.state;
  const { route, state } = core.wayOf(slot);
  const endpoint = endpoints[attempt.endpoint] ?? missing("the endpoint's state");
  const waited = between(attempt.startedAt, now);
  slot.phase = "streaming";
  attempt.committed = true;
  learnFirstToken(endpoint.learned, waited, now);
  sketchHears(state.firstTokenTimes, waited);
  core.emit({ kind: "commit-attempt", attempt: id });
  if (slot.beside !== noAttempt) loseOther(core, slot, attempt);
  // A deadline that is too early finds nothing to do and is set again: cheaper than moving it for every answer, unless it is that of a hedge.
  if (slot.hedgeAt !== null) {
    slot.hedgeAt = null;
    awaitAttempts(core, slot, route);
  }
  noteAnswer(core, slot);
  endpoint.answered = true;
  if (endpoint.breaker.phase === "half-open") creditProbe(core, attempt, endpoint);
  const deployment = core.deploymentOf(attempt.endpoint);
  if (deployment.adaptiveLimit !== null) adaptLimit(core, waited, attempt.startedAt, deployment, deployment.adaptiveLimit);
}

function adaptLimit(core: Core, time: Duration, startedAt: Instant, { id, concurrencyMax }: DeploymentSpec, spec: AdaptiveLimitSpec): void {
  const { adaptiveLimits, endpoints: states, now } = core.state;
  const limit = adaptiveLimits[id] ?? null;
  if (limit === null) return;
  const endpoints = core.poolOf(id);
  let busiest = 0;
  for (const other of endpoints) busiest = Math.max(busiest, states[other]?.inFlight ?? 0);
  const before = limit.limit;
  if (!limitHears(limit, spec, { startedAt, time }, busiest, concurrencyMax, now)) return;
  core.emit({ kind: "limit-changed", deployment: id, limit: limit.limit });
  for (const other of endpoints) {
    present(states[other], "the endpoint's state").limit = limit.limit;
    core.note(other);
  }
  if (limit.limit > before) for (const other of endpoints) serveQueues(core, other);
}

/** An answer to a request is one of every route that it has been at: each has paid for its way. */
function noteAnswer(core: Core, { path }: RequestSlot): void {
  const { routes, retryBudget } = core.state;
  for (let place = 0; place < path.length; place += 1) (routes[path[place] as RouteId] ?? missing("the route's state")).retryBudget.answered = true;
  retryBudget.answered = true;
}

/** One attempt has won. */
function loseOther(core: Core, slot: RequestSlot, winner: AttemptSlot): void {
  for (const id of attemptsUnderWay(slot)) {
    const attempt = core.attempt(id);
    if (attempt === winner) continue;
    if (attempt.aborted === null) {
      if (attempt.startedAt < winner.startedAt) sketchHears(core.wayOf(slot).state.firstTokenTimes, between(attempt.startedAt, core.state.now));
      core.emit({ kind: "abort-attempt", attempt: id, why: "hedge-lost" });
    }
    attempt.aborted = "hedge-lost";
  }
}

function attemptsUnderWay({ underWay, beside }: RequestSlot): readonly AttemptId[] {
  return [underWay, beside].filter((id) => id !== noAttempt);
}

function creditProbe(core: Core, attempt: AttemptSlot, endpoint: EndpointState): void {
  const heard = breakerHears(endpoint.breaker, core.deploymentOf(attempt.endpoint).breaker, attempt.breakerEpoch, core.state.now);
  attempt.breakerEpoch = heard.epoch;
  attempt.probeCredited = heard.credited;
  noteBreaker(core, attempt.endpoint, endpoint, "half-open");
  // The next probe may start, or anybody.
  if (heard.credited) serveQueues(core, attempt.endpoint);
}

/** A limit of the route's, the caller's deadline, or the time to double it. */
export function attemptFallsDue(core: Core, slot: RequestSlot): void {
  const way = core.wayOf(slot);
  const { route } = way;
  const { now } = core.state;
  let live = false;
  for (const id of attemptsUnderWay(slot)) {
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
  if (slot.hedgeAt !== null && slot.hedgeAt <= now) {
    slot.hedgeAt = null;
    if (live) hedge(core, slot, way);
  }
  awaitAttempts(core, slot, route);
}

/** Only at an endpoint that has had no attempt of the request, within the budget and the bound on attempts. */
function hedge(core: Core, slot: RequestSlot, way: Way): void {
  const { route } = way;
  const { hedgeBudget } = way.state;
  if (slot.attempts >= route.retry.attemptsMax || !canHedge(hedgeBudget)) return;
  const decision = decide(core.state, way, slot);
  if (typeof decision !== "number" || slot.tried.includes(decision)) return;
  takeHedge(hedgeBudget);
  if (core.options.explain) explain(core, slot, way, decision);
  startAttempt(core, slot, way, decision);
}

/** The client has left. What was already told to end is only concluded otherwise. */
export function abandon(core: Core, slot: RequestSlot): void {
  for (const id of attemptsUnderWay(slot)) {
    const attempt = core.attempt(id);
    if (attempt.aborted === null) core.emit({ kind: "abort-attempt", attempt: id, why: "client-left" });
    if (attempt.aborted !== "hedge-lost") attempt.aborted = "client-left";
  }
  awaitAttempts(core, slot, core.routeOf(slot));
}

// --- outcome, retry ---

/** Books the outcome, lets `react` say what becomes of the request, and serves who waited for the place. */
export function endAttempt(core: Core, slot: RequestSlot, attempt: AttemptSlot, { attempt: id, outcome }: AttemptEnded, react: OutcomeReaction): void {
  const { fleet, endpoints } = core.state;
  const { view, route, state } = core.wayOf(slot);
  const { config, found } = view;
  const endpoint = endpoints[attempt.endpoint] ?? missing("the endpoint's state");
  const before = endpoint.breaker.phase;
  const verdict = verdictOn(attempt, outcome);
  const cost = bookOutcome(view, core.state, slot, attempt, outcome, verdict);
  if (found.limits.some) reconcile(core, view, slot, attempt, outcome, cost);
  learnEnd(core.state, state, slot.request, attempt, outcome, verdict);
  const adapting = found.turns[route.id]?.adaptive ?? null;
  if (adapting !== null) adapt(core, config, route, adapting);
  settleShare(config, route, state.queue, slot.request, attempt.share, outcome.usage);
  if (before === "closed" && endpoint.breaker.phase === "closed" && outcome.failure === null) core.noteLoad(attempt.endpoint);
  else noteBreaker(core, attempt.endpoint, endpoint, before);
  core.state.attempts[id] = null;
  core.state.freeAttempts.push(id);
  if (slot.underWay === id) slot.underWay = slot.beside;
  slot.beside = noAttempt;
  react(core, slot, attempt, outcome, spentAfter(slot, outcome, cost));
  if (found.limits.some) serveAll(core);
  else serveQueues(core, attempt.endpoint);
  if (fleet !== null) forgetIfGone(core, attempt.endpoint);
  core.spare.attempts.push(attempt);
}

// Functions of their own: what a closure holds is made whenever the function around it is entered.
function adapt(core: Core, config: CompiledConfig, route: RouteSpec, adapting: AdaptiveState): void {
  adaptWeights(config, core.state, route, adapting, (command) => core.emit(command));
}

export function noteBreaker(core: Core, id: EndpointId, endpoint: EndpointState, before: BreakerPhase): void {
  core.note(id);
  const { phase, reason } = endpoint.breaker;
  if (phase !== before) {
    core.emit({ kind: "breaker-changed", endpoint: id, from: before, to: phase, why: reason });
    probesFollow(core, id, endpoint);
  }
  scheduleEndpoint(core, id);
}

/** Another replica's breaker has opened, or its probes have closed it. */
export function hearPeer(core: Core, report: PeerReport): void {
  const { endpoint: id } = report;
  if (isForgotten(core, id)) return;
  const endpoint = present(core.state.endpoints[id], "the endpoint's state");
  const before = endpoint.breaker.phase;
  breakerHearsPeer(endpoint.breaker, core.deploymentOf(id).breaker, report, core.state.now);
  noteBreaker(core, id, endpoint, before);
  if (endpoint.breaker.phase !== before && endpoint.breaker.phase !== "open") serveQueues(core, id);
}

/** Of the store: whose the fleet's probes are. */
export function answerProbes(core: Core, event: Extract<RouterEvent, { kind: "probes-answered" }>): void {
  if (!hearProbes(core, event)) return;
  const endpoint = present(core.state.endpoints[event.endpoint], "the endpoint's state");
  noteBreaker(core, event.endpoint, endpoint, endpoint.breaker.phase);
  serveQueues(core, event.endpoint);
}

/** The open time of a breaker, or the cooling after a rate limit, has passed. */
export function reopenEndpoint(core: Core, id: EndpointId): void {
  const endpoint = present(core.state.endpoints[id], "the endpoint's state");
  const before = endpoint.breaker.phase;
  if (endpoint.breaker.openUntil <= core.state.now) breakerHalfOpens(endpoint.breaker, "open-time-passed");
  if (endpoint.coolUntil <= core.state.now) endpoint.coolUntil = startOfTime;
  probesFallDue(core, id);
  healthFallsDue(core, id);
  noteBreaker(core, id, endpoint, before);
  serveQueues(core, id);
}

/** A probe of an endpoint has its answer. Where that takes the last healthy one out, who waits may go to any. */
export function hearProbe(core: Core, event: Extract<RouterEvent, { kind: "probe-ended" }>): void {
  const { endpoint: id } = event;
  const before = hearHealth(core, event);
  if (before === null) return;
  noteBreaker(core, id, present(core.state.endpoints[id], "the endpoint's state"), before);
  serveQueues(core, id);
}

/** Another attempt, which has not lost, still has its outcome to come: this one decides nothing. */
function leavesItToAnother(core: Core, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome): boolean {
  if (attempt.aborted === "hedge-lost") return true;
  if (slot.underWay === noAttempt || core.attempt(slot.underWay).aborted === "hedge-lost") return false;
  slot.lastFailure = attempt.timeout ?? outcome.failure ?? slot.lastFailure;
  awaitAttempts(core, slot, core.routeOf(slot));
  return true;
}

export function conclude(core: Core, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome, spent: Spent): void {
  if (attempt.aborted === null && outcome.kind === "aborted") broken("an attempt that nobody aborted ended as aborted");
  if (attempt.aborted === null && outcome.kind === "succeeded") {
    if (slot.underWay !== noAttempt) loseOther(core, slot, attempt);
    noteAnswer(core, slot);
    finish(core, slot, served, spent);
    return;
  }
  slot.spent = spent;
  if (leavesItToAnother(core, slot, attempt, outcome)) return;
  const failure = present(outcome.failure, "what made the attempt fail");
  if (attempt.committed) finish(core, slot, { kind: "cut", failure });
  else considerRetry(core, slot, failure, outcome.retryAfter);
}

/** Whatever its outcome was by then, it is late. */
export function concludeAborted(core: Core, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome, spent: Spent): void {
  slot.spent = spent;
  if (leavesItToAnother(core, slot, attempt, outcome)) return;
  const failure = attempt.timeout ?? slot.lastFailure ?? "timed-out-total";
  if (attempt.aborted === "client-left") finish(core, slot, { kind: "client-left" });
  else if (attempt.committed) finish(core, slot, { kind: "cut", failure });
  else if (attempt.aborted === "deadline") finish(core, slot, { kind: "rejected", why: "deadline-passed", retryAfter: null });
  else considerRetry(core, slot, failure, outcome.retryAfter);
}

/** The last outcome of a request that has its result. */
export function settle(core: Core, slot: RequestSlot, _attempt: AttemptSlot, _outcome: AttemptOutcome, spent: Spent): void {
  slot.spent = spent;
  if (slot.underWay === noAttempt) finish(core, slot, present(slot.settled, "the request's result"));
}

function considerRetry(core: Core, slot: RequestSlot, failure: FailureKind, retryAfter: Duration | null): void {
  slot.lastFailure = failure;
  const route = core.routeOf(slot);
  const { config, found } = core.viewOf(slot);
  const cause = causeOfFailure(failure);
  const elsewhere = hasHopeElsewhere(core, slot, cause);
  const wait = retryWait({ config, state: core.state, found, route, slot, failure, retryAfter, elsewhere, seed: core.options.seed });
  if (wait === "unpaid" && waitsToBePaid(core, slot, failure, retryAfter)) return;
  if (wait === null || wait === "unpaid") {
    const hop = cause === null ? "nowhere" : reroute(core, slot, cause);
    if (hop === "gone" || (hop === "unpaid" && waitsToBePaid(core, slot, failure, retryAfter))) return;
    finish(core, slot, { kind: "failed", failure, retryAfter });
    return;
  }
  slot.unpaid = null;
  if (wait === 0) place(core, slot);
  else backOff(core, slot, wait);
}

/** @returns false: it has waited long enough, or for nobody */
function waitsToBePaid(core: Core, slot: RequestSlot, failure: FailureKind, retryAfter: Duration | null): boolean {
  const { config, found } = core.viewOf(slot);
  const wait = nextAsk(config, found, core.state, core.routeOf(slot), slot);
  if (wait === null) return false;
  slot.unpaid = askedOnce(core.state, slot, failure, retryAfter);
  backOff(core, slot, wait);
  return true;
}

function backOff(core: Core, slot: RequestSlot, wait: Duration): void {
  slot.phase = "backing-off";
  setKey(core.state.requestDeadlines, slot.request.id, after(core.state.now, wait));
}

/** Its wait is over: for the next attempt, or for the next answer to the question whether one can be paid for. */
export function goOn(core: Core, slot: RequestSlot): void {
  if (slot.unpaid === null) place(core, slot);
  else considerRetry(core, slot, slot.unpaid.failure, slot.unpaid.retryAfter);
}
