import type { CachedRun, Keeper, Stretch } from "./cached-run.ts";

/**
 * Where a sequence stands. `prefill`: its known tokens are being computed; `decode`: it gets one token in every call, and nothing of it is touched;
 * `ending`: its last output is certain and in flight, so it is no longer scheduled.
 */
export type Phase = "waiting" | "prefill" | "decode" | "ending" | "ended";

/**
 * One sequence of the fast scheduler; the objects are used again. Counts are tokens, calls are numbers of schedule() calls. Of hundreds of engines none is in the
 * cache: what is looked at at an end stands first, and what is looked at when that end is foreseen 64 bytes apart in it, so that all of it is fetched then.
 */
export class Sequence implements Keeper {
  id: number;
  /** In the running list. */
  place = 0;
  /** Decode: computed before call c is c + offset. */
  offset = 0;
  /** Chained ids of its full blocks as far as the caller, or a preemption, gave them. */
  keys: ArrayLike<number> | null = null;
  /** Outputs known when it was last admitted (or while it waits). */
  outputs = 0;
  /** The call that makes its last output. */
  endCall = 0;
  /** The call whose output it stands in the wheel for, and its neighbours in the bucket. */
  wheelCall = 0;
  wheelBehind: Sequence | null = null;
  wheelBefore: Sequence | null = null;
  /** Outputs at its end, and whether that end is an EOS. */
  outputsEnd = 0;
  stops = false;
  preemptions = 0;
  /** Asynchronous: the scheduler cannot foresee the end, so one call too many is made for it. */
  surprising = false;
  phase: Phase = "ended";
  /** The call that finished its prefill and makes the first output after it. */
  firstCall = 0;
  /** The last unbroken stretch of calls in which the budget did not reach it; none: 0. */
  starvedTo = 0;
  starvedFrom = 0;
  /** Its blocks that hold its keys, `heldBlocks` in all. */
  held: Stretch | null = null;
  heldBlocks = 0;
  /** While it waits after a preemption, without keys: what it had computed, as far as it is still cached. */
  kept: CachedRun | null = null;
  /** Neighbours in the waiting line. */
  before: Sequence | null = null;
  behind: Sequence | null = null;
  promptTokens = 0;
  priority = 0;
  /** Known under the policy that asks for it. */
  arrival = 0;
  /** The latest call when it was submitted. */
  submittedAfter = 0;
  /** Known tokens at its last admission: what prefill computes. */
  prefillTo = 0;
  /** Found in the cache at its last admission. */
  cachedTokens = 0;
  /** Prefill only: tokens computed. */
  computed = 0;
  /** Who came in before whom: numbers only grow. */
  order = 0;
  /** Tokens of its part in call `chunkCall`. */
  chunk = 0;
  chunkCall = 0;

  constructor(id = -1) {
    this.id = id;
  }
}
