/**
 * Seeded random numbers. Two kinds, both from one seed:
 *  - a named fork, `forkRandom(seed, "workload")`: a stream of its own (sfc32), for draws that belong to a component and come in a fixed order;
 *  - a keyed draw, `keyedUnit(seed, purpose, key, draw)`: no state, for draws that belong to a request. Changing a policy, adding a tenant or dropping
 *    a retry then shifts nobody else's draws (common random numbers).
 * sfc32 is Chris Doty-Humphrey's (PractRand, public domain); the mixing of keys is MurmurHash3's 32-bit finaliser (Austin Appleby, public domain).
 */
import { ln } from "./numeric.ts";

/** Plain data: a snapshot is a copy. */
export interface RandomState {
  a: number;
  b: number;
  c: number;
  d: number;
}

const twoToMinus32 = 1 / 4294967296;
const twoToMinus53 = 1 / 9007199254740992;

/** 32 bits of a 32-bit whole number, well mixed; signed. */
export function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** FNV-1a over the name's UTF-16 units: which draw this is. Compute it once, at module level. */
export function purposeOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  return mix(hash);
}

/** @param seed a whole number of at most 53 bits */
export function forkRandom(seed: number, name: string): RandomState {
  const state: RandomState = { a: mix(seed | 0), b: mix(Math.floor(seed * twoToMinus32) ^ 0x9e3779b9), c: purposeOf(name), d: 1 };
  for (let round = 0; round < 12; round += 1) nextBits(state);
  return state;
}

/** 32 bits, signed. */
function nextBits(state: RandomState): number {
  const sum = (((state.a + state.b) | 0) + state.d) | 0;
  state.d = (state.d + 1) | 0;
  state.a = state.b ^ (state.b >>> 9);
  state.b = (state.c + (state.c << 3)) | 0;
  state.c = ((state.c << 21) | (state.c >>> 11)) + sum;
  state.c |= 0;
  return sum;
}

/** Uniform in [0, 1), 53 bits. */
export function nextUnit(state: RandomState): number {
  const high = nextBits(state) >>> 5;
  const low = nextBits(state) >>> 6;
  return (high * 67108864 + low) * twoToMinus53;
}

/** Uniform whole number in [0, count). */
export function nextBelow(state: RandomState, count: number): number {
  return Math.floor(nextUnit(state) * count);
}

/** Uniform in [0, 1), 32 bits: the same for the same four numbers, in every run and policy. */
export function keyedUnit(seed: number, purpose: number, key: number, draw: number): number {
  let hash = mix((seed | 0) ^ 0x9e3779b9);
  hash = mix(hash ^ Math.floor(seed * twoToMinus32));
  hash = mix(hash ^ purpose);
  hash = mix(hash ^ (key | 0));
  hash = mix(hash ^ Math.floor(key * twoToMinus32) ^ Math.imul(draw + 1, 0x9e3779b9));
  return (hash >>> 0) * twoToMinus32;
}

/** Standard normal (Marsaglia's polar method over keyed draws). Uses draws from `draw * 64` on: give different normals of one key different `draw`s below 2^25. */
export function keyedNormal(seed: number, purpose: number, key: number, draw: number): number {
  for (let round = 0; ; round += 1) {
    const x = 2 * keyedUnit(seed, purpose, key, draw * 64 + 2 * round) - 1;
    const y = 2 * keyedUnit(seed, purpose, key, draw * 64 + 2 * round + 1) - 1;
    const square = x * x + y * y;
    if (square > 0 && square < 1) return x * Math.sqrt((-2 * ln(square)) / square);
  }
}

/** Standard normal (Marsaglia's polar method; the second value is thrown away, so that a draw has no memory). */
export function nextNormal(random: RandomState): number {
  for (;;) {
    const x = 2 * nextUnit(random) - 1;
    const y = 2 * nextUnit(random) - 1;
    const square = x * x + y * y;
    if (square > 0 && square < 1) return x * Math.sqrt((-2 * ln(square)) / square);
  }
}
