import type { Sequence } from "./sequence.ts";

/** Calls in one turn: a power of two. Engines are many, and what each of them holds does not stay in the cache. */
export const turnCalls = 256;
const mask = turnCalls - 1;
const unknown = -1;

/**
 * With the output of which call something happens to a sequence: its first token, then its end. A ring of buckets by call number; a bucket may also hold outputs of
 * later turns of the ring. Filing and removing cost the same however many there are.
 */
export class OutputWheel {
  readonly #buckets: (Sequence | null)[] = Array<Sequence | null>(turnCalls).fill(null);
  readonly #used = new Int32Array(turnCalls / 32);
  /**
   * Nothing happens before the call `earliest`, as far as is known: until then the ring is not looked at, which is too large to stay in the cache. Nor between it
   * and `next`, which is found anew only where it is unknown.
   */
  earliest = unknown;
  next = unknown;

  file(sequence: Sequence, call: number): void {
    const place = call & mask;
    sequence.wheelCall = call;
    if (call < this.earliest) {
      this.next = this.earliest;
      this.earliest = call;
    } else if (call > this.earliest && call < this.next) this.next = call;
    const first = this.#buckets[place] ?? null;
    sequence.wheelBefore = null;
    sequence.wheelBehind = first;
    if (first !== null) first.wheelBefore = sequence;
    this.#buckets[place] = sequence;
    this.#used[place >> 5] = (this.#used[place >> 5] ?? 0) | (1 << (place & 31));
  }

  remove(sequence: Sequence): void {
    const place = sequence.wheelCall & mask;
    if (sequence.wheelBehind !== null) sequence.wheelBehind.wheelBefore = sequence.wheelBefore;
    if (sequence.wheelBefore !== null) sequence.wheelBefore.wheelBehind = sequence.wheelBehind;
    else {
      this.#buckets[place] = sequence.wheelBehind;
      if (sequence.wheelBehind === null) this.#emptied(sequence.wheelCall);
    }
    sequence.wheelBefore = null;
    sequence.wheelBehind = null;
  }

  #emptied(call: number): void {
    const place = call & mask;
    this.#used[place >> 5] = (this.#used[place >> 5] ?? 0) & ~(1 << (place & 31));
    if (call !== this.earliest) return;
    this.earliest = this.next;
    this.next = unknown;
  }

  /** The first of the bucket of a call; go on by `wheelBehind`, and look at `wheelCall`. */
  bucketOf(call: number): Sequence | null {
    return call < this.earliest ? null : (this.#buckets[call & mask] ?? null);
  }

  /** Nothing happens before this call. */
  earliestFrom(call: number): number {
    if (this.earliest < call) {
      this.earliest = this.#lookFrom(call);
      this.next = unknown;
    }
    return this.earliest;
  }

  #lookFrom(call: number): number {
    const turn = call + turnCalls;
    let ahead = call;
    while (ahead < turn) {
      const place = ahead & mask;
      const bits = (this.#used[place >> 5] ?? 0) >>> (place & 31);
      if (bits === 0) ahead += 32 - (place & 31);
      else {
        ahead += 31 - Math.clz32(bits & -bits);
        if (holds(this.bucketOf(ahead), ahead)) return ahead;
        ahead++;
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
