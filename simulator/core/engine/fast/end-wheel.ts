import type { Sequence } from "./sequence.ts";

const size = 1024;
const mask = size - 1;
const unknown = -1;

/**
 * Which sequences end with the output of which call: a ring of buckets by call number. A bucket may also hold ends of later turns of the ring.
 * Filing and removing cost the same however many there are.
 */
export class EndWheel {
  readonly #buckets: (Sequence | null)[] = Array<Sequence | null>(size).fill(null);
  readonly #used = new Int32Array(size / 32);
  /** No sequence ends before this call, as far as is known: until then the ring is not looked at, which is too large to stay in the cache. */
  #earliest = unknown;

  file(sequence: Sequence): void {
    const place = sequence.endCall & mask;
    if (sequence.endCall < this.#earliest) this.#earliest = sequence.endCall;
    const first = this.#buckets[place] ?? null;
    sequence.wheelBefore = null;
    sequence.wheelBehind = first;
    if (first !== null) first.wheelBefore = sequence;
    this.#buckets[place] = sequence;
    this.#used[place >> 5] = (this.#used[place >> 5] ?? 0) | (1 << (place & 31));
  }

  remove(sequence: Sequence): void {
    const place = sequence.endCall & mask;
    if (sequence.endCall === this.#earliest) this.#earliest = unknown;
    if (sequence.wheelBehind !== null) sequence.wheelBehind.wheelBefore = sequence.wheelBefore;
    if (sequence.wheelBefore !== null) sequence.wheelBefore.wheelBehind = sequence.wheelBehind;
    else {
      this.#buckets[place] = sequence.wheelBehind;
      if (sequence.wheelBehind === null) this.#used[place >> 5] = (this.#used[place >> 5] ?? 0) & ~(1 << (place & 31));
    }
    sequence.wheelBefore = null;
    sequence.wheelBehind = null;
  }

  /** The first of the bucket of a call; go on by `wheelBehind`, and look at `endCall`. */
  bucketOf(call: number): Sequence | null {
    return call < this.#earliest ? null : (this.#buckets[call & mask] ?? null);
  }

  /** No sequence ends before this call, at most one turn after `call`. */
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
        if (endsIn(this.bucketOf(next), next)) return next;
        next++;
      }
    }
    return turn;
  }
}

/** Not in a later turn of the ring only. */
function endsIn(bucket: Sequence | null, call: number): boolean {
  for (let sequence = bucket; sequence !== null; sequence = sequence.wheelBehind) if (sequence.endCall === call) return true;
  return false;
}
