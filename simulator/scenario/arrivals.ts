import { instantAt } from "../../router/core/time.ts";
import type { Arrival } from "../core/workload/arrival.ts";
import type { TraceTable } from "../trace/trace-table.ts";

/** The rows of a trace in the run's time, in their order, one at a time. */
export function* arrivalsOf(table: TraceTable, speed: number): Generator<Arrival, void, undefined> {
  for (let row = 0; row < table.rows; row += 1) {
    yield {
      at: instantAt(arrivalUs(table, row, speed)),
      inputTokens: table.inputTokens[row] ?? 0,
      outputTokens: table.outputTokens[row] ?? 0,
      blocks: null,
      route: null,
    };
  }
}

export const arrivalUs = (table: TraceTable, row: number, speed: number): number => Math.round((table.atUs[row] ?? 0) / speed);
