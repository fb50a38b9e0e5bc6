/**
 * What a simulated replica has under way, in rows of numbers by id. Ten thousand requests may be open: an object of each would have left the cache by its next event, and
 * so would the list that says where it is. A row is one place in memory, known without looking anywhere.
 */
import type { ConfigVersion } from "../../router/core/compiled-config.ts";
import type { FinishResult, RequestId } from "../../router/core/messages.ts";

/** Instants, ids and counts; `nothing` where there is none (yet). */
export const nothing = -1;

/** Places in the row of a request, by RequestId. */
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

/** Places in the row of an attempt, by AttemptId. Its last three are those of its request: what it leaves there. */
export const attemptWidth = 8;
export const request = 0;
export const endpoint = 1;
export const startedAt = 2;
export const attemptDeployment = 3;
export const fate = 4;
export const committed = 5;

/** Nothing more will be heard of it, or nobody listens any more: so it is from the start where nobody has had the row yet. */
export const over = 0;
export const underWay = 1;
export const aborted = 2;

/** Grows by doubling. Rows of zeros at first. */
export class Rows {
  cells = new Float64Array(0);
  readonly #width: number;

  constructor(width: number) {
    this.#width = width;
  }

  /** Rows that there are. */
  get length(): number {
    return this.cells.length / this.#width;
  }

  /** Where the row of an id begins, which is there from now on. */
  open(id: number): number {
    const row = id * this.#width;
    if (row >= this.cells.length) this.#grow(row);
    return row;
  }

  #grow(row: number): void {
    const cells = new Float64Array(2 * (row + this.#width));
    cells.set(this.cells);
    this.cells = cells;
  }
}

export interface Finished {
  readonly request: RequestId;
  readonly result: FinishResult;
  readonly account: { readonly nanoDollars: number; readonly priced: boolean; readonly attempts: number };
  readonly version: ConfigVersion | null;
}
