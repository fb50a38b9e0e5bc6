/** A cached block with a known content, or, without a key, a run of blocks that nobody can find any more. */
export interface CachedBlock {
  key: number;
  isRun: boolean;
  /** Blocks that it stands for: 1 where it has a key. */
  count: number;
  references: number;
  before: CachedBlock | null;
  behind: CachedBlock | null;
  /** The next block of the same content, in the order in which they came. */
  nextHolder: CachedBlock | null;
}
