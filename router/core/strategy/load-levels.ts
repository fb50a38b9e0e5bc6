/**
 * Which endpoints have how many attempts in flight, so that the least busy of hundreds are found without a look at each: per number of attempts one bit for every EndpointId.
 * Whoever has `levelsMax` or more stands in the last level, together with others.
 */
import { missing } from "../assert.ts";
import type { EndpointId } from "../messages.ts";
import { nextBelow, type RandomState } from "../random.ts";

export interface LoadLevels {
  /** By attempts in flight, `words` for each level; 32 endpoints to a word. */
  readonly levels: Int32Array;
  /** And how many these are. */
  readonly counts: Int32Array;
  readonly words: number;
  /** Nobody has fewer. */
  least: number;
}

const levelsMax = 255;
/** Of fewer endpoints each is looked at as quickly. */
const endpointsMin = 64;

/** Nobody has anything in flight. Null: not worth it. */
export function newLevels(endpoints: number): LoadLevels | null {
  if (endpoints < endpointsMin) return null;
  const words = Math.ceil(endpoints / 32);
  const levels = new Int32Array((levelsMax + 1) * words);
  for (let id = 0; id < endpoints; id += 1) levels[id >> 5] = wordAt(levels, id >> 5) | (1 << (id & 31));
  const counts = new Int32Array(levelsMax + 1);
  counts[0] = endpoints;
  return { levels, counts, words, least: 0 };
}

export function moveLoad(loads: LoadLevels, id: EndpointId, before: number, inFlight: number): void {
  const from = Math.min(before, levelsMax);
  const to = Math.min(inFlight, levelsMax);
  if (from === to) return;
  const { levels, words, counts } = loads;
  const left = from * words + (id >> 5);
  const joined = to * words + (id >> 5);
  const bit = 1 << (id & 31);
  levels[left] = wordAt(levels, left) & ~bit;
  levels[joined] = wordAt(levels, joined) | bit;
  counts[from] = (counts[from] as number) - 1;
  counts[to] = (counts[to] as number) + 1;
  if (to < loads.least) loads.least = to;
}

/** One of those with the least in flight, drawn as `leastOf` does; null: all have so many that they are not told apart. */
export function drawLeast(loads: LoadLevels, ties: RandomState): EndpointId | null {
  for (; loads.least < levelsMax; loads.least += 1) {
    const count = loads.counts[loads.least] as number;
    if (count > 0) return idAfter(loads, loads.least, count === 1 ? 0 : nextBelow(ties, count));
  }
  return null;
}

/** The endpoint with so many of the level before it. */
function idAfter({ levels, words }: LoadLevels, level: number, before: number): EndpointId {
  let left = before;
  for (let word = 0; word < words; word += 1) {
    let bits = wordAt(levels, level * words + word);
    if (bits === 0) continue;
    const count = bitsOf(bits);
    if (left >= count) {
      left -= count;
      continue;
    }
    for (; left > 0; left -= 1) bits &= bits - 1;
    return (word * 32 + 31 - Math.clz32(bits & -bits)) as EndpointId;
  }
  return missing("a bit of the level");
}

/** Sums of ever more bits, side by side (Hacker's Delight, 5-1). */
function bitsOf(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function wordAt(levels: Int32Array, word: number): number {
  return levels[word] as number;
}
