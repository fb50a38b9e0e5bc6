import type { StepShape } from "../engine.ts";
import { type RunningList, runnerAt } from "./running-list.ts";
import type { FastRules } from "./fast-rules.ts";
import type { Sequence } from "./sequence.ts";
import type { Workbench } from "./workbench.ts";

/**
 * All decoding sequences as sums. Each gets one token in every call, so that its context in call c is c + 1 + offset: the batch's is count (c + 1) + sum of offsets,
 * and which of them need a new block is one of `blockTokens` counters. Nothing is touched per sequence and call.
 */
export interface DecodeSet extends RunningList {
  readonly rules: FastRules;
  readonly bench: Workbench;
  /** Of its counters in `bench.residues`. */
  readonly row: number;
  /** How many decode, and the sum of their offsets. */
  decodes: number;
  offsetSum: number;
  /** Of all, where it is known: it is looked for again only when the longest has left. */
  offsetMax: number;
  maxIsKnown: boolean;
}

export function addDecode(set: DecodeSet, sequence: Sequence): void {
  const { residues, tracksMax } = set.bench;
  set.decodes++;
  set.offsetSum += sequence.offset;
  if (tracksMax && sequence.offset > set.offsetMax) set.offsetMax = sequence.offset;
  const place = set.row * set.rules.blockTokens + residueOf(set, sequence);
  residues[place] = (residues[place] as number) + 1;
}

export function removeDecode(set: DecodeSet, sequence: Sequence): void {
  const { residues, tracksMax } = set.bench;
  set.decodes--;
  set.offsetSum -= sequence.offset;
  if (tracksMax && sequence.offset === set.offsetMax) set.maxIsKnown = false;
  const place = set.row * set.rules.blockTokens + residueOf(set, sequence);
  residues[place] = (residues[place] as number) - 1;
}

/** The calls, modulo blockTokens, in which it begins a new block. */
export function residueOf({ rules }: DecodeSet, { offset }: Sequence): number {
  const { blockTokens } = rules;
  // Of nothing negative: the remainder may be -0, and what has once met that is computed in floating point from then on.
  return offset <= 0 ? (0 - offset) % blockTokens : blockTokens - 1 - ((offset - 1) % blockTokens);
}

export function blocksNeededIn({ bench, row, rules }: DecodeSet, call: number): number {
  return bench.residues[row * rules.blockTokens + (call % rules.blockTokens)] as number;
}

/** Over the calls from `first` on; how many of at most `callsMax` find their blocks among `free`. */
export function callsWithin(set: DecodeSet, free: number, first: number, callsMax: number): number {
  if (set.decodes * Math.ceil(callsMax / set.rules.blockTokens) <= free) return callsMax;
  let left = free;
  for (let calls = 0; calls < callsMax; calls++) {
    left -= blocksNeededIn(set, first + calls);
    if (left < 0) return calls;
  }
  return callsMax;
}

export function blocksNeeded({ bench, decodes, row, rules }: DecodeSet, first: number, calls: number): number {
  const { residues } = bench;
  const { blockTokens } = rules;
  const from = row * blockTokens;
  const rest = calls % blockTokens;
  let blocks = calls === rest ? 0 : decodes * Math.floor(calls / blockTokens);
  let residue = first % blockTokens;
  for (let left = rest; left > 0; left--) {
    blocks += residues[from + residue] as number;
    if (++residue === blockTokens) residue = 0;
  }
  return blocks;
}

/** The decodes of one call; the rest of the shape is zero. */
export function fillShape(set: DecodeSet, shape: StepShape, call: number): void {
  const { decodes } = set;
  shape.sequences = decodes;
  shape.decodes = decodes;
  shape.tokens = decodes;
  shape.decodeContext = decodes * (call + 1) + set.offsetSum;
  shape.decodeContextMax = decodes === 0 || !set.bench.tracksMax ? 0 : call + 1 + longest(set);
  shape.chunkAttention = 0;
  shape.prefillPast = 0;
  shape.draftTokens = 0;
}

export function clearShape(shape: StepShape): void {
  shape.sequences = 0;
  shape.decodes = 0;
  shape.tokens = 0;
  shape.decodeContext = 0;
  shape.decodeContextMax = 0;
  shape.chunkAttention = 0;
  shape.prefillPast = 0;
  shape.draftTokens = 0;
}

function longest(set: DecodeSet): number {
  if (set.maxIsKnown) return set.offsetMax;
  let most = -Infinity;
  for (let place = set.runningFrom; place < set.runningTo; place++) {
    const sequence = runnerAt(set, place);
    if (sequence !== null && sequence.phase === "decode" && sequence.offset > most) most = sequence.offset;
  }
  set.offsetMax = most;
  set.maxIsKnown = true;
  return most;
}
