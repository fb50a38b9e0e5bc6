/**
 * What prefix affinity remembers of a route: bounded, plain data, a few reads per decision.
 *
 * Popular blocks. A system prompt that many requests share must not decide where they go, or all of them go to one endpoint. How long it is nobody says; it is found
 * out: a block is popular while its share of the route's recent requests is more than `1 / (2 x endpoints)`, half of what one endpoint can take (it ceases to be below a
 * quarter of that, so that nothing flickers at the line). A request is known by its first block that is not popular. Only blocks behind popular ones are counted, so a
 * request costs one count more than it has common blocks: the table is the top of a radix tree. Any number of system prompts, of none to many blocks, are found alike.
 *
 * Homes. The endpoint that a prefix was last sent to, by that block; the longest unused gives way within its set of four.
 */
import type { AffinitySpec } from "../compiled-config.ts";
import { mix } from "../random.ts";

export interface AffinityState {
  /** Of the route. */
  readonly endpoints: number;
  /** Sets of four (block, count, popular), block -1: free. */
  readonly counts: Int32Array;
  /** Of requests, halved with the counts. */
  total: number;
  /** Sets of four (block, endpoint, last use), block -1: free. */
  readonly homes: Int32Array;
  /** Uses so far, from 0 again at 2^30. */
  clock: number;
}

const ways = 4;
const fields = 3;
const set = ways * fields;
const countSets = 1024;
/** A share is believed from so many requests on. */
const countMin = 16;
/** Requests after which the past is worth half. */
const halveAfter = 16_384;
const clockMax = 1 << 30;

export function newAffinity(spec: AffinitySpec, endpoints: number): AffinityState {
  let homeSets = 1;
  while (homeSets * ways < spec.homesMax) homeSets *= 2;
  return { endpoints, counts: emptySets(countSets), total: 0, homes: emptySets(homeSets), clock: 0 };
}

function emptySets(sets: number): Int32Array {
  return new Int32Array(sets * set).fill(-1);
}

/** The block by which the request is known; -1: all its blocks are popular, or it has none. Counts nothing. */
export function knownBy(affinity: AffinityState, blocks: Int32Array): number {
  for (let place = 0; place < blocks.length; place += 1) {
    const block = keyAt(blocks, place);
    const entry = find(affinity.counts, block);
    if (entry < 0 || affinity.counts[entry + 2] !== 1) return block;
  }
  return -1;
}

/** The same, and counts the request. */
export function countRequest(affinity: AffinityState, blocks: Int32Array): number {
  affinity.total += 1;
  if (affinity.total >= halveAfter) halve(affinity);
  for (let place = 0; place < blocks.length; place += 1) {
    const block = keyAt(blocks, place);
    if (!countBlock(affinity, block)) return block;
  }
  return -1;
}

/** -1 marks what is free: the one block of that id is known by another. */
function keyAt(blocks: Int32Array, place: number): number {
  const id = blocks[place] as number;
  return id === -1 ? -2 : id;
}

function countBlock({ counts, total, endpoints }: AffinityState, block: number): boolean {
  let entry = find(counts, block);
  if (entry < 0) {
    entry = leastIn(counts, block, 1);
    counts[entry] = block;
    counts[entry + 1] = 0;
    counts[entry + 2] = 0;
  }
  const count = (counts[entry + 1] as number) + 1;
  counts[entry + 1] = count;
  const share = count * 2 * endpoints;
  if (count >= countMin && share > total) counts[entry + 2] = 1;
  else if (share * 4 < total) counts[entry + 2] = 0;
  return counts[entry + 2] === 1;
}

function halve(affinity: AffinityState): void {
  const { counts } = affinity;
  affinity.total >>= 1;
  for (let entry = 0; entry < counts.length; entry += fields) if (counts[entry] !== -1) counts[entry + 1] = (counts[entry + 1] as number) >> 1;
}

/** -1: it has none. */
export function homeOf({ homes }: AffinityState, block: number): number {
  const entry = find(homes, block);
  return entry < 0 ? -1 : (homes[entry + 1] as number);
}

export function setHome(affinity: AffinityState, block: number, endpoint: number): void {
  const { homes } = affinity;
  affinity.clock += 1;
  if (affinity.clock === clockMax) forgetUses(affinity);
  let entry = find(homes, block);
  if (entry < 0) entry = leastIn(homes, block, 2);
  homes[entry] = block;
  homes[entry + 1] = endpoint;
  homes[entry + 2] = affinity.clock;
}

function forgetUses(affinity: AffinityState): void {
  for (let entry = 2; entry < affinity.homes.length; entry += fields) affinity.homes[entry] = 0;
  affinity.clock = 1;
}

function setOf(table: Int32Array, block: number): number {
  return (mix(block) & (table.length / set - 1)) * set;
}

function find(table: Int32Array, block: number): number {
  const start = setOf(table, block);
  for (let entry = start; entry < start + set; entry += fields) if (table[entry] === block) return entry;
  return -1;
}

/** A free entry of the block's set, or the one with the least in `field`. */
function leastIn(table: Int32Array, block: number, field: number): number {
  const start = setOf(table, block);
  let least = start;
  for (let entry = start; entry < start + set; entry += fields) {
    if (table[entry] === -1) return entry;
    if ((table[entry + field] as number) < (table[least + field] as number)) least = entry;
  }
  return least;
}
