/**
 * The routing core: one state machine that takes a request from its arrival to its account. This file is the only one that sequences; each policy it asks
 * (candidates, strategy, breaker, retry, retry budget, queue, ledger) is a small function over a small state.
 *
 *            arrive            place free          first token           outcome
 *   (new) --------> queued ---------------> attempting -----------> streaming --------> served | cut
 *                     |  ^                   |   | outcome: failed        | limit
 *                     |  '--- backing-off <--'   | limit                  v
 *                     v          (retry)         '---------------> aborting --------> retry | failed | cut | client-left
 *                  rejected                                (the outcome of what was aborted is still awaited)
 *
 * Money, places and breaker verdicts are booked in one place, when an attempt's one outcome comes in.
 */
import { bookOutcome } from "./accounting/book-outcome.ts";
import { roundToNano } from "./accounting/ledger.ts";
import { assert, present } from "./assert.ts";
import { explanationOf, noCandidates } from "./candidates.ts";
import type { CompiledConfig, RouteSpec } from "./compiled-config.ts";
import { decide } from "./decision.ts";
import { breakerHalfOpens, breakerStarts } from "./health/breaker.ts";
import { heapRemove, heapSet, heapTopId, heapTopKey } from "./indexed-heap.ts";
import { payIntoRetryBudget } from "./limit/retry-budget.ts";
import { attemptDeadline, limitReached } from "./limit/time-limits.ts";
import { enqueue, leaveQueue } from "./limit/wait-queue.ts";
import type { Duration, Instant, Machine, Out, Restorable } from "./machine.ts";
import type {
  AbortReason,
  AttemptId,
  AttemptOutcome,
  BreakerPhase,
  EndpointId,
  FailureKind,
  FinishResult,
  RequestId,
  RouteRequest,
  RouterCommand,
  RouterEvent,
} from "./messages.ts";
import { copyPlain } from "./plain.ts";
import { retryWait } from "./retry-wait.ts";
import {
  type AttemptSlot,
  type EndpointState,
  initialState,
  newAttemptSlot,
  newRequestSlot,
  type RequestPhase,
  type RequestSlot,
  type RouterState,
} from "./state.ts";
import { after, earlier, instantAt, never, startOfTime } from "./time.ts";

export interface RouterOptions {
  /** Of every random draw. */
  readonly seed: number;
  /** Emit a `record-decision` per decision. Off where nobody reads it: it is the one command that costs allocations by the size of the route. */
  readonly explain: boolean;
}

export type RouterSnapshot = RouterState;

/** What happens in each phase. A missing entry: cannot happen there, asserted. */
interface PhaseRow {
  readonly deadline?: (router: Router, slot: RequestSlot) => void;
  readonly clientLeft: (router: Router, slot: RequestSlot) => void;
  readonly firstToken?: (router: Router, slot: RequestSlot) => void;
  readonly attemptEnded?: (router: Router, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome) => void;
}

export class Router implements Machine<RouterEvent, RouterCommand>, Restorable<RouterSnapshot> {
  static readonly #phases: Readonly<Record<RequestPhase, PhaseRow>> = {
    queued: {
      deadline: (router, slot) => router.#giveUpWaiting(slot),
      clientLeft: (router, slot) => router.#leave(slot),
    },
    "backing-off": {
      deadline: (router, slot) => router.#place(slot),
      clientLeft: (router, slot) => router.#leave(slot),
    },
    attempting: {
      deadline: (router, slot) => router.#timeOut(slot),
      clientLeft: (router, slot) => router.#abort(slot, "client-left"),
      firstToken: (router, slot) => router.#commit(slot),
      attemptEnded: (router, slot, attempt, outcome) => router.#conclude(slot, attempt, outcome),
    },
    streaming: {
      deadline: (router, slot) => router.#timeOut(slot),
      clientLeft: (router, slot) => router.#abort(slot, "client-left"),
      attemptEnded: (router, slot, attempt, outcome) => router.#conclude(slot, attempt, outcome),
    },
    aborting: {
      clientLeft: (router, slot) => router.#abort(slot, "client-left"),
      firstToken: () => undefined,
      attemptEnded: (router, slot, attempt, outcome) => router.#concludeAborted(slot, attempt, outcome),
    },
  };

  readonly #config: CompiledConfig;
  readonly #options: RouterOptions;
  readonly #state: RouterState;
  readonly #found = noCandidates();
  /** By EndpointId: the routes whose queues may go on when it has a place again. */
  readonly #routesOf: readonly (readonly RouteSpec[])[];
  readonly #slotOf = (id: number): RequestSlot => present(this.#state.requests[id], "a waiting request");
  #out: Out<RouterCommand> | null = null;

  /** @param snapshot where another router (or this one, earlier) had got to */
  constructor(config: CompiledConfig, options: RouterOptions, snapshot?: RouterSnapshot) {
    this.#config = config;
    this.#options = options;
    this.#state = snapshot === undefined ? initialState(config, options.seed) : copyPlain(snapshot);
    this.#routesOf = config.endpoints.map((endpoint) => config.routes.filter((route) => route.deployments.includes(endpoint.deployment)));
  }

  snapshot(): RouterSnapshot {
    return copyPlain(this.#state);
  }

  nextDeadline(): Instant {
    return instantAt(Math.min(heapTopKey(this.#state.endpointDeadlines), heapTopKey(this.#state.requestDeadlines)));
  }

  handle(event: RouterEvent, now: Instant, out: Out<RouterCommand>): void {
    this.#enter(now, out);
    try {
      while (this.nextDeadline() < now) this.#carryOutDeadline();
      this.#state.now = now;
      this.#receive(event);
    } finally {
      this.#out = null;
    }
  }

  wake(now: Instant, out: Out<RouterCommand>): void {
    this.#enter(now, out);
    try {
      while (this.nextDeadline() <= now) this.#carryOutDeadline();
      this.#state.now = now;
    } finally {
      this.#out = null;
    }
  }

  #enter(now: Instant, out: Out<RouterCommand>): void {
    assert(this.#out === null, "the router is entered while it is at work");
    assert(now >= this.#state.now, "the clock goes back");
    this.#out = out;
  }

  #emit(command: RouterCommand): void {
    present(this.#out, "the commands' receiver").emit(command, this.#state.now);
  }

  /** Endpoints before requests: a breaker that half-opens at the instant at which a request's wait ends still serves it. */
  #carryOutDeadline(): void {
    const state = this.#state;
    const endpointKey = heapTopKey(state.endpointDeadlines);
    const requestKey = heapTopKey(state.requestDeadlines);
    if (endpointKey <= requestKey) {
      state.now = instantAt(endpointKey);
      this.#reopenEndpoint(heapTopId(state.endpointDeadlines) as EndpointId);
      return;
    }
    state.now = instantAt(requestKey);
    const slot = present(state.requests[heapTopId(state.requestDeadlines)], "the request of a deadline");
    heapRemove(state.requestDeadlines, slot.request.id);
    const react = present(Router.#phases[slot.phase].deadline, `a deadline while ${slot.phase}`);
    react(this, slot);
  }

  #receive(event: RouterEvent): void {
    switch (event.kind) {
      case "request-arrived":
        this.#arrive(event.request);
        return;
      case "attempt-first-token": {
        const slot = this.#requestOf(this.#attempt(event.attempt));
        present(Router.#phases[slot.phase].firstToken, `a first token while ${slot.phase}`)(this, slot);
        return;
      }
      case "attempt-ended":
        this.#endAttempt(event.attempt, event.outcome);
        return;
      case "client-left": {
        const slot = present(this.#state.requests[event.request], "the request that was left");
        Router.#phases[slot.phase].clientLeft(this, slot);
        return;
      }
      case "drain-started":
        this.#state.draining = true;
    }
  }

  #attempt(id: AttemptId): AttemptSlot {
    return present(this.#state.attempts[id], "the attempt");
  }

  #requestOf(attempt: AttemptSlot): RequestSlot {
    return present(this.#state.requests[attempt.request], "the attempt's request");
  }

  #route(slot: RequestSlot): RouteSpec {
    return present(this.#config.routes[slot.request.route], "the request's route");
  }

  // --- arrive, place ---

  #arrive(request: RouteRequest): void {
    const { requests, routes } = this.#state;
    assert((requests[request.id] ?? null) === null, "a request's slot is in use");
    while (requests.length <= request.id) requests.push(null);
    const slot = newRequestSlot(request);
    requests[request.id] = slot;
    const route = this.#route(slot);
    payIntoRetryBudget(present(routes[route.id], "the route's state").retryBudget, route.retry);
    if (this.#state.draining) this.#finish(slot, { kind: "rejected", why: "draining", retryAfter: null });
    else if (request.deadline <= this.#state.now) this.#finish(slot, { kind: "rejected", why: "deadline-passed", retryAfter: null });
    else this.#place(slot);
  }

  /** The first placement of a request and every later one: dispatch it, let it wait, or give it up. */
  #place(slot: RequestSlot): void {
    const route = this.#route(slot);
    const decision = decide(this.#found, this.#config, this.#state, route, slot);
    this.#explain(slot, route, decision.kind === "dispatch" ? decision.endpoint : null);
    if (decision.kind === "dispatch") this.#startAttempt(slot, route, decision.endpoint);
    else if (decision.kind === "wait") this.#wait(slot, route, decision.until);
    else if (slot.lastFailure === null) this.#finish(slot, { kind: "rejected", why: decision.why, retryAfter: decision.retryAfter });
    else this.#finish(slot, { kind: "failed", failure: slot.lastFailure, retryAfter: decision.retryAfter });
  }

  #explain(slot: RequestSlot, route: RouteSpec, chosen: EndpointId | null): void {
    if (!this.#options.explain) return;
    this.#emit({ kind: "record-decision", request: slot.request.id, explanation: explanationOf(this.#found, chosen, route.strategy) });
  }

  #wait(slot: RequestSlot, route: RouteSpec, until: Instant): void {
    const { queue } = present(this.#state.routes[route.id], "the route's state");
    if (queue.length >= route.queue.lengthMax) {
      this.#finish(slot, { kind: "rejected", why: "queue-full", retryAfter: null });
      return;
    }
    slot.phase = "queued";
    enqueue(queue, slot.request.id, this.#slotOf);
    heapSet(this.#state.requestDeadlines, slot.request.id, until);
  }

  #unqueue(slot: RequestSlot): void {
    leaveQueue(present(this.#state.routes[slot.request.route], "the route's state").queue, slot.request.id, this.#slotOf);
    heapRemove(this.#state.requestDeadlines, slot.request.id);
  }

  #giveUpWaiting(slot: RequestSlot): void {
    this.#unqueue(slot);
    if (slot.lastFailure === null) this.#finish(slot, { kind: "rejected", why: "deadline-passed", retryAfter: null });
    else this.#finish(slot, { kind: "failed", failure: slot.lastFailure, retryAfter: null });
  }

  /** An endpoint has a place again: whoever waits for it goes on, in order. One that cannot use the place (its context, what it has tried) lets others pass. */
  #serveQueues(endpoint: EndpointId): void {
    for (const route of this.#routesOf[endpoint] ?? []) {
      const { queue } = present(this.#state.routes[route.id], "the route's state");
      let next = queue.head;
      while (next >= 0) {
        const slot = this.#slotOf(next);
        next = slot.queueNext;
        const decision = decide(this.#found, this.#config, this.#state, route, slot);
        if (decision.kind === "dispatch") {
          this.#unqueue(slot);
          this.#explain(slot, route, decision.endpoint);
          this.#startAttempt(slot, route, decision.endpoint);
        } else if (!this.#found.reasons.includes("context-too-small")) break;
      }
    }
  }

  // --- attempt ---

  #startAttempt(slot: RequestSlot, route: RouteSpec, endpoint: EndpointId): void {
    const state = this.#state;
    const place = present(state.endpoints[endpoint], "the endpoint's state");
    const attempt = newAttemptSlot(slot.request.id, endpoint, state.now, breakerStarts(place.breaker));
    const id = state.freeAttempts.pop() ?? (state.attempts.length as AttemptId);
    state.attempts[id] = attempt;
    place.inFlight += 1;
    slot.phase = "attempting";
    slot.attempt = id;
    slot.attempts += 1;
    if (!slot.tried.includes(endpoint)) slot.tried.push(endpoint);
    heapSet(state.requestDeadlines, slot.request.id, attemptDeadline(route, slot.request, attempt));
    this.#emit({ kind: "start-attempt", attempt: id, request: slot.request.id, endpoint, limits: route.limits });
  }

  #commit(slot: RequestSlot): void {
    const id = present(slot.attempt, "the attempt under way");
    const attempt = this.#attempt(id);
    slot.phase = "streaming";
    attempt.committed = true;
    heapSet(this.#state.requestDeadlines, slot.request.id, attemptDeadline(this.#route(slot), slot.request, attempt));
    this.#emit({ kind: "commit-attempt", attempt: id });
  }

  /** A limit of the route's, or the caller's deadline. */
  #timeOut(slot: RequestSlot): void {
    const attempt = this.#attempt(present(slot.attempt, "the attempt under way"));
    attempt.timeout = limitReached(this.#route(slot), slot.request, attempt, this.#state.now);
    this.#abort(slot, attempt.timeout === null ? "deadline" : "timeout");
  }

  /** Its outcome ends the matter; a client that leaves while a time-out is being carried out changes only how. */
  #abort(slot: RequestSlot, why: AbortReason): void {
    const id = present(slot.attempt, "the attempt under way");
    const attempt = this.#attempt(id);
    const repeated = attempt.aborted !== null;
    attempt.aborted = why;
    if (repeated) return;
    heapRemove(this.#state.requestDeadlines, slot.request.id);
    slot.phase = "aborting";
    this.#emit({ kind: "abort-attempt", attempt: id, why });
  }

  // --- outcome, retry, finish, account ---

  #endAttempt(id: AttemptId, outcome: AttemptOutcome): void {
    const attempt = this.#attempt(id);
    const slot = this.#requestOf(attempt);
    const react = present(Router.#phases[slot.phase].attemptEnded, `an outcome while ${slot.phase}`);
    const endpoint = present(this.#state.endpoints[attempt.endpoint], "the endpoint's state");
    const before = endpoint.breaker.phase;
    bookOutcome(this.#config, this.#state, slot, attempt, outcome);
    this.#noteBreaker(attempt.endpoint, endpoint, before);
    this.#state.attempts[id] = null;
    this.#state.freeAttempts.push(id);
    slot.attempt = null;
    react(this, slot, attempt, outcome);
    this.#serveQueues(attempt.endpoint);
  }

  #noteBreaker(id: EndpointId, endpoint: EndpointState, before: BreakerPhase): void {
    const cools = endpoint.coolUntil > this.#state.now ? endpoint.coolUntil : never;
    heapSet(this.#state.endpointDeadlines, id, earlier(endpoint.breaker.openUntil, cools));
    const { phase } = endpoint.breaker;
    if (phase !== before) this.#emit({ kind: "breaker-changed", endpoint: id, from: before, to: phase });
  }

  /** The open time of a breaker, or the cooling after a rate limit, has passed. */
  #reopenEndpoint(id: EndpointId): void {
    const endpoint = present(this.#state.endpoints[id], "the endpoint's state");
    const before = endpoint.breaker.phase;
    if (endpoint.breaker.openUntil <= this.#state.now) breakerHalfOpens(endpoint.breaker);
    if (endpoint.coolUntil <= this.#state.now) endpoint.coolUntil = startOfTime;
    this.#noteBreaker(id, endpoint, before);
    this.#serveQueues(id);
  }

  #conclude(slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome): void {
    assert(outcome.kind !== "aborted", "an attempt that nobody aborted ended as aborted");
    if (outcome.kind === "succeeded") {
      this.#finish(slot, { kind: "served" });
      return;
    }
    const failure = present(outcome.failure, "what made the attempt fail");
    if (attempt.committed) this.#finish(slot, { kind: "cut", failure });
    else this.#considerRetry(slot, failure, outcome.retryAfter);
  }

  /** Whatever its outcome was by then, it is late. */
  #concludeAborted(slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome): void {
    const failure = attempt.timeout ?? "timed-out-total";
    if (attempt.aborted === "client-left") this.#finish(slot, { kind: "client-left" });
    else if (attempt.committed) this.#finish(slot, { kind: "cut", failure });
    else if (attempt.aborted === "deadline") this.#finish(slot, { kind: "rejected", why: "deadline-passed", retryAfter: null });
    else this.#considerRetry(slot, failure, outcome.retryAfter);
  }

  #considerRetry(slot: RequestSlot, failure: FailureKind, retryAfter: Duration | null): void {
    slot.lastFailure = failure;
    const route = this.#route(slot);
    const wait = retryWait({ config: this.#config, state: this.#state, found: this.#found, route, slot, failure, retryAfter, seed: this.#options.seed });
    if (wait === null) {
      this.#finish(slot, { kind: "failed", failure, retryAfter });
    } else if (wait === 0) {
      this.#place(slot);
    } else {
      slot.phase = "backing-off";
      heapSet(this.#state.requestDeadlines, slot.request.id, after(this.#state.now, wait));
    }
  }

  #leave(slot: RequestSlot): void {
    if (slot.phase === "queued") this.#unqueue(slot);
    this.#finish(slot, { kind: "client-left" });
  }

  #finish(slot: RequestSlot, result: FinishResult): void {
    const id: RequestId = slot.request.id;
    heapRemove(this.#state.requestDeadlines, id);
    this.#state.requests[id] = null;
    const { usage, estimated, priced, attempts, picoDollars } = slot;
    this.#emit({ kind: "finish-request", request: id, result, account: { nanoDollars: roundToNano(picoDollars), usage, estimated, priced, attempts } });
  }
}
