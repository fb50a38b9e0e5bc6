import type { CachedRun } from "./cached-run.ts";

/** The queue of cached blocks that nobody holds, least recently used first. */
export class FreeRuns {
  oldest: CachedRun | null = null;
  newest: CachedRun | null = null;

  append(run: CachedRun): void {
    const { newest } = this;
    run.older = newest;
    if (newest === null) this.oldest = run;
    else newest.newer = run;
    this.newest = run;
  }

  insertBehind(older: CachedRun, run: CachedRun): void {
    const { newer } = older;
    run.older = older;
    run.newer = newer;
    older.newer = run;
    if (newer === null) this.newest = run;
    else newer.older = run;
  }

  remove(run: CachedRun): void {
    const { older, newer } = run;
    if (older === null) this.oldest = newer;
    else older.newer = newer;
    if (newer === null) this.newest = older;
    else newer.older = older;
    run.older = null;
    run.newer = null;
  }
}
