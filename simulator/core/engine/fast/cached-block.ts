/** A cached block with a known content, or, without a key, a run of blocks that nobody can find any more. */
export interface CachedBlock {
  key: number;
  isRun: boolean;
  /** Blocks that it stands for: 1 where it has a key. */
  count: number;
  references: number;
  /** A run that a preempted sequence will look for: the first `count` blocks of its own. */
  owner: Keeper | null;
  before: CachedBlock | null;
  behind: CachedBlock | null;
  /** The next block of the same content, in the order in which they came. */
  nextHolder: CachedBlock | null;
}

/** Who may find a run again. */
export interface Keeper {
  kept: CachedBlock | null;
}
