import type { Sequence } from "./sequence.ts";

const size = 1024;
const mask = size - 1;
const unknown = -1;

/**
 * With the output of which call something happens to a sequence: its first token, then its end. A ring of buckets by call number; a bucket may also hold outputs of
 * later turns of the ring. Filing and removing cost the same however many there are.
 */
export class OutputWheel {
  readonly #buckets: (Sequence | null)[] = Array<Sequence | null>(size).fill(null);
  readonly #used = new Int32Array(size / 32);
  /** Nothing happens before this call, as far as is known: until then the ring is not looked at, which is too large to stay in the cache. */
  #earliest = unknown;

  file(sequence: Sequence, call: number): void {
    const place = call & mask;
    sequence.wheelCall = call;
    if (call < this.#earliest) this.#earliest = call;
    const first = this.#buckets[place] ?? null;
    sequence.wheelBefore = null;
    sequence.wheelBehind = first;
    if (first !== null) first.wheelBefore = sequence;
    this.#buckets[place] = sequence;
    this.#used[place >> 5] = (this.#used[place >> 5] ?? 0) | (1 << (place & 31));
  }

  remove(sequence: Sequence): void {
    const place = sequence.wheelCall & mask;
    if (sequence.wheelCall === this.#earliest) this.#earliest = unknown;
    if (sequence.wheelBehind !== null) sequence.wheelBehind.wheelBefore = sequence.wheelBefore;
    if (sequence.wheelBefore !== null) sequence.wheelBefore.wheelBehind = sequence.wheelBehind;
    else {
      this.#buckets[place] = sequence.wheelBehind;
      if (sequence.wheelBehind === null) this.#used[place >> 5] = (this.#used[place >> 5] ?? 0) & ~(1 << (place & 31));
    }
    sequence.wheelBefore = null;
    sequence.wheelBehind = null;
  }

  /** The first of the bucket of a call; go on by `wheelBehind`, and look at `wheelCall`. */
  bucketOf(call: number): Sequence | null {
    return call < this.#earliest ? null : (this.#buckets[call & mask] ?? null);
  }

  /** Nothing happens before this call, at most one turn after `call`. */
  earliestFrom(call: number): number {
    if (this.#earliest < call) this.#earliest = this.#lookFrom(call);
    return this.#earliest;
  }

  #lookFrom(call: number): number {
    const turn = call + size;
    let next = call;
    while (next < turn) {
      const place = next & mask;
      const bits = (this.#used[place >> 5] ?? 0) >>> (place & 31);
      if (bits === 0) next += 32 - (place & 31);
      else {
        next += 31 - Math.clz32(bits & -bits);
        if (holds(this.bucketOf(next), next)) return next;
        next++;
      }
    }
    return turn;
  }
}

/** Not in a later turn of the ring only. */
function holds(bucket: Sequence | null, call: number): boolean {
  for (let sequence = bucket; sequence !== null; sequence = sequence.wheelBehind) if (sequence.wheelCall === call) return true;
  return false;
}
