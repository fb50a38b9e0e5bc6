import { broken } from "../../../router/core/assert.ts";
import { largeLater } from "../../../router/core/large-later.ts";
import type { Duration, Instant, Out } from "../../../router/core/machine.ts";
import type { FailureKind } from "../../../router/core/messages.ts";
import { earlier, instantAt, later, never, startOfTime } from "../../../router/core/time.ts";
import type { VllmSpec } from "../compiled-scenario.ts";
import type { CallId, EndpointCommand, EndpointEvent, EndpointModel, EndpointSignals, FaultState } from "../endpoint.ts";
import { healthy } from "../endpoint.ts";
import type { EngineCommand, EngineEvent, EngineModel } from "../engine/engine.ts";
import { LiveCalls, type LiveCall } from "./live-calls.ts";
import { clearLine, type DelayLine, forgetInLine, inLine, lineDue, makeDelayLine, putInLine, takeFromLine } from "./delay-line.ts";
import { cutAfterTokens, faultRefusal } from "./refusal.ts";

/**
 * A vLLM replica: an engine behind an API server. The server adds a delay on the way in (receipt to engine queue: constant, and per prompt token) and on the way out (token
 * to byte: constant, and per running sequence); both are queues of their own, in order, so the engine never waits for them, and are left out where there is no delay. A prompt that leaves no room for one token of output is refused
 * (vLLM 0.32: 400 when input >= max_model_len, recorded in calibration/vllm-wire). Aborts reach the engine at once.
 *
 * Faults: `down` cuts every running call at that instant (what is still on its way out is lost), the engine starts again empty, and new calls are
 * refused until it ends; `errorRate` and `overloadRate` refuse new calls before they reach the engine; an answer that is to break off is one that the engine
 * generates no further; `slowdown` stretches the engine's steps, not the server's delays.
 */
type CallReceived = Extract<EndpointEvent, { kind: "call-received" }>;
type SequenceSubmitted = Extract<EngineEvent, { kind: "sequence-submitted" }>;

interface Leaving {
  readonly call: LiveCall;
  readonly command: EndpointCommand;
}

const reEntered = "a vLLM replica is re-entered: drivers queue what happens while commands are carried out";

export class VllmReplica implements EndpointModel, Out<EngineCommand> {
  // What every wake looks at stands first, and so together in memory. What changes with every event stands in open fields: private ones are slow to write (see EngineLoop), and a record of its own would be one more place to look at.
  readonly #engine: EngineModel;
  /** An event is being handled; and whom it is told, who stays the same: to write it down anew each time has its price where the garbage collector is told of every pointer. */
  isAtWork = false;
  out: Out<EndpointCommand> | null = null;
  /** Of both lines: whether anything stands in one, and when the first is through. */
  delays = false;
  linesDue = never;
  readonly #calls: LiveCalls;
  /** Sequences that have started in the engine and not ended. */
  running = 0;
  readonly #spec: VllmSpec;
  /** When the last one in each line is through. */
  leavesAt = startOfTime;
  entersAt = startOfTime;
  #fault: FaultState = healthy;
  #crashing = false;
  readonly #entering = makeDelayLine<SequenceSubmitted>();
  readonly #leaving = makeDelayLine<Leaving>();
  readonly #seed: number;
  readonly #index: number;
  /** Of the engines that crashed: a new one counts from 0. */
  #before: EngineTotals = { busy: 0, steps: 0, stepsOutsideRange: 0, stepSequences: 0, stepTokens: 0 };

  constructor(spec: VllmSpec, engine: EngineModel, options: { readonly seed: number; readonly index: number }, calls = new LiveCalls()) {
    this.#spec = spec;
    this.#engine = engine;
    this.#seed = options.seed;
    this.#index = options.index;
    this.#calls = calls;
    largeLater<VllmReplica>(this, ["entersAt", "leavesAt"]);
  }

  handle(event: EndpointEvent, now: Instant, out: Out<EndpointCommand>): void {
    this.#enter(out);
    for (let due = this.nextDeadline(); due < now; due = this.nextDeadline()) this.#carryOut(due);
    switch (event.kind) {
      case "call-received":
        this.#receive(event, now);
        break;
      case "call-aborted":
        this.#abort(event.call, now);
        break;
      case "fault-changed":
        this.#changeFault(event.fault, now);
        break;
    }
    this.isAtWork = false;
  }

  wake(now: Instant, out: Out<EndpointCommand>): void {
    this.#enter(out);
    for (let due = this.nextDeadline(); due <= now; due = this.nextDeadline()) this.#carryOut(due);
    this.isAtWork = false;
  }

  #enter(out: Out<EndpointCommand>): void {
    if (this.isAtWork) broken(reEntered);
    this.isAtWork = true;
    if (this.out !== out) this.out = out;
  }

  nextDeadline(): Instant {
    const due = this.#engine.nextDeadline();
    return this.delays ? earlier(this.linesDue, due) : due;
  }

  observe(now: Instant): EndpointSignals {
    const signals = this.#engine.observe(now);
    const { running, waiting, blocksUsed, blocks, preemptions } = signals;
    const { busy, ...totals } = sumOf(this.#before, signals);
    return {
      running,
      waiting: waiting + this.#entering.count,
      kvUsed: blocks > 0 ? blocksUsed / blocks : 0,
      preemptions,
      busy: busy as Duration,
      ...totals,
    };
  }

  /** Deadlines of one instant: into the engine, its step, out to the wire. */
  #carryOut(at: Instant): void {
    if (!this.delays || this.linesDue > at) this.#engine.wake(at, this);
    else this.#advanceLines(at);
  }

  #advanceLines(at: Instant): void {
    if (lineDue(this.#entering) === at) this.#submitNext(at);
    else if (this.#engine.nextDeadline() === at) this.#engine.wake(at, this);
    else this.#sendNext(at);
    this.#noteLines();
  }

  #noteLines(): void {
    this.linesDue = earlier(lineDue(this.#entering), lineDue(this.#leaving));
    this.delays = this.linesDue !== never;
  }

  #receive(received: CallReceived, now: Instant): void {
    const failure = this.#refusal(received);
    if (failure !== null) {
      this.#tell({ kind: "refuse-call", call: received.call, failure, retryAfter: null }, now);
      return;
    }
    const { inputTokens, blocks, outputTokens, priority } = received;
    const outputTokensMax = Math.min(received.outputTokensMax, this.#spec.engine.modelTokensMax - inputTokens);
    const cutAfter = this.#cutAfter(received.serial, Math.min(outputTokens, outputTokensMax));
    const call = this.#calls.add(received.call, inputTokens, cutAfter !== null);
    const submitted: SequenceSubmitted = {
      kind: "sequence-submitted",
      id: call,
      inputTokens,
      blocks,
      outputTokens: cutAfter ?? outputTokens,
      outputTokensMax,
      priority,
      arrival: now,
    };
    const { frontEndBefore, frontEndPerPromptTokenUs = 0 } = this.#spec;
    this.entersAt = later(this.entersAt, instantAt(now + frontEndBefore + Math.floor(frontEndPerPromptTokenUs * inputTokens + 0.5)));
    if (this.entersAt === now && this.#isEmpty(this.#entering)) this.#engine.handle(submitted, now, this);
    else this.#letWait(this.#entering, this.entersAt, submitted);
  }

  /** Where nothing is delayed the line is not looked at. */
  #isEmpty(line: DelayLine<unknown>): boolean {
    return !this.delays || line.count === 0;
  }

  #refusal({ serial, inputTokens }: CallReceived): FailureKind | null {
    const fault = this.#fault === healthy ? null : faultRefusal(this.#fault, this.#seed, serial, this.#index);
    if (fault !== null) return fault;
    return inputTokens >= this.#spec.engine.modelTokensMax ? "context-exceeded" : null;
  }

  #cutAfter(serial: number, outputTokens: number): number | null {
    return this.#fault === healthy ? null : cutAfterTokens(this.#fault, this.#seed, serial, this.#index, outputTokens);
  }

  #submitNext(at: Instant): void {
    const submitted = takeFromLine(this.#entering);
    if (submitted === null) return;
    if (this.#calls.isOpen(submitted.id)) this.#engine.handle(submitted, at, this);
    else this.#calls.remove(submitted.id);
  }

  #abort(id: CallId, now: Instant): void {
    const calls = this.#calls;
    const inside = this.#openAmong(this.#engine.liveSequences(), id);
    const call = inside ?? this.#openAmong(this.#callsInLines(), id);
    if (call === undefined) return;
    calls.close(call);
    if (inside !== undefined) {
      const generated = this.#engine.outputTokensOf(call);
      this.#engine.handle({ kind: "sequence-aborted", id: call }, now, this);
      // Where the engine has let go at once the call is no more, but its row still says what has become of it.
      calls.noteOutput(call, Math.max(calls.generatedOf(call), generated, this.#engine.outputTokensOf(call)));
    }
    this.#tell({ kind: "cut-call", call: id, usage: calls.usageOf(call) }, now);
  }

  /** Rare, so that it is looked for: there is no list by the driver's ids, which are of all endpoints, too many for one per replica. */
  #openAmong(among: readonly LiveCall[], id: CallId): LiveCall | undefined {
    return among.find((call) => this.#calls.callOf(call) === id && this.#calls.isOpen(call));
  }

  #callsInLines(): readonly LiveCall[] {
    return [...inLine(this.#entering).map(({ id }) => id), ...inLine(this.#leaving).map(({ call }) => call)];
  }

  /** Each once, open or not. */
  #allCalls(): readonly LiveCall[] {
    return [...new Set([...this.#engine.liveSequences(), ...this.#callsInLines()])];
  }

  #changeFault(fault: FaultState, now: Instant): void {
    const before = this.#fault;
    this.#fault = fault;
    if (fault.slowdown !== before.slowdown) this.#engine.handle({ kind: "speed-changed", factor: fault.slowdown }, now, this);
    if (!fault.down || before.down) return;
    this.#before = sumOf(this.#before, this.#engine.observe(now));
    const calls = this.#calls;
    const all = this.#allCalls().toSorted((one, other) => calls.callOf(one) - calls.callOf(other));
    this.#crashing = true;
    this.#engine.handle({ kind: "engine-crashed" }, now, this);
    this.#crashing = false;
    clearLine(this.#entering);
    clearLine(this.#leaving);
    this.#noteLines();
    this.entersAt = now;
    this.leavesAt = now;
    for (const call of all) {
      if (calls.isOpen(call)) this.#tell({ kind: "cut-call", call: calls.callOf(call), usage: calls.usageOf(call) }, now);
      calls.remove(call);
    }
  }

  /** What the engine says. */
  emit(command: EngineCommand, at: Instant): void {
    if (command.kind === "emit-tokens") this.#sendTokens(command, at);
    else if (command.kind === "end-sequence") this.#endSequence(command, at);
    else if (!this.#calls.hasStarted(command.id)) {
      this.#calls.start(command.id, command.cachedTokens);
      this.running++;
    }
  }

  #sendTokens({ id: call, from, count }: Extract<EngineCommand, { kind: "emit-tokens" }>, at: Instant): void {
    const calls = this.#calls;
    if (calls.isOpen(call)) this.#send(call, { kind: "emit-tokens", call: calls.callOf(call), from, count }, at);
  }

  #endSequence({ id: call, outputTokens, reason }: Extract<EngineCommand, { kind: "end-sequence" }>, at: Instant): void {
    const calls = this.#calls;
    calls.noteOutput(call, outputTokens);
    const hadStarted = calls.hasStarted(call);
    if (!this.#crashing) this.#sendEnd(call, reason, at);
    if (hadStarted) this.running--;
  }

  #sendEnd(call: LiveCall, reason: Extract<EngineCommand, { kind: "end-sequence" }>["reason"], at: Instant): void {
    const calls = this.#calls;
    if (!calls.isOpen(call)) {
      forgetInLine(this.#leaving, (leaving) => leaving.call === call);
      calls.remove(call);
      return;
    }
    const id = calls.callOf(call);
    const usage = calls.usageOf(call);
    const isWhole = (reason === "stop" || reason === "length") && !calls.isCut(call);
    this.#send(call, isWhole ? { kind: "end-call", call: id, reason, usage } : { kind: "cut-call", call: id, usage }, at);
  }

  #send(call: LiveCall, command: EndpointCommand, at: Instant): void {
    if (this.#isThrough(at)) this.#sendNow(call, command, at);
    else this.#letWait(this.#leaving, this.leavesAt, { call, command });
  }

  /** Whether what the engine says now is at the wire now; else it is at `leavesAt`. */
  #isThrough(at: Instant): boolean {
    const { frontEndAfter, frontEndPerSequenceUs = 0 } = this.#spec;
    this.leavesAt = later(this.leavesAt, instantAt(at + frontEndAfter + Math.floor(frontEndPerSequenceUs * this.running + 0.5)));
    return this.leavesAt === at && this.#isEmpty(this.#leaving);
  }

  #sendNext(at: Instant): void {
    const leaving = takeFromLine(this.#leaving);
    if (leaving === null) return;
    const { call, command } = leaving;
    if (this.#calls.isOpen(call)) this.#sendNow(call, command, at);
    else if (command.kind !== "emit-tokens") this.#calls.remove(call);
  }

  #letWait<Item>(line: DelayLine<Item>, due: Instant, item: Item): void {
    putInLine(line, due, item);
    this.#noteLines();
  }

  #sendNow(call: LiveCall, command: EndpointCommand, at: Instant): void {
    if (command.kind !== "emit-tokens") this.#calls.remove(call);
    this.out?.emit(command, at);
  }

  #tell(command: EndpointCommand, at: Instant): void {
    this.out?.emit(command, at);
  }
}

type EngineTotals = Readonly<Record<"busy" | "steps" | "stepsOutsideRange" | "stepSequences" | "stepTokens", number>>;

function sumOf(one: EngineTotals, other: EngineTotals): EngineTotals {
  return {
    busy: one.busy + other.busy,
    steps: one.steps + other.steps,
    stepsOutsideRange: one.stepsOutsideRange + other.stepsOutsideRange,
    stepSequences: one.stepSequences + other.stepSequences,
    stepTokens: one.stepTokens + other.stepTokens,
  };
}
