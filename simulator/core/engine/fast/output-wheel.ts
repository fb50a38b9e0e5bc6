import type { Sequence } from "./sequence.ts";
import type { Workbench } from "./workbench.ts";

/** Calls in one turn: a power of two. Engines are many, and what each of them holds does not stay in the cache. */
export const turnCalls = 256;
const mask = turnCalls - 1;
export const unknownCall = -1;

/**
 * With the output of which call something happens to a sequence: its first token, then its end. A ring of buckets by call number; a bucket may also hold outputs of
 * later turns of the ring. Filing and removing cost the same however many there are.
 */
export interface OutputWheel {
  readonly bench: Workbench;
  /** Of its buckets in `bench.buckets`. */
  readonly row: number;
  /**
   * Nothing happens before the call `earliest`, as far as is known: until then the ring is not looked at, which is too large to stay in the cache. Nor between it
   * and `next`, which is found anew only where it is unknown.
   */
  earliest: number;
  next: number;
}

export function fileOutput(wheel: OutputWheel, sequence: Sequence, call: number): void {
  const { buckets, used } = wheel.bench;
  const place = wheel.row * turnCalls + (call & mask);
  sequence.wheelCall = call;
  if (call < wheel.earliest) {
    wheel.next = wheel.earliest;
    wheel.earliest = call;
  } else if (call > wheel.earliest && call < wheel.next) wheel.next = call;
  const bits = used[place >> 5] as number;
  const bit = 1 << (place & 31);
  // A bucket has left the cache, and is nearly always empty: the bits say so.
  const first = (bits & bit) === 0 ? null : (buckets[place] ?? null);
  sequence.wheelBefore = null;
  sequence.wheelBehind = first;
  if (first !== null) first.wheelBefore = sequence;
  buckets[place] = sequence;
  used[place >> 5] = bits | bit;
}

export function removeOutput(wheel: OutputWheel, sequence: Sequence): void {
  if (sequence.wheelBehind !== null) sequence.wheelBehind.wheelBefore = sequence.wheelBefore;
  if (sequence.wheelBefore !== null) sequence.wheelBefore.wheelBehind = sequence.wheelBehind;
  else {
    wheel.bench.buckets[wheel.row * turnCalls + (sequence.wheelCall & mask)] = sequence.wheelBehind;
    if (sequence.wheelBehind === null) emptied(wheel, sequence.wheelCall);
  }
  sequence.wheelBefore = null;
  sequence.wheelBehind = null;
}

function emptied(wheel: OutputWheel, call: number): void {
  const { used } = wheel.bench;
  const place = wheel.row * turnCalls + (call & mask);
  used[place >> 5] = (used[place >> 5] as number) & ~(1 << (place & 31));
  if (call !== wheel.earliest) return;
  wheel.earliest = wheel.next;
  wheel.next = unknownCall;
}

/** The first of the bucket of a call; go on by `wheelBehind`, and look at `wheelCall`. */
export function bucketOf({ bench, row, earliest }: OutputWheel, call: number): Sequence | null {
  return call < earliest ? null : (bench.buckets[row * turnCalls + (call & mask)] ?? null);
}

/** Nothing happens before this call. */
export function earliestFrom(wheel: OutputWheel, call: number): number {
  if (wheel.earliest < call) {
    wheel.earliest = lookFrom(wheel, call);
    wheel.next = unknownCall;
  }
  return wheel.earliest;
}

function lookFrom(wheel: OutputWheel, call: number): number {
  const { buckets, used } = wheel.bench;
  const from = wheel.row * turnCalls;
  const turn = call + turnCalls;
  let ahead = call;
  while (ahead < turn) {
    const place = from + (ahead & mask);
    // The buckets of 32 calls, from `ahead` on.
    let bits = (used[place >> 5] as number) >>> (place & 31);
    while (bits !== 0) {
      const later = 31 - Math.clz32(bits & -bits);
      if (holds(buckets[place + later] ?? null, ahead + later)) return ahead + later;
      bits &= bits - 1;
    }
    ahead += 32 - (place & 31);
  }
  return turn;
}

/** Not in a later turn of the ring only. */
function holds(bucket: Sequence | null, call: number): boolean {
  for (let sequence = bucket; sequence !== null; sequence = sequence.wheelBehind) if (sequence.wheelCall === call) return true;
  return false;
}
