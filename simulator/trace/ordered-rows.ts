import { RowClock } from "./row-clock.ts";
import { type Timestamp, microsOf } from "./timestamp.ts";
import { LineError, type TraceSink } from "./trace-format.ts";
import type { TraceRow } from "./trace-row.ts";

/** Where a row's instant stands, and how. */
export interface RowPlace {
  readonly line: number;
  readonly column: number;
  readonly shown: string;
}

interface Held extends RowPlace {
  readonly timestamp: Timestamp;
  /** Order of the file, for rows of one instant. */
  readonly sequence: number;
  readonly row: TraceRow;
}

/** Puts rows that are at most so many places out of order into order, and refuses those that are further out. */
export class OrderedRows {
  readonly #window: number;
  readonly #field: () => string;
  #clock: RowClock | null = null;
  /** A binary heap by (instant, sequence). */
  readonly #heap: Held[] = [];
  #sequence = 0;

  constructor(window: number, field: () => string) {
    this.#window = window;
    this.#field = field;
  }

  get originUs(): number | null {
    return this.#clock?.originUs ?? null;
  }

  get count(): number {
    return this.#sequence;
  }

  /** @param row its `atUs` is set here */
  add(timestamp: Timestamp, row: TraceRow, place: RowPlace, sink: TraceSink): void {
    const held: Held = { timestamp, sequence: this.#sequence, row, ...place };
    this.#sequence += 1;
    if (this.#window === 0) {
      this.#release(held, sink);
      return;
    }
    push(this.#heap, held);
    if (this.#heap.length > this.#window) this.#release(pop(this.#heap), sink);
  }

  end(sink: TraceSink): void {
    while (this.#heap.length > 0) this.#release(pop(this.#heap), sink);
  }

  #release(held: Held, sink: TraceSink): void {
    this.#clock ??= new RowClock(this.#field());
    let atUs: number;
    try {
      atUs = this.#clock.at(held.timestamp, held.column, held.shown);
    } catch (error) {
      if (error instanceof LineError) throw new LineError({ ...error.fault, line: held.line });
      throw error;
    }
    sink.row({ ...held.row, atUs });
  }
}

function before(one: Held, other: Held): boolean {
  const difference = microsOf(one.timestamp) - microsOf(other.timestamp);
  if (difference !== 0) return difference < 0;
  return one.timestamp.ticks === other.timestamp.ticks ? one.sequence < other.sequence : one.timestamp.ticks < other.timestamp.ticks;
}

function push(heap: Held[], held: Held): void {
  let place = heap.length;
  heap.push(held);
  while (place > 0) {
    const parent = (place - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || !before(held, above)) break;
    heap[place] = above;
    place = parent;
  }
  heap[place] = held;
}

function pop(heap: Held[]): Held {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined) throw new Error("the heap is empty");
  if (heap.length === 0) return top;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    const left = heap[child];
    if (left === undefined) break;
    const right = heap[child + 1];
    const smaller = right !== undefined && before(right, left) ? right : left;
    if (smaller === right) child += 1;
    if (!before(smaller, last)) break;
    heap[place] = smaller;
    place = child;
  }
  heap[place] = last;
  return top;
}
