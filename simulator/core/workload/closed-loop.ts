/**
 * Sessions as closed loops. At most so many sessions are open at once; one that ends makes place for the next. Within a session (and within each of its sub-agents) calls keep
 * their order: a call is sent its think time after the step before it has ended, however long that took, so an overloaded fleet slows its callers down instead of being
 * buried by them. Sub-agents of one step start together, and the parent goes on when the last of them is done. At the time limit nothing more is sent, and calls that are
 * under way are left.
 * A machine: `call-ended` says how a call ended; `send-call` and `leave-call` are to be carried out. Block ids, local to a session, get numbers of their own.
 */
import { assert, present } from "../../../router/core/assert.ts";
import { setKey, leastId, type Tournament, newTournament } from "../../../router/core/tournament.ts";
import type { Branded, Duration, Instant, Machine, Out } from "../../../router/core/machine.ts";
import { after, startOfTime } from "../../../router/core/time.ts";
import type { Arrival } from "./arrival.ts";
import { blockKeys } from "./block-keys.ts";
import type { SessionCall, SessionScript, SessionStep } from "./session-script.ts";

/** A slot, used again after its call ended. */
export type LoopCallId = Branded<"loop call">;

export interface ClosedLoopSpec {
  /** Sessions open at once. */
  readonly sessionsMax: number;
  /** The first `sessionsMax` sessions are begun evenly over so much time. */
  readonly rampUp: Duration;
  /** A person's or tool's pause longer than this is cut to it; Infinity: none is. */
  readonly idleMax: Duration;
  /** Since the start; nothing is sent at it or later. Infinity: until the sessions end. */
  readonly timeLimit: Duration;
  /** Whether a session goes on after a call that was not served. */
  readonly goOnAfterFailure: boolean;
  /** Tokens of an engine's KV block: what the calls' block keys stand for. */
  readonly keyTokens: number;
}

export type ClosedLoopEvent = { readonly kind: "call-ended"; readonly call: LoopCallId; readonly served: boolean };
export type ClosedLoopCommand =
  | { readonly kind: "send-call"; readonly call: LoopCallId; readonly arrival: Arrival }
  /** The time limit is reached while it is under way; its end is still to be told. */
  | { readonly kind: "leave-call"; readonly call: LoopCallId };

export interface ClosedLoopCounts {
  readonly sessionsBegun: number;
  /** All their steps were done. */
  readonly sessionsCompleted: number;
  /** Given up after a failure. */
  readonly sessionsAbandoned: number;
  readonly callsSent: number;
  readonly callsServed: number;
  readonly callsFailed: number;
  /** Under way at the time limit. */
  readonly callsLeft: number;
}

interface Session {
  readonly script: SessionScript;
  readonly firstBlock: number;
  abandoned: boolean;
  /** Its agents that are not done, the main one among them. */
  agents: number;
}

/** One line of calls: a session's own, or a sub-agent's. Its slot is the id of its calls: it has one at a time. */
interface Agent {
  readonly session: Session;
  readonly parent: number | null;
  readonly steps: readonly SessionStep[];
  step: number;
  /** Sub-agents that it waits for. */
  waitingFor: number;
  inFlight: boolean;
}

export class ClosedLoop implements Machine<ClosedLoopEvent, ClosedLoopCommand> {
  readonly #spec: ClosedLoopSpec;
  readonly #scripts: Iterator<SessionScript>;
  readonly #agents: (Agent | null)[] = [];
  readonly #free: number[] = [];
  /** By agent: when its next call is due. */
  readonly #due: Tournament = newTournament();
  #nextBlock = 0;
  #limitReached = false;
  #open = 0;
  readonly #counts = { sessionsBegun: 0, sessionsCompleted: 0, sessionsAbandoned: 0, callsSent: 0, callsServed: 0, callsFailed: 0, callsLeft: 0 };

  /** @param scripts in the order in which they are begun; it may be endless where there is a time limit */
  constructor(spec: ClosedLoopSpec, scripts: Iterator<SessionScript>) {
    this.#spec = spec;
    this.#scripts = scripts;
    for (let place = 0; place < spec.sessionsMax; place += 1) {
      if (!this.#begin(after(startOfTime, Math.floor((spec.rampUp * place) / spec.sessionsMax) as Duration))) break;
    }
  }

  get counts(): ClosedLoopCounts {
    return { ...this.#counts };
  }

  /** Nothing is under way, and nothing more will be sent. */
  get done(): boolean {
    return this.#open === 0;
  }

  handle(event: ClosedLoopEvent, now: Instant, out: Out<ClosedLoopCommand>): void {
    // Law 2: what was due before the event comes first.
    while (this.nextDeadline() < now) this.#advance(this.nextDeadline(), out);
    const slot = event.call as number;
    const agent = present(this.#agents[slot], "the ended call's agent");
    assert(agent.inFlight, "a call ends that is not under way");
    agent.inFlight = false;
    this.#counts[event.served ? "callsServed" : "callsFailed"] += 1;
    if (this.#limitReached) {
      this.#drop(slot, agent);
      return;
    }
    if (!event.served && !this.#spec.goOnAfterFailure) agent.session.abandoned = true;
    agent.step += 1;
    this.#goOn(slot, agent, now);
  }

  wake(now: Instant, out: Out<ClosedLoopCommand>): void {
    while (this.nextDeadline() <= now) this.#advance(this.nextDeadline(), out);
  }

  nextDeadline(): Instant {
    const due = this.#due.least;
    const limit = this.#limitReached || this.#open === 0 ? Infinity : this.#spec.timeLimit;
    return Math.min(due, limit) as Instant;
  }

  #advance(at: Instant, out: Out<ClosedLoopCommand>): void {
    if (at >= this.#spec.timeLimit) {
      this.#reachLimit(at, out);
      return;
    }
    const slot = leastId(this.#due);
    setKey(this.#due, slot, Infinity as Instant);
    const agent = present(this.#agents[slot], "the due agent");
    const call = agent.steps[agent.step];
    assert(call?.kind === "call", "only calls are due");
    agent.inFlight = true;
    this.#counts.callsSent += 1;
    out.emit({ kind: "send-call", call: slot as LoopCallId, arrival: arrivalOf(agent.session, call, at, this.#spec.keyTokens) }, at);
  }

  #reachLimit(at: Instant, out: Out<ClosedLoopCommand>): void {
    this.#limitReached = true;
    for (const [slot, agent] of this.#agents.entries()) {
      if (agent === null) continue;
      setKey(this.#due, slot, Infinity as Instant);
      if (agent.inFlight) {
        this.#counts.callsLeft += 1;
        out.emit({ kind: "leave-call", call: slot as LoopCallId }, at);
      } else this.#drop(slot, agent);
    }
  }

  /** @returns false when there is no further session */
  #begin(at: Instant): boolean {
    if (this.#limitReached || at >= this.#spec.timeLimit) return false;
    const next = this.#scripts.next();
    if (next.done === true) return false;
    const script = next.value;
    const session: Session = { script, firstBlock: this.#nextBlock, abandoned: false, agents: 0 };
    this.#nextBlock += 1 + lastBlockOf(script.steps);
    assert(this.#nextBlock < 0x7fffffff, "the sessions have more blocks than there are numbers");
    this.#counts.sessionsBegun += 1;
    this.#startAgent(session, null, script.steps, at);
    return true;
  }

  #startAgent(session: Session, parent: number | null, steps: readonly SessionStep[], at: Instant): void {
    const slot = this.#free.pop() ?? this.#agents.length;
    const agent: Agent = { session, parent, steps, step: 0, waitingFor: 0, inFlight: false };
    this.#agents[slot] = agent;
    session.agents += 1;
    this.#open += 1;
    this.#goOn(slot, agent, at);
  }

  /** To the step that the agent stands at. */
  #goOn(slot: number, agent: Agent, at: Instant): void {
    const step = agent.session.abandoned ? undefined : agent.steps[agent.step];
    if (step === undefined) {
      this.#finish(slot, agent, at);
      return;
    }
    if (step.kind === "call") {
      setKey(this.#due, slot, after(at, Math.min(step.thinkUs, this.#spec.idleMax) as Duration));
      return;
    }
    const agents = step.agents.filter((steps) => steps.length > 0);
    if (agents.length === 0) {
      agent.step += 1;
      this.#goOn(slot, agent, at);
      return;
    }
    agent.waitingFor = agents.length;
    for (const steps of agents) this.#startAgent(agent.session, slot, steps, at);
  }

  #finish(slot: number, agent: Agent, at: Instant): void {
    const { session, parent } = agent;
    this.#forget(slot, session);
    if (parent !== null) {
      const waiting = present(this.#agents[parent], "the agent that waits");
      waiting.waitingFor -= 1;
      if (waiting.waitingFor > 0) return;
      waiting.step += 1;
      this.#goOn(parent, waiting, at);
      return;
    }
    this.#counts[session.abandoned ? "sessionsAbandoned" : "sessionsCompleted"] += 1;
    this.#begin(at);
  }

  /** At the time limit: neither done nor abandoned. */
  #drop(slot: number, { session }: Agent): void {
    this.#forget(slot, session);
  }

  #forget(slot: number, session: Session): void {
    this.#agents[slot] = null;
    this.#free.push(slot);
    session.agents -= 1;
    this.#open -= 1;
  }
}

function arrivalOf({ script, firstBlock }: Session, call: SessionCall, at: Instant, keyTokens: number): Arrival {
  const inputTokens = Math.max(1, call.inputTokens);
  return {
    at,
    inputTokens,
    outputTokens: Math.max(1, call.outputTokens),
    blocks: call.blockRuns.length === 0 ? null : blockKeys(blocksOf(call.blockRuns, firstBlock), script.blockTokens, keyTokens, inputTokens),
    route: script.route,
    session: script.id,
    tenant: script.tenant,
    features: null,
  };
}

function blocksOf(runs: readonly number[], firstBlock: number): Int32Array {
  let length = 0;
  for (let index = 1; index < runs.length; index += 2) length += runs[index] ?? 0;
  const blocks = new Int32Array(length);
  let place = 0;
  for (let index = 0; index < runs.length; index += 2) {
    const first = runs[index] ?? 0;
    const count = runs[index + 1] ?? 0;
    for (let id = first; id < first + count; id += 1) {
      blocks[place] = firstBlock + id;
      place += 1;
    }
  }
  return blocks;
}

function lastBlockOf(steps: readonly SessionStep[]): number {
  let last = 0;
  for (const step of steps) {
    if (step.kind === "sub-agents") {
      for (const agent of step.agents) last = Math.max(last, lastBlockOf(agent));
      continue;
    }
    for (let index = 0; index < step.blockRuns.length; index += 2) last = Math.max(last, (step.blockRuns[index] ?? 0) + (step.blockRuns[index + 1] ?? 0));
  }
  return last;
}
