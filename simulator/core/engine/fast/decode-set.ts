import type { StepShape } from "../engine.ts";
import type { Sequence } from "./sequence.ts";
import type { SequenceList } from "./sequence-list.ts";

/**
 * All decoding sequences as sums. Each gets one token in every call, so that its context in call c is c + 1 + offset: the batch's is count (c + 1) + sum of offsets,
 * and which of them need a new block is one of `blockTokens` counters. Nothing is touched per sequence and call.
 */
export class DecodeSet {
  count = 0;
  readonly #blockTokens: number;
  readonly #residues: Int32Array;
  /** Of all sequences. */
  offsetSum = 0;
  offsetMax = -Infinity;
  maxIsKnown = true;
  readonly #tracksMax: boolean;
  readonly #running: SequenceList;

  /** @param running where they stand, among others */
  constructor(blockTokens: number, tracksMax: boolean, running: SequenceList) {
    this.#running = running;
    this.#blockTokens = blockTokens;
    this.#tracksMax = tracksMax;
    this.#residues = new Int32Array(blockTokens);
  }

  add(sequence: Sequence): void {
    this.count++;
    this.offsetSum += sequence.offset;
    if (sequence.offset > this.offsetMax) this.offsetMax = sequence.offset;
    const residue = this.residueOf(sequence);
    this.#residues[residue] = (this.#residues[residue] ?? 0) + 1;
  }

  remove(sequence: Sequence): void {
    this.count--;
    this.offsetSum -= sequence.offset;
    if (sequence.offset === this.offsetMax) this.maxIsKnown = false;
    const residue = this.residueOf(sequence);
    this.#residues[residue] = (this.#residues[residue] ?? 0) - 1;
  }

  /** The calls, modulo blockTokens, in which it begins a new block. */
  residueOf(sequence: Sequence): number {
    const { offset } = sequence;
    // Of nothing negative: the remainder may be -0, and what has once met that is computed in floating point from then on.
    return offset <= 0 ? (0 - offset) % this.#blockTokens : this.#blockTokens - 1 - ((offset - 1) % this.#blockTokens);
  }

  blocksNeededIn(call: number): number {
    return this.#residues[call % this.#blockTokens] ?? 0;
  }

  /** Over the calls from `first` on; how many of at most `callsMax` find their blocks among `free`. */
  callsWithin(free: number, first: number, callsMax: number): number {
    if (this.count * Math.ceil(callsMax / this.#blockTokens) <= free) return callsMax;
    let left = free;
    for (let calls = 0; calls < callsMax; calls++) {
      left -= this.blocksNeededIn(first + calls);
      if (left < 0) return calls;
    }
    return callsMax;
  }

  blocksNeeded(first: number, calls: number): number {
    const rest = calls % this.#blockTokens;
    let blocks = calls === rest ? 0 : this.count * Math.floor(calls / this.#blockTokens);
    let residue = first % this.#blockTokens;
    for (let left = rest; left > 0; left--) {
      blocks += this.#residues[residue] ?? 0;
      if (++residue === this.#blockTokens) residue = 0;
    }
    return blocks;
  }

  /** The decodes of one call; the rest of the shape is zero. */
  fill(shape: StepShape, call: number): void {
    shape.sequences = this.count;
    shape.decodes = this.count;
    shape.tokens = this.count;
    shape.decodeContext = this.count * (call + 1) + this.offsetSum;
    shape.decodeContextMax = this.count === 0 || !this.#tracksMax ? 0 : call + 1 + this.#longest();
    shape.chunkAttention = 0;
    shape.prefillPast = 0;
    shape.draftTokens = 0;
  }

  clearShape(shape: StepShape): void {
    shape.sequences = 0;
    shape.decodes = 0;
    shape.tokens = 0;
    shape.decodeContext = 0;
    shape.decodeContextMax = 0;
    shape.chunkAttention = 0;
    shape.prefillPast = 0;
    shape.draftTokens = 0;
  }

  /** Looked for again only when the longest has left. */
  #longest(): number {
    if (this.maxIsKnown) return this.offsetMax;
    let longest = -Infinity;
    for (let sequence = this.#running.first; sequence !== null; sequence = sequence.behind) {
      if (sequence.phase === "decode" && sequence.offset > longest) longest = sequence.offset;
    }
    this.offsetMax = longest;
    this.maxIsKnown = true;
    return longest;
  }
}
