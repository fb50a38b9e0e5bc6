import { assert } from "../../../../router/core/assert.ts";
import { type CachedRun, commonBlocks, endOf, runOf } from "./cached-run.ts";
import { FreeRuns } from "./free-runs.ts";
import { hasCopies, PrefixTree } from "./prefix-tree.ts";
import type { Sequence } from "./sequence.ts";

/**
 * KV blocks of one engine without block ids. Blocks without a hash are only ever prepended to the free queue and hashed ones only appended, so the queue is always
 * [a count of unhashed][the hashed, least recently used first]. The hashed stand in runs: those with contents that somebody else may look for in a tree by prefix, the
 * others (private prompts, outputs) as mere counts. Taking blocks is a debt, settled before the next release or look-up: it evicts from the head.
 * Equal, in every look-up and free count, to the pool with real ids in ../plain. It is its free queue itself: a queue of its own would be one more place to fetch.
 */
export class KvMemory extends FreeRuns {
  free: number;
  /** The free blocks without a hash, and what was taken and not settled yet. */
  unhashed: number;
  debt = 0;
  readonly #tree = new PrefixTree(this);
  /** Contents that nobody else can have; above every id of a caller. */
  #privateKeys = 4_294_967_296;

  /** @param blocks without the null block */
  constructor(blocks: number) {
    super();
    this.free = blocks;
    this.unhashed = blocks;
  }

  take(blocks: number): void {
    this.free -= blocks;
    this.debt += blocks;
  }

  /** Length of the cached prefix in blocks, and how many of its blocks are free now. */
  lookUp(sequence: Sequence, blocksMax: number, into: { hits: number; reclaimed: number }): void {
    into.hits = 0;
    into.reclaimed = 0;
    const { keys } = sequence;
    if (keys === null && sequence.kept === null) return;
    this.#settle();
    if (keys === null) into.hits = into.reclaimed = Math.min(blocksMax, sequence.kept?.count ?? 0);
    else this.#lookUpKeys(keys, Math.min(blocksMax, keys.length), into);
  }

  #lookUpKeys(keys: ArrayLike<number>, most: number, into: { hits: number; reclaimed: number }): void {
    while (into.hits < most) {
      const run = this.#tree.find(keys, into.hits);
      if (run === null) return;
      const blocks = commonBlocks(run, keys, most);
      into.hits += blocks;
      if (run.references === 0) into.reclaimed += blocks;
      if (blocks < run.count) return;
    }
  }

  share(sequence: Sequence, hits: number): void {
    if (sequence.kept !== null) this.#shareKept(sequence, sequence.kept, hits);
    const { keys } = sequence;
    if (keys === null) return;
    while (sequence.heldBlocks < hits) {
      const run = this.#tree.find(keys, sequence.heldBlocks);
      assert(run !== null, "what was looked up is there");
      const shared = endOf(run) > hits ? this.#tree.cut(run, hits) : run;
      shared.shared = true;
      if (shared.references === 0) {
        this.remove(shared);
        this.free -= shared.count;
      }
      this.#hold(sequence, shared);
    }
  }

  /** Makes its full blocks up to `full` findable, where they have keys. */
  publish(sequence: Sequence, full: number): void {
    const { keys } = sequence;
    if (keys === null || sequence.heldBlocks >= full || sequence.heldBlocks >= keys.length) return;
    this.#settle();
    const most = Math.min(full, keys.length);
    while (sequence.heldBlocks < most) {
      const place = sequence.heldBlocks;
      const first = this.#tree.find(keys, place);
      const last = sequence.held?.end ?? null;
      if (first !== null) this.#publishCopy(sequence, first, keys, most);
      else if (last !== null && last.keys === keys && !last.shared && !hasCopies(last)) {
        last.count += most - place;
        sequence.heldBlocks = most;
      } else this.#publishRun(sequence, runOf(keys, place, most - place, last), null);
    }
  }

  /** Somebody has computed the same: one more copy, of as much as is common. */
  #publishCopy(sequence: Sequence, first: CachedRun, keys: ArrayLike<number>, most: number): void {
    const blocks = commonBlocks(first, keys, most);
    const copied = blocks < first.count ? this.#tree.cut(first, first.start + blocks) : first;
    this.#publishRun(sequence, runOf(keys, copied.start, blocks, sequence.held?.end ?? null), copied);
  }

  #publishRun(sequence: Sequence, run: CachedRun, first: CachedRun | null): void {
    this.#tree.add(run, first);
    this.#hold(sequence, run);
  }

  /** Where the run goes on from what is held already, that is found by way of `parent`. */
  #hold(sequence: Sequence, run: CachedRun): void {
    const { held } = sequence;
    run.references++;
    sequence.heldBlocks += run.count;
    if (held !== null && held.end === run.parent) held.end = run;
    else sequence.held = { end: run, before: held };
  }

  /** A sequence takes its own blocks back. What is left over (of a complete hit) has a second copy from now on, so that contents must be told apart by keys. */
  #shareKept(sequence: Sequence, kept: CachedRun, hits: number): void {
    const { count } = kept;
    sequence.kept = null;
    kept.owner = null;
    this.free -= hits;
    if (count === hits) {
      this.remove(kept);
      return;
    }
    const keys: number[] = [];
    while (keys.length < count) keys.push(++this.#privateKeys);
    sequence.keys = keys;
    const shared = hits === 0 ? null : runOf(keys, 0, hits, null);
    if (shared !== null) this.#publishRun(sequence, shared, null);
    kept.keys = keys;
    kept.start = hits;
    kept.count = count - hits;
    kept.parent = shared;
    this.#tree.add(kept, null);
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
    this.unhashed += owned - hashed;
    const keyed = sequence.keys === null ? 0 : sequence.heldBlocks;
    this.free += owned - keyed;
    if (hashed > keyed) this.#appendUnkeyed(hashed - keyed, keep ? sequence : null);
    if (keyed > 0) this.#letGoHeld(sequence);
  }

  #letGoHeld(sequence: Sequence): void {
    const { held } = sequence;
    sequence.held = null;
    sequence.heldBlocks = 0;
    for (let stretch = held; stretch !== null; stretch = stretch.before) {
      const start = stretch.before === null ? 0 : endOf(stretch.before.end);
      for (let run: CachedRun | null = stretch.end; run !== null && run.start >= start; run = run.parent) this.#letGo(run);
    }
  }

  #letGo(run: CachedRun): void {
    run.references--;
    if (run.references > 0) return;
    this.append(run);
    this.free += run.count;
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

  #appendUnkeyed(count: number, owner: Sequence | null): void {
    const { newest } = this;
    if (owner === null && newest !== null && newest.keys === null && newest.owner === null) {
      newest.count += count;
      return;
    }
    const run = runOf(null, 0, count, null);
    run.owner = owner;
    if (owner !== null) owner.kept = run;
    this.append(run);
  }

  #settle(): void {
    if (this.debt === 0) return;
    const unhashed = Math.min(this.debt, this.unhashed);
    this.unhashed -= unhashed;
    this.debt -= unhashed;
    while (this.debt > 0) {
      const { oldest } = this;
      if (oldest === null) return;
      const evicted = Math.min(this.debt, oldest.count);
      this.debt -= evicted;
      this.#evict(oldest, evicted);
    }
  }

  /** From the end of the run. */
  #evict(run: CachedRun, blocks: number): void {
    if (blocks < run.count) {
      if (run.keys === null || !hasCopies(run)) {
        run.count -= blocks;
        return;
      }
      this.#tree.cut(run, endOf(run) - blocks);
    }
    this.remove(run);
    if (run.keys !== null) this.#tree.remove(run);
    if (run.owner !== null) run.owner.kept = null;
    run.owner = null;
  }
}
