import { BlockTable } from "./block-table.ts";
import { CachedBlocks, noBlock } from "./cached-blocks.ts";
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
  readonly #blocks = new CachedBlocks();
  readonly #holders = new BlockTable();
  /** Ends of the queue of hashed free blocks. */
  #oldest = noBlock;
  #newest = noBlock;
  #unhashed: number;
  #debt = 0;
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
      if (sequence.kept === noBlock) return;
      this.#settle();
      into.hits = into.reclaimed = Math.min(blocksMax, this.#countKept(sequence));
      return;
    }
    this.#settle();
    const most = Math.min(blocksMax, keys.length);
    const { references } = this.#blocks;
    let hits = 0;
    let reclaimed = 0;
    while (hits < most) {
      const block = this.#holders.get(keys[hits] ?? noKey);
      if (block === noBlock) break;
      hits++;
      if (references[block] === 0) reclaimed++;
    }
    into.hits = hits;
    into.reclaimed = reclaimed;
  }

  share(sequence: Sequence, hits: number): void {
    if (sequence.kept !== noBlock) this.#shareKept(sequence, sequence.kept, hits);
    const { keys } = sequence;
    if (keys === null || sequence.heldCount === hits) return;
    const { references } = this.#blocks;
    sequence.makeRoomFor(hits);
    for (let index = 0; index < hits; index++) {
      const block = this.#holders.get(keys[index] ?? noKey);
      if (block === noBlock) return;
      const others = references[block] ?? 0;
      if (others === 0) {
        this.#unlink(block);
        this.free--;
      }
      references[block] = others + 1;
      sequence.held[sequence.heldCount++] = block;
    }
  }

  /** Makes its full blocks up to `full` findable, where they have keys. */
  publish(sequence: Sequence, full: number): void {
    const { keys } = sequence;
    if (keys === null || sequence.heldCount >= full || sequence.heldCount >= keys.length) return;
    this.#settle();
    const most = Math.min(full, keys.length);
    sequence.makeRoomFor(most);
    const { held } = sequence;
    for (let place = sequence.heldCount; place < most; place++) held[place] = this.#hold(keys[place] ?? noKey, 1);
    sequence.heldCount = most;
  }

  #countKept(sequence: Sequence): number {
    return sequence.kept === noBlock ? 0 : (this.#blocks.counts[sequence.kept] ?? 0);
  }

  /** A sequence takes its own blocks back. One that was left over (a complete hit) has a second copy from now on, so that contents must be told apart by keys. */
  #shareKept(sequence: Sequence, kept: number, hits: number): void {
    const blocks = this.#blocks;
    const count = this.#countKept(sequence);
    sequence.kept = noBlock;
    blocks.setOwner(kept, null);
    this.free -= hits;
    if (count === hits) {
      this.#evict(kept);
      return;
    }
    const keys: number[] = [];
    while (keys.length < count) keys.push(++this.#privateKeys);
    sequence.keys = keys;
    sequence.makeRoomFor(count);
    for (let index = 0; index < hits; index++) sequence.held[sequence.heldCount++] = this.#hold(keys[index] ?? noKey, 1);
    const rest = keys[hits] ?? noKey;
    blocks.counts[kept] = count - hits;
    blocks.isRun[kept] = 0;
    blocks.keys[kept] = rest;
    this.#holders.add(rest, kept);
  }

  /** A preempted sequence ends without coming back. */
  forgetKept(sequence: Sequence): void {
    if (sequence.kept === noBlock) return;
    this.#blocks.setOwner(sequence.kept, null);
    sequence.kept = noBlock;
  }

  /** @param owned blocks of the sequence @param hashed how many of them, from the first, are full and known @param keep it is preempted, and will look for them */
  release(sequence: Sequence, owned: number, hashed: number, keep: boolean): void {
    if (keep && sequence.keys !== null) this.#keepKeyed(sequence, hashed);
    this.#settle();
    this.#unhashed += owned - hashed;
    const { held, heldCount } = sequence;
    const countless = hashed - heldCount;
    this.free += owned - heldCount;
    if (countless > 0) this.#appendRun(countless, keep ? sequence : null);
    const { references } = this.#blocks;
    for (let index = heldCount - 1; index >= 0; index--) {
      const block = held[index] ?? noBlock;
      const others = (references[block] ?? 0) - 1;
      references[block] = others;
      if (others > 0) continue;
      this.#append(block);
      this.free++;
    }
    sequence.heldCount = 0;
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

  #hold(key: number, references: number): number {
    const block = this.#blocks.create(key, references);
    const holder = this.#holders.add(key, block);
    if (holder !== noBlock) this.#holdToo(block, holder);
    return block;
  }

  /** Behind all others of the same content. */
  #holdToo(block: number, holder: number): void {
    const { nextHolder } = this.#blocks;
    let last = holder;
    for (let next = nextHolder[last] ?? noBlock; next !== noBlock; next = nextHolder[last] ?? noBlock) last = next;
    nextHolder[last] = block;
  }

  #settle(): void {
    if (this.#debt === 0) return;
    const unhashed = Math.min(this.#debt, this.#unhashed);
    this.#unhashed -= unhashed;
    this.#debt -= unhashed;
    while (this.#debt > 0 && this.#oldest !== noBlock) {
      const oldest = this.#oldest;
      const count = this.#blocks.counts[oldest] ?? 0;
      const evicted = Math.min(this.#debt, count);
      this.#debt -= evicted;
      if (evicted === count) this.#evict(oldest);
      else this.#blocks.counts[oldest] = count - evicted;
    }
  }

  #evict(block: number): void {
    this.#unlink(block);
    const blocks = this.#blocks;
    if (blocks.isRun[block] === 0) this.#forget(block);
    else {
      const owner = blocks.ownerOf(block);
      if (owner !== null) owner.kept = noBlock;
      blocks.setOwner(block, null);
    }
    blocks.forget(block);
  }

  /** Nobody finds it any more by its key. */
  #forget(block: number): void {
    const { keys, nextHolder } = this.#blocks;
    const key = keys[block] ?? noKey;
    const next = nextHolder[block] ?? noBlock;
    if (this.#holders.pass(key, block, next)) return;
    let previous = this.#holders.get(key);
    while (previous !== noBlock && nextHolder[previous] !== block) previous = nextHolder[previous] ?? noBlock;
    if (previous !== noBlock) nextHolder[previous] = next;
  }

  #appendRun(count: number, owner: Sequence | null): void {
    const { isRun, counts } = this.#blocks;
    const newest = this.#newest;
    if (owner === null && newest !== noBlock && isRun[newest] === 1 && this.#blocks.ownerOf(newest) === null) {
      counts[newest] = (counts[newest] ?? 0) + count;
      return;
    }
    const run = this.#blocks.createRun(count, owner);
    if (owner !== null) owner.kept = run;
    this.#append(run);
  }

  #append(block: number): void {
    const { before, behind } = this.#blocks;
    const newest = this.#newest;
    before[block] = newest;
    behind[block] = noBlock;
    if (newest === noBlock) this.#oldest = block;
    else behind[newest] = block;
    this.#newest = block;
  }

  #unlink(block: number): void {
    const { before, behind } = this.#blocks;
    const older = before[block] ?? noBlock;
    const newer = behind[block] ?? noBlock;
    if (older === noBlock) this.#oldest = newer;
    else behind[older] = newer;
    if (newer === noBlock) this.#newest = older;
    else before[newer] = older;
  }
}
