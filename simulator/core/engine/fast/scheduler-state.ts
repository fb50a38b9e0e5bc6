import type { PrefixStatistics } from "../plain/plain-scheduler.ts";
import { addDecode, type DecodeSet, removeDecode, residueOf } from "./decode-set.ts";
import type { FastRules } from "./fast-rules.ts";
import { FillLists } from "./fill-lists.ts";
import { KvMemory } from "./kv-memory.ts";
import { fileOutput, type OutputWheel, unknownCall } from "./output-wheel.ts";
import { type RunningList, runnersMin } from "./running-list.ts";
import type { Sequence } from "./sequence.ts";
import type { WaitingLine } from "./waiting-line.ts";
import type { Workbench } from "./workbench.ts";

/**
 * What the parts of the fast scheduler share; each of them says in an interface of its own what of it is its own. One object, and what every call looks at stands first: of
 * hundreds of engines none is in the cache when its turn comes, and each object more is one more place to fetch.
 */
export class SchedulerState implements DecodeSet, OutputWheel, RunningList, WaitingLine {
  /** The latest schedule() call, and the latest whose output was taken in. */
  call = 0;
  processed = 0;
  decodes = 0;
  offsetSum = 0;
  earliest = unknownCall;
  next = unknownCall;
  readonly bench: Workbench;
  readonly rules: FastRules;
  /** Its place in the bench's lists. */
  readonly row: number;
  readonly memory: KvMemory;
  running = 0;
  waiting = 0;
  /** The running sequences in phase prefill, in running order: so many of `prefills`. */
  prefillCount = 0;
  /** To whom something happens with the next call's output. Who is preempted while that is in flight stands here from then on: the output still counts. */
  affectedCount = 0;
  /** The latest call that left out a sequence which could have decoded. */
  starvedCall = 0;
  /** Something ended since the last call, which therefore is not the last. */
  endedSinceCall = false;
  /** The head of the line was tried and does not fit; nothing that has happened since could have helped it. */
  headBlocked = false;
  /** Null: nobody ever had contents in its outputs that others may look for. */
  fills: FillLists | null = null;
  firstWaiting: Sequence | null = null;
  lastWaiting: Sequence | null = null;
  readonly runners: (Sequence | null)[] = Array<Sequence | null>(runnersMin).fill(null);
  runningFrom = 0;
  runningTo = 0;
  orders = 0;
  readonly prefix: PrefixStatistics = { requests: 0, queries: 0, hits: 0, resumedRequests: 0, resumedQueries: 0, resumedHits: 0 };
  readonly prefills: Sequence[] = [];
  readonly affected: Sequence[] = [];
  offsetMax = -Infinity;
  maxIsKnown = true;
  preemptions = 0;

  constructor(bench: Workbench, row = bench.newRow()) {
    this.bench = bench;
    this.rules = bench.rules;
    this.row = row;
    this.memory = new KvMemory(bench.rules.blocks - 1);
    bench.clearRow(row);
  }

  get hasRequests(): boolean {
    return this.running > 0 || this.waiting > 0 || this.endedSinceCall;
  }

  /** It has ended. */
  letGo(sequence: Sequence): void {
    sequence.phase = "ended";
    this.endedSinceCall = true;
    this.bench.spareSequences.push(sequence);
  }

  blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.rules.blockTokens);
  }

  fullBlocks(tokens: number): number {
    const { prefixCaching, blockTokens } = this.rules;
    return prefixCaching ? Math.floor(tokens / blockTokens) : 0;
  }

  /** One more chunk in the step. With one token it is a decode to the device, whatever it is to the scheduler. */
  addChunk(past: number, tokens: number): void {
    const { shape } = this.bench;
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
    fileOutput(this, sequence, call);
    this.join(sequence);
  }

  join(sequence: Sequence): void {
    addDecode(this, sequence);
    if (sequence.keys !== null && sequence.keys.length > this.fullBlocks(sequence.prefillTo)) this.#fill(sequence);
  }

  leave(sequence: Sequence): void {
    removeDecode(this, sequence);
    if (this.fills !== null) this.fills.remove(sequence);
  }

  #fill(sequence: Sequence): void {
    this.fills ??= new FillLists(this.rules.blockTokens);
    this.fills.add(sequence, this.fillResidue(sequence));
  }

  /** In which calls one of its blocks becomes full and known: synchronous when it is allocated, asynchronous one call later. */
  fillResidue(sequence: Sequence): number {
    const { asyncScheduling, blockTokens } = this.rules;
    const residue = residueOf(this, sequence);
    if (asyncScheduling) return residue;
    return residue === 0 ? blockTokens - 1 : residue - 1;
  }

  /** Null: nobody will fill a block that others may look for. */
  get filling(): FillLists | null {
    return this.fills === null || this.fills.count === 0 ? null : this.fills;
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
