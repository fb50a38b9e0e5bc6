import { IntegerMap } from "./integer-map.ts";

/**
 * One LRU order for caches of every size up to `capacityMax` at once (Mattson's stack): a block whose depth, the number of blocks touched since it was, is below C is in a
 * cache of C blocks. Depths come from a Fenwick tree over touch times that is renumbered when it is full. Memory: about 40 bytes per place of the largest cache.
 */
export class LruStack {
  readonly #capacityMax: number;
  readonly #timeOf: IntegerMap;
  /** By touch time: the block; -1 where it was touched again since. */
  #blockAt: Float64Array;
  #tree: Int32Array;
  #clock = 0;
  #live = 0;
  #oldest = 0;

  constructor(capacityMax: number) {
    this.#capacityMax = capacityMax;
    const times = Math.max(1 << 16, 3 * capacityMax);
    this.#timeOf = new IntegerMap(capacityMax + 65_536);
    this.#blockAt = new Float64Array(times).fill(-1);
    this.#tree = new Int32Array(times + 1);
  }

  /** Infinity: in no cache. */
  depth(block: number): number {
    const time = this.#timeOf.get(block);
    return time === -1 ? Infinity : this.#live - this.#liveUpTo(time);
  }

  touch(block: number): void {
    if (this.#clock === this.#blockAt.length) this.#renumber();
    const before = this.#timeOf.get(block);
    if (before !== -1) this.#forget(before);
    this.#blockAt[this.#clock] = block;
    this.#add(this.#clock, 1);
    this.#timeOf.set(block, this.#clock);
    this.#live += 1;
    this.#clock += 1;
  }

  /** Down to the largest capacity. */
  evict(): void {
    while (this.#live > this.#capacityMax) {
      while (this.#blockAt[this.#oldest] === -1) this.#oldest += 1;
      this.#timeOf.remove(this.#blockAt[this.#oldest] ?? -1);
      this.#forget(this.#oldest);
    }
  }

  #forget(time: number): void {
    this.#blockAt[time] = -1;
    this.#add(time, -1);
    this.#live -= 1;
  }

  #add(time: number, change: number): void {
    const tree = this.#tree;
    for (let place = time + 1; place < tree.length; place += place & -place) tree[place] = (tree[place] ?? 0) + change;
  }

  #liveUpTo(time: number): number {
    let sum = 0;
    for (let place = time + 1; place > 0; place -= place & -place) sum += this.#tree[place] ?? 0;
    return sum;
  }

  /** Gives the live blocks the first touch times, in their order; doubles the times where over half are live. */
  #renumber(): void {
    let live = 0;
    for (const block of this.#blockAt) {
      if (block === -1) continue;
      this.#blockAt[live] = block;
      this.#timeOf.set(block, live);
      live += 1;
    }
    if (live * 2 > this.#blockAt.length) this.#grow();
    this.#blockAt.fill(-1, live);
    this.#tree.fill(0);
    this.#tree.fill(1, 1, live + 1);
    for (let place = 1; place < this.#tree.length; place += 1) {
      const parent = place + (place & -place);
      if (parent < this.#tree.length) this.#tree[parent] = (this.#tree[parent] ?? 0) + (this.#tree[place] ?? 0);
    }
    this.#clock = live;
    this.#oldest = 0;
  }

  #grow(): void {
    const larger = new Float64Array(this.#blockAt.length * 2);
    larger.set(this.#blockAt);
    this.#blockAt = larger;
    this.#tree = new Int32Array(larger.length + 1);
  }
}
