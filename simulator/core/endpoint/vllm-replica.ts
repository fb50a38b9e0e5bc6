import { broken, missing } from "../../../router/core/assert.ts";
import { largeLater } from "../../../router/core/large-later.ts";
import type { Duration, Instant, Out } from "../../../router/core/machine.ts";
import type { FailureKind, Usage } from "../../../router/core/messages.ts";
import { earlier, instantAt, later, never, startOfTime } from "../../../router/core/time.ts";
import type { VllmSpec } from "../compiled-scenario.ts";
import type { CallId, EndpointCommand, EndpointEvent, EndpointModel, EndpointSignals, FaultState } from "../endpoint.ts";
import { healthy } from "../endpoint.ts";
import type { EngineCommand, EngineEvent, EngineModel, SequenceId } from "../engine/engine.ts";
import { clearLine, type DelayLine, inLine, lineDue, makeDelayLine, putInLine, takeFromLine } from "./delay-line.ts";
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

/** A call under way, as the engine is told of it, and what has become of it. `id` is its sequence there, known when the engine gets it. */
export type LiveCall = { -readonly [Key in keyof SequenceSubmitted]: SequenceSubmitted[Key] } & {
  call: CallId;
  /** Where it ends its connection breaks. */
  isCut: boolean;
  started: boolean;
  cachedTokens: number;
  /** Output tokens so far. */
  generated: number;
  /** False once aborted, ended or cut: what is still on its way is dropped. */
  open: boolean;
};

interface Leaving {
  readonly call: LiveCall;
  readonly command: EndpointCommand;
}

const nobody = -1 as CallId;
const reEntered = "a vLLM replica is re-entered: drivers queue what happens while commands are carried out";

export class VllmReplica implements EndpointModel, Out<EngineCommand> {
  readonly #spec: VllmSpec;
  readonly #engine: EngineModel;
  readonly #seed: number;
  readonly #index: number;
  readonly #entering = makeDelayLine<LiveCall>();
  readonly #leaving = makeDelayLine<Leaving>();
  /** By sequence id: the engine's slots are the replica's own, since an aborted call's slot may be used again before the engine has let go. */
  readonly #sequences: (LiveCall | null)[] = [];
  /** Of what the engine has, by sequence id: whose first token it is; `nobody` once it is aborted. Told without a look at the call itself, which has left the cache. */
  readonly #calls: CallId[] = [];
  readonly #freeSequences: number[] = [];
  /** Calls that have ended and stand nowhere any more, to be used again by any replica: the last one is still in the cache. */
  readonly #spareCalls: LiveCall[];
  // What changes with every event stands in open fields: private ones are slow to write (see EngineLoop), and a record of its own would be one more place to look at.
  /** Of both lines: whether anything stands in one, and when the first is through. */
  delays = false;
  linesDue = never;
  /** When the last one in each line is through. */
  entersAt = startOfTime;
  leavesAt = startOfTime;
  /** Sequences that have started in the engine and not ended. */
  running = 0;
  /** An event is being handled; and whom it is told, who stays the same: to write it down anew each time has its price where the garbage collector is told of every pointer. */
  isAtWork = false;
  out: Out<EndpointCommand> | null = null;
  /** Of the engines that crashed: a new one counts from 0. */
  #before: EngineTotals = { busy: 0, steps: 0, stepsOutsideRange: 0, stepSequences: 0, stepTokens: 0 };
  #fault: FaultState = healthy;
  #crashing = false;

  constructor(spec: VllmSpec, engine: EngineModel, options: { readonly seed: number; readonly index: number }, spareCalls: LiveCall[] = []) {
    this.#spec = spec;
    this.#engine = engine;
    this.#seed = options.seed;
    this.#index = options.index;
    this.#spareCalls = spareCalls;
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
    const call = this.#spareCalls.pop() ?? newCall();
    call.inputTokens = inputTokens;
    call.blocks = blocks;
    call.outputTokens = cutAfter ?? outputTokens;
    call.outputTokensMax = outputTokensMax;
    call.priority = priority;
    call.arrival = now;
    call.call = received.call;
    call.isCut = cutAfter !== null;
    call.started = false;
    call.cachedTokens = 0;
    call.generated = 0;
    call.open = true;
    const { frontEndBefore, frontEndPerPromptTokenUs = 0 } = this.#spec;
    this.entersAt = later(this.entersAt, instantAt(now + frontEndBefore + Math.floor(frontEndPerPromptTokenUs * inputTokens + 0.5)));
    if (this.entersAt === now && this.#entering.count === 0) this.#submit(call, now);
    else this.#letWait(this.#entering, this.entersAt, call);
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
    const call = takeFromLine(this.#entering);
    if (call !== null && call.open) this.#submit(call, at);
  }

  #submit(call: LiveCall, at: Instant): void {
    const sequence = this.#freeSequences.pop() ?? this.#sequences.length;
    this.#sequences[sequence] = call;
    this.#calls[sequence] = call.call;
    call.id = sequence as SequenceId;
    this.#engine.handle(call, at, this);
  }

  #abort(id: CallId, now: Instant): void {
    const call = this.#openCall(id);
    if (call === undefined) return;
    call.open = false;
    if (this.#sequences[call.id] === call) {
      this.#calls[call.id] = nobody;
      const generated = this.#engine.outputTokensOf(call.id);
      this.#engine.handle({ kind: "sequence-aborted", id: call.id }, now, this);
      call.generated = Math.max(call.generated, generated, this.#engine.outputTokensOf(call.id));
    }
    this.#tell({ kind: "cut-call", call: id, usage: usageOf(call) }, now);
  }

  /** Rare, so that it is looked for: there is no list by the driver's ids, which are of all endpoints, too many for one per replica. */
  #openCall(id: CallId): LiveCall | undefined {
    const isIt = (call: LiveCall | null): boolean => call !== null && call.open && call.call === id;
    const inside = this.#sequences.find(isIt) ?? inLine(this.#entering).find(isIt);
    return inside ?? inLine(this.#leaving).find(({ call }) => isIt(call))?.call;
  }

  /** In the order of their ids. */
  #openCalls(): readonly LiveCall[] {
    const inside = this.#sequences.filter((call) => call !== null);
    const calls = new Set([...inside, ...inLine(this.#entering), ...inLine(this.#leaving).map(({ call }) => call)]);
    return [...calls].filter(({ open }) => open).toSorted((one, other) => one.call - other.call);
  }

  #changeFault(fault: FaultState, now: Instant): void {
    const before = this.#fault;
    this.#fault = fault;
    if (fault.slowdown !== before.slowdown) this.#engine.handle({ kind: "speed-changed", factor: fault.slowdown }, now, this);
    if (!fault.down || before.down) return;
    this.#before = sumOf(this.#before, this.#engine.observe(now));
    const cut = this.#openCalls();
    this.#crashing = true;
    this.#engine.handle({ kind: "engine-crashed" }, now, this);
    this.#crashing = false;
    clearLine(this.#entering);
    clearLine(this.#leaving);
    this.#noteLines();
    this.entersAt = now;
    this.leavesAt = now;
    for (const call of cut) {
      call.open = false;
      this.#tell({ kind: "cut-call", call: call.call, usage: usageOf(call) }, now);
    }
  }

  /** What the engine says. */
  emit(command: EngineCommand, at: Instant): void {
    if (command.kind === "emit-tokens") {
      this.#sendTokens(command, at);
      return;
    }
    const call = this.#sequences[command.id] ?? null;
    if (call === null) return;
    if (command.kind === "end-sequence") this.#endSequence(call, command, at);
    else if (!call.started) {
      call.cachedTokens = command.cachedTokens;
      call.started = true;
      this.running++;
    }
  }

  #sendTokens({ id, from, count }: Extract<EngineCommand, { kind: "emit-tokens" }>, at: Instant): void {
    const call = this.#calls[id] ?? nobody;
    if (call === nobody) return;
    const command: EndpointCommand = { kind: "emit-tokens", call, from, count };
    if (this.#isThrough(at)) this.#tell(command, at);
    else this.#letWait(this.#leaving, this.leavesAt, { call: this.#sequences[id] ?? missing("the call of a sequence"), command });
  }

  #endSequence(call: LiveCall, command: Extract<EngineCommand, { kind: "end-sequence" }>, at: Instant): void {
    this.#sequences[command.id] = null;
    this.#calls[command.id] = nobody;
    this.#freeSequences.push(command.id);
    call.generated = command.outputTokens;
    const { reason } = command;
    if ((reason === "stop" || reason === "length") && !call.isCut) {
      this.#send(call, { kind: "end-call", call: call.call, reason, usage: usageOf(call) }, at);
    } else if (!this.#crashing) {
      this.#send(call, { kind: "cut-call", call: call.call, usage: usageOf(call) }, at);
    }
    if (call.started) this.running--;
  }

  #send(call: LiveCall, command: EndpointCommand, at: Instant): void {
    if (!call.open) return;
    if (this.#isThrough(at)) this.#sendNow(call, command, at);
    else this.#letWait(this.#leaving, this.leavesAt, { call, command });
  }

  /** Whether what the engine says now is at the wire now; else it is at `leavesAt`. */
  #isThrough(at: Instant): boolean {
    const { frontEndAfter, frontEndPerSequenceUs = 0 } = this.#spec;
    this.leavesAt = later(this.leavesAt, instantAt(at + frontEndAfter + Math.floor(frontEndPerSequenceUs * this.running + 0.5)));
    return this.leavesAt === at && this.#leaving.count === 0;
  }

  #sendNext(at: Instant): void {
    const leaving = takeFromLine(this.#leaving);
    if (leaving !== null && leaving.call.open) this.#sendNow(leaving.call, leaving.command, at);
  }

  #letWait<Item>(line: DelayLine<Item>, due: Instant, item: Item): void {
    putInLine(line, due, item);
    this.#noteLines();
  }

  #sendNow(call: LiveCall, command: EndpointCommand, at: Instant): void {
    if (command.kind !== "emit-tokens") {
      call.open = false;
      this.#spareCalls.push(call);
    }
    this.out?.emit(command, at);
  }

  #tell(command: EndpointCommand, at: Instant): void {
    this.out?.emit(command, at);
  }
}

function newCall(): LiveCall {
  return {
    kind: "sequence-submitted",
    id: -1 as SequenceId,
    inputTokens: 0,
    blocks: null,
    outputTokens: 0,
    outputTokensMax: 0,
    priority: 0,
    arrival: startOfTime,
    call: -1 as CallId,
    isCut: false,
    started: false,
    cachedTokens: 0,
    generated: 0,
    open: false,
  };
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

function usageOf(call: LiveCall): Usage {
  return {
    input: call.started ? call.inputTokens : 0,
    cachedRead: call.cachedTokens,
    cacheWrite: 0,
    output: call.generated,
    reasoning: 0,
  };
}
