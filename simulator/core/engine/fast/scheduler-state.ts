import type { PrefixStatistics } from "../plain/plain-scheduler.ts";
import type { StepShape } from "../engine.ts";
import type { SequenceListener } from "./command-writer.ts";
import { DecodeSet } from "./decode-set.ts";
import type { FastRules } from "./fast-rules.ts";
import { FillLists } from "./fill-lists.ts";
import { KvMemory } from "./kv-memory.ts";
import { OutputWheel } from "./output-wheel.ts";
import { SequenceBag } from "./sequence-bag.ts";
import { SequenceList } from "./sequence-list.ts";
import type { Sequence } from "./sequence.ts";
import type { Workbench } from "./workbench.ts";

/** What the parts of the fast scheduler share. */
export class SchedulerState {
  readonly rules: FastRules;
  readonly listener: SequenceListener;
  readonly memory: KvMemory;
  readonly decodes: DecodeSet;
  readonly outputs = new OutputWheel();
  readonly fills: FillLists;
  readonly running = new SequenceList();
  readonly waiting = new SequenceList();
  /** The running sequences in phase prefill, in running order. */
  readonly prefills = new SequenceBag();
  /** To whom something happens with the next call's output. Who is preempted while that is in flight stands here from then on: the output still counts. */
  readonly affected = new SequenceBag();
  readonly preempted: SequenceBag;
  readonly prefix: PrefixStatistics = { requests: 0, queries: 0, hits: 0, resumedRequests: 0, resumedQueries: 0, resumedHits: 0 };
  /** The last call's step. */
  readonly shape: StepShape;
  readonly lookUp: Workbench["lookUp"];
  readonly watermarkBlocks: number;
  readonly runningMax: number;
  /** The latest schedule() call, and the latest whose output was taken in. */
  call = 0;
  processed = 0;
  /** Tokens that the call being made can still take. */
  budget = 0;
  chunkMax = Infinity;
  orders = 0;
  preemptions = 0;
  /** The latest call that left out a sequence which could have decoded. */
  starvedCall = 0;
  /** Something ended since the last call, which therefore is not the last. */
  endedSinceCall = false;
  /** The head of the line was tried and does not fit; nothing that has happened since could have helped it. */
  headBlocked = false;

  constructor(rules: FastRules, listener: SequenceListener, bench: Workbench, tracksContextMax: boolean) {
    this.rules = rules;
    this.listener = listener;
    this.preempted = bench.preempted;
    this.shape = bench.shape;
    this.lookUp = bench.lookUp;
    this.memory = new KvMemory(rules.blocks - 1);
    this.decodes = new DecodeSet(rules.blockTokens, tracksContextMax, this.running);
    this.fills = new FillLists(rules.blockTokens);
    this.watermarkBlocks = Math.trunc(rules.watermark * rules.blocks);
    this.runningMax = rules.activeSequencesMax ?? rules.sequencesMax;
  }

  get hasRequests(): boolean {
    return this.running.length > 0 || this.waiting.length > 0 || this.endedSinceCall;
  }

  blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.rules.blockTokens);
  }

  fullBlocks(tokens: number): number {
    return this.rules.prefixCaching ? Math.floor(tokens / this.rules.blockTokens) : 0;
  }

  /** One more chunk in the step. With one token it is a decode to the device, whatever it is to the scheduler. */
  addChunk(past: number, tokens: number): void {
    const { shape } = this;
    shape.sequences++;
    shape.tokens += tokens;
    if (tokens === 1) {
      shape.decodes++;
      shape.decodeContext += past + 1;
      if (past + 1 > shape.decodeContextMax) shape.decodeContextMax = past + 1;
    } else {
      shape.chunkAttention += tokens * (past + tokens / 2);
      shape.prefillPast += past;
    }
  }

  /** Its known tokens are all computed with this call: from the next one on it decodes. */
  finishPrefill(sequence: Sequence): void {
    const { call } = this;
    sequence.phase = "decode";
    sequence.firstCall = call;
    sequence.offset = sequence.prefillTo - call - 1;
    sequence.endCall = call + sequence.outputsEnd - sequence.outputs - 1;
    sequence.starvedFrom = 0;
    sequence.starvedTo = 0;
    this.outputs.file(sequence, call);
    this.join(sequence);
  }

  join(sequence: Sequence): void {
    this.decodes.add(sequence);
    if (sequence.keys !== null && sequence.keys.length > this.fullBlocks(sequence.prefillTo)) this.fills.add(sequence, this.fillResidue(sequence));
  }

  leave(sequence: Sequence): void {
    this.decodes.remove(sequence);
    if (this.fills.count > 0) this.fills.remove(sequence);
  }

  /** In which calls one of its blocks becomes full and known: synchronous when it is allocated, asynchronous one call later. */
  fillResidue(sequence: Sequence): number {
    const residue = this.decodes.residueOf(sequence);
    if (this.rules.asyncScheduling) return residue;
    return residue === 0 ? this.rules.blockTokens - 1 : residue - 1;
  }

  /** KV that stands when the calls up to `call` have run. */
  computedOf(sequence: Sequence, call = this.call): number {
    if (sequence.phase === "decode") return call + 1 + sequence.offset;
    if (sequence.phase === "ending") return sequence.endCall + 1 + sequence.offset;
    return sequence.phase === "prefill" ? sequence.computed : 0;
  }

  /**
   * Tokens up to which its blocks are findable. Synchronous: all computed ones. Asynchronous: at allocation the known tokens, which lag one behind what is
   * computed unless nothing was in flight (after prefill, or after a call that the budget did not reach); and all when its last output has been taken in.
   */
  knownOf(sequence: Sequence, computed: number, call = this.call): number {
    if (!this.rules.asyncScheduling || sequence.phase === "prefill") return computed;
    const last = lastCallOf(sequence, call);
    const all = this.processed >= last || sequence.firstCall === last || sequence.starvedTo === last - 1;
    return all ? computed : computed - 1;
  }

  /** Outputs taken in so far. */
  outputsOf(sequence: Sequence): number {
    if (sequence.phase !== "decode" && sequence.phase !== "ending") return sequence.outputs;
    let outstanding = 0;
    for (let call = this.processed + 1; call <= this.call; call++) {
      const starved = call >= sequence.starvedFrom && call <= sequence.starvedTo;
      if (call >= sequence.firstCall && !starved && !(sequence.phase === "ending" && call > sequence.endCall)) outstanding++;
    }
    return this.computedOf(sequence) + 1 - sequence.promptTokens - outstanding;
  }
}

/** The latest call up to `call` that scheduled a sequence past its prefill. */
function lastCallOf(sequence: Sequence, call: number): number {
  if (sequence.phase === "ending") return sequence.endCall;
  return sequence.starvedTo === call ? sequence.starvedFrom - 1 : call;
}
