const unhashed = NaN;

/**
 * KV blocks of one engine, by their real ids, as vLLM keeps them. Block 0 is the null block and never used.
 * Free blocks stand in one doubly linked queue; allocation takes from its head, and a block with a hash loses it only there (lazy eviction).
 * Freed blocks with a hash go to the tail (least recently used first), those without to the head (since 2026-06-16).
 * A hash may be held by several blocks (no deduplication): the one that got it first serves; when it is evicted, the next.
 */
export class BlockPool {
  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  readonly #references: Int32Array;
  readonly #hashes: Float64Array;
  readonly #holders = new Map<number, Set<number>>();
  readonly #head: number;
  readonly #tail: number;
  #free: number;

  /** @param blocks the null block included */
  constructor(blocks: number) {
    this.#previous = new Int32Array(blocks + 2);
    this.#next = new Int32Array(blocks + 2);
    this.#references = new Int32Array(blocks);
    this.#hashes = new Float64Array(blocks).fill(unhashed);
    this.#head = blocks;
    this.#tail = blocks + 1;
    this.#link(this.#head, this.#tail);
    this.#free = 0;
    for (let block = 1; block < blocks; block++) this.#append(block);
  }

  get free(): number {
    return this.#free;
  }

  /** The block that serves a hash, or 0. */
  holderOf(hash: number): number {
    const holders = this.#holders.get(hash);
    if (holders === undefined) return 0;
    for (const block of holders) return block;
    return 0;
  }

  isFree(block: number): boolean {
    return this.#references[block] === 0;
  }

  /** A hit: one more sequence uses the block. */
  share(block: number): void {
    const references = this.#references[block] ?? 0;
    if (references === 0) this.#unlink(block);
    this.#references[block] = references + 1;
  }

  take(): number {
    const block = this.#next[this.#head] ?? 0;
    this.#unlink(block);
    this.#evict(block);
    this.#references[block] = 1;
    return block;
  }

  /** A full block gets its hash. */
  publish(block: number, hash: number): void {
    this.#hashes[block] = hash;
    const holders = this.#holders.get(hash);
    if (holders === undefined) this.#holders.set(hash, new Set([block]));
    else holders.add(block);
  }

  /** @param blocks of one sequence, in its order; freed from the last, which ends at the very head if it has no hash. */
  release(blocks: readonly number[]): void {
    const bare: number[] = [];
    for (const block of blocks.toReversed()) {
      const references = (this.#references[block] ?? 0) - 1;
      this.#references[block] = references;
      if (references > 0) continue;
      if (Number.isNaN(this.#hashes[block])) bare.push(block);
      else this.#append(block);
    }
    for (const block of bare.toReversed()) this.#prepend(block);
  }

  /** Ids from the head (next to be used) to the tail. */
  freeQueue(): number[] {
    const queue: number[] = [];
    for (let block = this.#next[this.#head] ?? 0; block !== this.#tail; block = this.#next[block] ?? 0) queue.push(block);
    return queue;
  }

  #evict(block: number): void {
    const hash = this.#hashes[block] ?? unhashed;
    if (Number.isNaN(hash)) return;
    this.#hashes[block] = unhashed;
    const holders = this.#holders.get(hash);
    if (holders === undefined) return;
    holders.delete(block);
    if (holders.size === 0) this.#holders.delete(hash);
  }

  #link(left: number, right: number): void {
    this.#next[left] = right;
    this.#previous[right] = left;
  }

  #unlink(block: number): void {
    this.#link(this.#previous[block] ?? 0, this.#next[block] ?? 0);
    this.#free--;
  }

  #append(block: number): void {
    this.#link(this.#previous[this.#tail] ?? 0, block);
    this.#link(block, this.#tail);
    this.#free++;
  }

  #prepend(block: number): void {
    this.#link(block, this.#next[this.#head] ?? 0);
    this.#link(this.#head, block);
    this.#free++;
  }
}
