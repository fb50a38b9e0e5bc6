/** Who may find a run again. */
export interface Keeper {
  /** The run, or noBlock. */
  kept: number;
}

export const noBlock = 0;

/** Engines whose requests share nothing need no more. */
const sizeMin = 8;

/**
 * Cached blocks by number, in columns: they are made and forgotten by the million, which as objects keeps the garbage collector at work. A block has a key, a known content;
 * or it is a run: so many blocks that nobody can find any more but, perhaps, their owner.
 */
export class CachedBlocks {
  keys = new Float64Array(sizeMin);
  isRun = new Uint8Array(sizeMin);
  /** Blocks that it stands for: 1 where it has a key. */
  counts = new Int32Array(sizeMin);
  references = new Int32Array(sizeMin);
  /** Neighbours in the queue of free ones. */
  before = new Int32Array(sizeMin);
  behind = new Int32Array(sizeMin);
  /** The next block of the same content, in the order in which they came; of one that is not in use, the next such one. */
  nextHolder = new Int32Array(sizeMin);
  /** Of runs: a preempted sequence that will look for it, the first `count` blocks of its own. */
  readonly #owners: (Keeper | null)[] = [];
  #made = noBlock;
  #unused = noBlock;

  create(key: number, references: number): number {
    const block = this.#place();
    this.keys[block] = key;
    this.isRun[block] = 0;
    this.counts[block] = 1;
    this.references[block] = references;
    return block;
  }

  createRun(count: number, owner: Keeper | null): number {
    const run = this.#place();
    this.isRun[run] = 1;
    this.counts[run] = count;
    this.references[run] = 0;
    this.setOwner(run, owner);
    return run;
  }

  forget(block: number): void {
    this.nextHolder[block] = this.#unused;
    this.#unused = block;
  }

  ownerOf(run: number): Keeper | null {
    return this.#owners[run] ?? null;
  }

  setOwner(run: number, owner: Keeper | null): void {
    while (this.#owners.length <= run) this.#owners.push(null);
    this.#owners[run] = owner;
  }

  #place(): number {
    const block = this.#unused;
    if (block !== noBlock) {
      this.#unused = this.nextHolder[block] ?? noBlock;
      this.nextHolder[block] = noBlock;
      return block;
    }
    this.#made += 1;
    if (this.#made === this.keys.length) this.#grow();
    return this.#made;
  }

  #grow(): void {
    const size = this.keys.length * 4;
    this.keys = enlarged(this.keys, new Float64Array(size));
    this.isRun = enlarged(this.isRun, new Uint8Array(size));
    this.counts = enlarged(this.counts, new Int32Array(size));
    this.references = enlarged(this.references, new Int32Array(size));
    this.before = enlarged(this.before, new Int32Array(size));
    this.behind = enlarged(this.behind, new Int32Array(size));
    this.nextHolder = enlarged(this.nextHolder, new Int32Array(size));
  }
}

function enlarged<Column extends Float64Array | Int32Array | Uint8Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
