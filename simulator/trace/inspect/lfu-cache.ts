import { IntegerMap } from "./integer-map.ts";

const none = -1;

/**
 * A cache that evicts, at each insertion, the block with the smallest use count; of several the one touched longest ago. Counts begin at 1 again after an eviction.
 * Blocks of one count stand in a list in the order of their touches, the lists in the order of their counts: every operation takes constant time.
 */
export class LfuCache {
  readonly #capacity: number;
  readonly #slotOf: IntegerMap;
  readonly #blockOf: Float64Array;
  /** Neighbours of a slot within its list, and its list. */
  readonly #before: Int32Array;
  readonly #after: Int32Array;
  readonly #listOf: Int32Array;
  /** Lists: count, first and last slot, neighbouring lists. Numbers of empty lists are used again. */
  readonly #count: number[] = [];
  readonly #first: number[] = [];
  readonly #last: number[] = [];
  readonly #lower: number[] = [];
  readonly #higher: number[] = [];
  readonly #freeLists: number[] = [];
  #lowest = none;
  #used = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#slotOf = new IntegerMap(capacity);
    this.#blockOf = new Float64Array(capacity);
    this.#before = new Int32Array(capacity);
    this.#after = new Int32Array(capacity);
    this.#listOf = new Int32Array(capacity);
  }

  has(block: number): boolean {
    return this.#slotOf.get(block) !== none;
  }

  touch(block: number): void {
    const slot = this.#slotOf.get(block);
    if (slot !== none) {
      const list = this.#listOf[slot] ?? none;
      const count = this.#count[list] ?? 0;
      const higher = this.#higher[list] ?? none;
      const next = higher !== none && this.#count[higher] === count + 1 ? higher : this.#makeList(count + 1, list);
      this.#leave(slot);
      this.#join(slot, next);
      return;
    }
    const free = this.#used < this.#capacity ? this.#used : this.#evict();
    if (free === this.#used) this.#used += 1;
    this.#blockOf[free] = block;
    this.#slotOf.set(block, free);
    this.#join(free, this.#lowest !== none && this.#count[this.#lowest] === 1 ? this.#lowest : this.#makeList(1, none));
  }

  #evict(): number {
    const slot = this.#first[this.#lowest] ?? none;
    this.#slotOf.remove(this.#blockOf[slot] ?? none);
    this.#leave(slot);
    return slot;
  }

  /** @param lower the list before it; -1: it becomes the lowest */
  #makeList(count: number, lower: number): number {
    const list = this.#freeLists.pop() ?? this.#count.length;
    const higher = lower === none ? this.#lowest : (this.#higher[lower] ?? none);
    this.#count[list] = count;
    this.#first[list] = none;
    this.#last[list] = none;
    this.#lower[list] = lower;
    this.#higher[list] = higher;
    if (higher !== none) this.#lower[higher] = list;
    if (lower === none) this.#lowest = list;
    else this.#higher[lower] = list;
    return list;
  }

  #join(slot: number, list: number): void {
    const last = this.#last[list] ?? none;
    this.#listOf[slot] = list;
    this.#before[slot] = last;
    this.#after[slot] = none;
    if (last === none) this.#first[list] = slot;
    else this.#after[last] = slot;
    this.#last[list] = slot;
  }

  #leave(slot: number): void {
    const list = this.#listOf[slot] ?? none;
    const before = this.#before[slot] ?? none;
    const after = this.#after[slot] ?? none;
    if (before === none) this.#first[list] = after;
    else this.#after[before] = after;
    if (after === none) this.#last[list] = before;
    else this.#before[after] = before;
    if (this.#first[list] === none) this.#dropList(list);
  }

  #dropList(list: number): void {
    const lower = this.#lower[list] ?? none;
    const higher = this.#higher[list] ?? none;
    if (lower === none) this.#lowest = higher;
    else this.#higher[lower] = higher;
    if (higher !== none) this.#lower[higher] = lower;
    this.#freeLists.push(list);
  }
}
