import { BlockTable } from "./block-table.ts";
import type { CachedBlock } from "./cached-block.ts";
import type { Sequence } from "./sequence.ts";

const noKey = 0;

/**
 * KV blocks of one engine without block ids. Blocks without a hash are only ever prepended to the free queue and hashed ones only appended, so the queue is always
 * [a count of unhashed][the hashed, least recently used first]. Of the hashed, those with contents that somebody else may look for stand alone; the others
 * (private prompts, outputs) are counted in runs. Taking blocks is a debt, settled before the next release or look-up: it evicts from the head.
 * Equal, in every look-up and free count, to the pool with real ids in ../plain.
 */
export class KvMemory {
  free: number;
  readonly #holders = new BlockTable();
  /** Ends of the queue of hashed free blocks. */
  #oldest: CachedBlock | null = null;
  #newest: CachedBlock | null = null;
  #unhashed: number;
  #debt = 0;
  #spare: CachedBlock | null = null;
  /** Contents that nobody else can have; above every id of a caller. */
  #privateKeys = 4_294_967_296;

  /** @param blocks without the null block */
  constructor(blocks: number) {
    this.free = blocks;
    this.#unhashed = blocks;
  }

  take(blocks: number): void {
    this.free -= blocks;
    this.#debt += blocks;
  }

  /** Length of the cached prefix in blocks, and how many of its blocks are free now. */
  lookUp(sequence: Sequence, blocksMax: number, into: { hits: number; reclaimed: number }): void {
    into.hits = 0;
    into.reclaimed = 0;
    const { keys } = sequence;
    if (keys === null) {
      if (sequence.kept !== null) this.#settle();
      into.hits = into.reclaimed = Math.min(blocksMax, sequence.kept?.count ?? 0);
      return;
    }
    this.#settle();
    const most = Math.min(blocksMax, keys.length);
    while (into.hits < most) {
      const block = this.#holders.get(keys[into.hits] ?? noKey);
      if (block === null) return;
      into.hits++;
      if (block.references === 0) into.reclaimed++;
    }
  }

  share(sequence: Sequence, hits: number): void {
    if (sequence.kept !== null) this.#shareKept(sequence, sequence.kept, hits);
    const { keys } = sequence;
    if (sequence.blocks.length === hits) return;
    for (let index = 0; keys !== null && index < hits; index++) {
      const block = this.#holders.get(keys[index] ?? noKey);
      if (block === null) return;
      if (block.references === 0) {
        this.#unlink(block);
        this.free--;
      }
      block.references++;
      sequence.blocks.push(block);
    }
  }

  /** Makes its full blocks up to `full` findable, where they have keys. */
  publish(sequence: Sequence, full: number): void {
    const { keys, blocks } = sequence;
    if (keys === null || blocks.length >= full || blocks.length >= keys.length) return;
    this.#settle();
    const most = Math.min(full, keys.length);
    while (blocks.length < most) blocks.push(this.#hold(keys[blocks.length] ?? noKey, 1));
  }

  /** A sequence takes its own blocks back. One that was left over (a complete hit) has a second copy from now on, so that contents must be told apart by keys. */
  #shareKept(sequence: Sequence, kept: CachedBlock, hits: number): void {
    sequence.kept = null;
    kept.owner = null;
    this.free -= hits;
    if (kept.count === hits) {
      kept.count = 0;
      this.#evict(kept);
      return;
    }
    const keys: number[] = [];
    while (keys.length < kept.count) keys.push(++this.#privateKeys);
    sequence.keys = keys;
    for (let index = 0; index < hits; index++) sequence.blocks.push(this.#hold(keys[index] ?? noKey, 1));
    kept.count -= hits;
    kept.isRun = false;
    kept.key = keys[hits] ?? noKey;
    this.#holders.set(kept.key, kept);
  }

  /** A preempted sequence ends without coming back. */
  forgetKept(sequence: Sequence): void {
    if (sequence.kept === null) return;
    sequence.kept.owner = null;
    sequence.kept = null;
  }

  /** @param owned blocks of the sequence @param hashed how many of them, from the first, are full and known @param keep it is preempted, and will look for them */
  release(sequence: Sequence, owned: number, hashed: number, keep: boolean): void {
    if (keep && sequence.keys !== null) this.#keepKeyed(sequence, hashed);
    this.#settle();
    this.#unhashed += owned - hashed;
    const { blocks } = sequence;
    const countless = hashed - blocks.length;
    this.free += owned - blocks.length;
    if (countless > 0) this.#appendRun(countless, keep ? sequence : null);
    for (let index = blocks.length - 1; index >= 0; index--) {
      const block = blocks[index];
      if (block === undefined) continue;
      block.references--;
      if (block.references > 0) continue;
      this.#append(block);
      this.free++;
    }
    if (blocks.length > 0) blocks.length = 0;
  }

  /** Before the release of a preempted sequence with keys: what it has computed beyond them gets keys of its own, so that it can find it again. */
  #keepKeyed(sequence: Sequence, hashed: number): void {
    if ((sequence.keys?.length ?? 0) < hashed) {
      const keys = Array.from(sequence.keys ?? []);
      while (keys.length < hashed) keys.push(++this.#privateKeys);
      sequence.keys = keys;
    }
    this.publish(sequence, hashed);
  }

  #hold(key: number, references: number): CachedBlock {
    const block = this.#create(key, false, 1, references);
    const holder = this.#holders.get(key);
    if (holder === null) this.#holders.set(key, block);
    else {
      let last = holder;
      while (last.nextHolder !== null) last = last.nextHolder;
      last.nextHolder = block;
    }
    return block;
  }

  #settle(): void {
    if (this.#debt === 0) return;
    const unhashed = Math.min(this.#debt, this.#unhashed);
    this.#unhashed -= unhashed;
    this.#debt -= unhashed;
    while (this.#debt > 0 && this.#oldest !== null) {
      const oldest = this.#oldest;
      const evicted = Math.min(this.#debt, oldest.count);
      this.#debt -= evicted;
      oldest.count -= evicted;
      if (oldest.count === 0) this.#evict(oldest);
    }
  }

  #evict(block: CachedBlock): void {
    this.#unlink(block);
    if (!block.isRun) this.#forget(block);
    if (block.owner !== null) block.owner.kept = null;
    block.owner = null;
    block.nextHolder = this.#spare;
    this.#spare = block;
  }

  #forget(block: CachedBlock): void {
    const holder = this.#holders.get(block.key);
    if (holder === null) return;
    if (holder === block) {
      if (block.nextHolder === null) this.#holders.delete(block.key);
      else this.#holders.set(block.key, block.nextHolder);
      return;
    }
    let previous = holder;
    while (previous.nextHolder !== null && previous.nextHolder !== block) previous = previous.nextHolder;
    previous.nextHolder = block.nextHolder;
  }

  #create(key: number, isRun: boolean, count: number, references: number): CachedBlock {
    const spare = this.#spare;
    if (spare === null) return { key, isRun, count, references, owner: null, before: null, behind: null, nextHolder: null };
    this.#spare = spare.nextHolder;
    spare.key = key;
    spare.isRun = isRun;
    spare.count = count;
    spare.references = references;
    spare.nextHolder = null;
    return spare;
  }

  #appendRun(count: number, owner: Sequence | null): void {
    const newest = this.#newest;
    if (owner === null && newest !== null && newest.isRun && newest.owner === null) {
      newest.count += count;
      return;
    }
    const run = this.#create(noKey, true, count, 0);
    run.owner = owner;
    if (owner !== null) owner.kept = run;
    this.#append(run);
  }

  #append(block: CachedBlock): void {
    const newest = this.#newest;
    block.before = newest;
    block.behind = null;
    if (newest === null) this.#oldest = block;
    else newest.behind = block;
    this.#newest = block;
  }

  #unlink(block: CachedBlock): void {
    if (block.before === null) this.#oldest = block.behind;
    else block.before.behind = block.behind;
    if (block.behind === null) this.#newest = block.before;
    else block.behind.before = block.before;
    block.before = null;
    block.behind = null;
  }
}
