/**
 * What a simulated replica has under way, in rows of numbers by id. Ten thousand requests may be open: an object of each would have left the cache by its next event, and
 * so would the list that says where it is. A row is one place in memory, known without looking anywhere; the shorter it is, the likelier its neighbours have kept it there.
 */
import type { ConfigVersion } from "../../router/core/compiled-config.ts";
import type { AttemptId, FinishResult, RequestId, Usage } from "../../router/core/messages.ts";

/** Where there is no instant or id (yet). */
export const nothing = -1;

/** Places in the row of a request, by RequestId: instants, ids and tokens. */
export const requestWidth = 8;
export const arrivedAt = 0;
/** The endpoints' to know. */
export const outputTokens = 1;
export const started = 2;
/** Of the attempt that was committed, or else of the last one; and the version, known with the first. */
export const deployment = 3;
export const version = 4;
export const first = 5;
/** Of the attempt that was committed, as its endpoint has said at its end. */
export const cachedRead = 6;
export const output = 7;

/** Places in the row of an attempt, by AttemptId: ids, and what has become of it. */
export const attemptWidth = 4;
export const request = 0;
export const endpoint = 1;
export const attemptDeployment = 2;
export const fate = 3;

/** Bits of its fate. Not live: nothing more will be heard of it, or nobody listens any more; so it is from the start where nobody has had the row yet. */
export const live = 1;
export const committed = 2;
export const aborted = 4;

/** Rows of zeros at first. */
export class OpenRequests {
  cells = new Float64Array(0);

  /** Where the row of an id begins, which is there from now on. */
  open(id: number): number {
    const row = id * requestWidth;
    if (row >= this.cells.length) this.cells = grown(this.cells, new Float64Array(2 * (row + requestWidth)));
    return row;
  }
}

export class OpenAttempts {
  cells = new Int32Array(0);
  /** By AttemptId: for who wants to know how long it took. */
  startedAt = new Float64Array(0);
  /** By AttemptId, of those that have ended uncommitted: the commit may still come, at the same instant. */
  readonly usages = new Map<AttemptId, Usage>();

  open(id: number): number {
    const row = id * attemptWidth;
    if (row >= this.cells.length) {
      this.cells = grown(this.cells, new Int32Array(2 * (row + attemptWidth)));
      this.startedAt = grown(this.startedAt, new Float64Array(2 * (id + 1)));
    }
    return row;
  }
}

function grown<Cells extends Int32Array | Float64Array>(before: Cells, cells: Cells): Cells {
  cells.set(before);
  return cells;
}

export interface Finished {
  readonly request: RequestId;
  readonly result: FinishResult;
  readonly account: { readonly nanoDollars: number; readonly priced: boolean; readonly attempts: number };
  readonly version: ConfigVersion | null;
}
