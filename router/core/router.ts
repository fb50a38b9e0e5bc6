/**
 * The routing core: one state machine that takes a request from its arrival to its account. The table below is the whole of its sequence.
 *
 *            arrive            place free          first token           outcome
 *   (new) --------> queued ---------------> attempting -----------> streaming --------> served | cut
 *                     |  ^                   |   | outcome: failed        | limit
 *                     |  '--- backing-off <--'   | limit                  v
 *                     v          (retry)         '---------------> aborting --------> retry | failed | cut | client-left
 *                  rejected                                (the outcome of what was aborted is still awaited)
 *
 * A stream may have a second attempt beside the first (a hedge): `attempting` then means that at least one may still answer, and a request that has its result while a
 * loser's outcome is to come is `settling`.
 *
 * Money, places and breaker verdicts are booked in one place, when an attempt's one outcome comes in.
 */
import { assert, broken, missing } from "./assert.ts";
import type { CompiledConfig } from "./compiled-config.ts";
import { Core, type RouterOptions } from "./core.ts";
import { removeKey, leastId } from "./tournament.ts";
import type { Instant, Machine, Out, Restorable } from "./machine.ts";
import { forfeitLeases, hearAnswer, leaseFallsDue, loseStore, regainStore, startPeriod } from "./limit/limit-course.ts";
import type { AttemptId, EndpointId, LeaseKey, RouterCommand, RouterEvent } from "./messages.ts";
import { changeFleet } from "./fleet.ts";
import { copyPlain } from "./plain.ts";
import { activateConfig } from "./rollout/activate-config.ts";
import { retireEnded } from "./rollout/retire-config.ts";
import { arrive, giveUpWaiting, leave, serveAll } from "./placement-course.ts";
import {
  abandon,
  attemptFallsDue,
  commit,
  conclude,
  concludeAborted,
  endAttempt,
  goOn,
  answerProbes,
  hearPeer,
  hearProbe,
  type OutcomeReaction,
  reopenEndpoint,
  settle,
} from "./request-course.ts";
import { type AttemptSlot, initialState, type RequestPhase, type RequestSlot, type RouterState } from "./state.ts";
import { learnSignal } from "./strategy/learn.ts";
import { instantAt } from "./time.ts";

type Reaction = (core: Core, slot: RequestSlot) => void;
type TokenReaction = (core: Core, slot: RequestSlot, attempt: AttemptSlot, id: AttemptId) => void;

/** What happens in each phase. A missing entry: cannot happen there, asserted. */
interface PhaseRow {
  readonly deadline?: Reaction;
  readonly clientLeft: Reaction;
  readonly firstToken?: TokenReaction;
  readonly attemptEnded?: OutcomeReaction;
}

/** Its abort and its first token have crossed. */
const tooLate: TokenReaction = (_core, _slot, { aborted }) => assert(aborted !== null, "a first token of an attempt that nobody waits for");

const phases: Readonly<Record<RequestPhase, PhaseRow>> = {
  queued: { deadline: giveUpWaiting, clientLeft: leave },
  "backing-off": { deadline: goOn, clientLeft: leave },
  attempting: { deadline: attemptFallsDue, clientLeft: abandon, firstToken: commit, attemptEnded: conclude },
  streaming: { deadline: attemptFallsDue, clientLeft: abandon, firstToken: tooLate, attemptEnded: conclude },
  aborting: { clientLeft: abandon, firstToken: tooLate, attemptEnded: concludeAborted },
  settling: { clientLeft: () => undefined, firstToken: tooLate, attemptEnded: settle },
};

export type RouterSnapshot = RouterState;

export class Router implements Machine<RouterEvent, RouterCommand>, Restorable<RouterSnapshot> {
  readonly #core: Core;

  /** @param snapshot where another router (or this one, earlier) had got to */
  constructor(config: CompiledConfig, options: RouterOptions, snapshot?: RouterSnapshot) {
    this.#core = new Core(config, options, snapshot === undefined ? initialState(config, options.seed, options.here) : copyPlain(snapshot));
  }

  snapshot(): RouterSnapshot {
    return copyPlain(this.#core.state);
  }

  nextDeadline(): Instant {
    const { endpointDeadlines, leaseDeadlines, requestDeadlines } = this.#core.state;
    return Math.min(endpointDeadlines.least, leaseDeadlines.least, requestDeadlines.least) as Instant;
  }

  handle(event: RouterEvent, now: Instant, out: Out<RouterCommand>): void {
    const core = this.#core;
    this.#enter(now, out);
    try {
      while (this.nextDeadline() < now) this.#carryOutDeadline();
      core.state.now = now;
      receive(core, event);
      if (core.state.versions.length > 1) retireEnded(core);
    } finally {
      core.atWork = false;
    }
  }

  wake(now: Instant, out: Out<RouterCommand>): void {
    this.#enter(now, out);
    try {
      while (this.nextDeadline() <= now) this.#carryOutDeadline();
      this.#core.state.now = now;
    } finally {
      this.#core.atWork = false;
    }
  }

  #enter(now: Instant, out: Out<RouterCommand>): void {
    const core = this.#core;
    if (core.atWork) broken("the router is entered while it is at work");
    if (now < core.state.now) broken("the clock goes back");
    core.atWork = true;
    // Nearly always it is the same one, and to write a pointer costs more than to compare it.
    if (core.out !== out) core.out = out;
  }

  /** Endpoints and leases before requests: a breaker that half-opens at the instant at which a request's wait ends still serves it. */
  #carryOutDeadline(): void {
    const { state } = this.#core;
    const endpointKey = state.endpointDeadlines.least;
    const leaseAt = state.leaseDeadlines.least;
    const requestKey = state.requestDeadlines.least;
    if (leaseAt < endpointKey && leaseAt <= requestKey) {
      state.now = instantAt(leaseAt);
      if (leaseFallsDue(this.#core, leastId(state.leaseDeadlines) as LeaseKey)) serveAll(this.#core);
    } else if (endpointKey <= requestKey) {
      state.now = instantAt(endpointKey);
      reopenEndpoint(this.#core, leastId(state.endpointDeadlines) as EndpointId);
    } else {
      state.now = instantAt(requestKey);
      const slot = this.#core.slotOf(leastId(state.requestDeadlines));
      // A request gives up its deadline before it acts on it; what it does next may set another.
      removeKey(state.requestDeadlines, slot.request.id);
      const react = phases[slot.phase].deadline ?? missing("what its phase does at a deadline");
      react(this.#core, slot);
    }
    if (state.versions.length > 1) retireEnded(this.#core);
  }
}

function receive(core: Core, event: RouterEvent): void {
  const { kind } = event;
  if (kind === "request-arrived") arrive(core, event.request);
  else if (kind === "attempt-first-token") {
    const attempt = core.attempt(event.attempt);
    const slot = core.requestOf(event.attempt);
    const react = phases[slot.phase].firstToken ?? missing("what its phase does with a first token");
    react(core, slot, attempt, event.attempt);
  } else if (kind === "attempt-ended") {
    const attempt = core.attempt(event.attempt);
    const slot = core.requestOf(event.attempt);
    assertTheyBelong(core, slot, attempt);
    const react = phases[slot.phase].attemptEnded ?? missing("what its phase does with an outcome");
    endAttempt(core, slot, attempt, event, react);
  } else if (kind === "client-left") {
    const slot = core.slotOf(event.request);
    phases[slot.phase].clientLeft(core, slot);
  } else hearOf(core, event);
}

/**
 * Of ten thousand that are open none is in the processor's caches. What is compared here lies in different lines of both slots: they are fetched side by side, and not one after
 * the other on the way.
 */
function assertTheyBelong({ state }: Core, { request }: RequestSlot, attempt: AttemptSlot): void {
  if (attempt.request !== request.id || attempt.startedAt > state.now) broken("an attempt ends that is another request's, or has not started");
}

/** What is nobody's request. */
function hearOf(core: Core, event: Exclude<RouterEvent, { kind: "request-arrived" | "attempt-first-token" | "attempt-ended" | "client-left" }>): void {
  switch (event.kind) {
    case "lease-answered":
      hearAnswer(core, event);
      serveAll(core);
      return;
    case "probes-answered":
      answerProbes(core, event);
      return;
    case "probe-ended":
      hearProbe(core, event);
      return;
    case "store-lost":
      loseStore(core);
      serveAll(core);
      return;
    case "store-back":
      regainStore(core);
      serveAll(core);
      return;
    case "period-started":
      startPeriod(core, event.budget, event.endsAt);
      serveAll(core);
      return;
    case "leases-forfeited":
      forfeitLeases(core, event.nonce);
      return;
    case "signal-observed":
      learnSignal(core.state, event.endpoint, event.signals, event.sampledAt);
      return;
    case "price-changed":
      core.state.prices[event.deployment] = event.rates;
      core.notePrices();
      return;
    case "billing-month-started":
      core.state.volumes.fill(0);
      return;
    case "peer-reported":
      hearPeer(core, event);
      return;
    case "fleet-changed":
      changeFleet(core, event.joined, event.left);
      return;
    case "config-activated":
      activateConfig(core, event);
      return;
    case "drain-started":
      core.state.draining = true;
  }
}
