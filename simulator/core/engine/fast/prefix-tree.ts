import { type CachedRun, endOf, runOf } from "./cached-run.ts";
import type { FreeRuns } from "./free-runs.ts";

/**
 * The cached runs by contents. Keys are chained, so a run's first key says all that stands before it, and the tree is a table of first keys: a run ends where somebody went
 * on differently, or held no more. Several runs of one content stand behind each other, in the order in which they came; they begin and end at the same places.
 */
export class PrefixTree {
  readonly #heads = new Map<number, CachedRun>();
  readonly #free: FreeRuns;

  constructor(free: FreeRuns) {
    this.#free = free;
  }

  /** The run that serves the chain from `place` on, the first of its copies. */
  find(keys: ArrayLike<number>, place: number): CachedRun | null {
    const run = this.#heads.get(keys[place] ?? NaN);
    return run === undefined || run.start !== place ? null : run;
  }

  /** @param first of the copies that are there already */
  add(run: CachedRun, first: CachedRun | null): void {
    if (first === null) this.#heads.set(headOf(run), run);
    else {
      first.copies ??= [first];
      first.copies.push(run);
      run.copies = first.copies;
    }
  }

  remove(run: CachedRun): void {
    const { copies } = run;
    copies?.splice(copies.indexOf(run), 1);
    const head = headOf(run);
    if (this.#heads.get(head) !== run) return;
    const next = copies?.[0];
    if (next === undefined) this.#heads.delete(head);
    else this.#heads.set(head, next);
  }

  /**
   * Cuts the run, and its copies with it, before `place`. The run itself is the back part then: who held it to its end still does, and finds the front by `parent`.
   * @returns the front; of copies, that of the first
   */
  cut(run: CachedRun, place: number): CachedRun {
    const { copies } = run;
    const first = copies?.[0] ?? run;
    const front = this.#cutOne(first, place);
    this.#heads.set(headOf(front), front);
    this.#heads.set(headOf(first), first);
    if (copies !== null) for (const copy of copies) if (copy !== first) this.add(this.#cutOne(copy, place), front);
    return front;
  }

  #cutOne(run: CachedRun, place: number): CachedRun {
    const front = runOf(run.keys, run.start, place - run.start, run.parent);
    front.references = run.references;
    front.shared = true;
    run.count = endOf(run) - place;
    run.start = place;
    run.parent = front;
    if (run.references === 0) this.#free.insertBehind(run, front);
    return front;
  }
}

export function hasCopies({ copies }: CachedRun): boolean {
  return copies !== null && copies.length > 1;
}

function headOf({ keys, start }: CachedRun): number {
  return keys?.[start] ?? NaN;
}
