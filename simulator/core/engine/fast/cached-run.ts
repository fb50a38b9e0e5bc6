/** Who may find contents again that nobody else can look for. */
export interface Keeper {
  kept: CachedRun | null;
}

/**
 * Cached blocks that stand next to each other in one chain, and are held, released and evicted together. Of a free one the queue holds the last block first, so that
 * eviction takes it away from its end.
 */
export interface CachedRun {
  /** The contents: keys[start] up to keys[start + count - 1], of a chain from its first block on. Null: nobody can look for them but, perhaps, the owner. */
  keys: ArrayLike<number> | null;
  start: number;
  count: number;
  /** Without keys: a preempted sequence that will look for it. */
  owner: Keeper | null;
  /** Sequences that hold it. */
  references: number;
  /** Somebody may have gone on from its end: it is not made longer any more. */
  shared: boolean;
  /** What its first holder holds before it; it may be evicted earlier, when others hold another copy. */
  parent: CachedRun | null;
  /** All runs of the same contents, itself among them, in the order in which they came. Null: it is alone. */
  copies: CachedRun[] | null;
  /** Neighbours in the queue of free ones. */
  older: CachedRun | null;
  newer: CachedRun | null;
}

/** Runs that one sequence holds: the last, and by `parent` all before it, back to the end of the stretch before. Nearly always there is one. */
export interface Stretch {
  end: CachedRun;
  readonly before: Stretch | null;
}

export function runOf(keys: ArrayLike<number> | null, start: number, count: number, parent: CachedRun | null): CachedRun {
  return { keys, start, count, owner: null, references: 0, shared: false, parent, copies: null, older: null, newer: null };
}

export function endOf(run: CachedRun): number {
  return run.start + run.count;
}

/** Blocks of the run, from its first, that are also in the chain, up to place `end`. */
export function commonBlocks(run: CachedRun, keys: ArrayLike<number>, end: number): number {
  const stop = Math.min(endOf(run), end);
  if (run.keys === null || run.keys === keys) return stop - run.start;
  let place = run.start;
  while (place < stop && run.keys[place] === keys[place]) place++;
  return place - run.start;
}
