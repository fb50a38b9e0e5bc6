import type { Duration } from "../../../router/core/machine.ts";
import type { RecordColumns } from "./record-table.ts";

/** What a good request keeps; absent: not asked. */
export interface SloSpec {
  readonly ttft?: Duration;
  readonly tpot?: Duration;
  readonly e2e?: Duration;
}

const served = 0;
const endless = Infinity as Duration;

export function isGood(columns: RecordColumns, row: number, { ttft = endless, tpot = endless, e2e = endless }: SloSpec): boolean {
  const { result, scheduled, first, end } = columns;
  if (result[row] !== served) return false;
  const at = scheduled[row] ?? 0;
  const inTime = (end[row] ?? 0) - at <= e2e;
  const began = first[row] ?? NaN;
  if (Number.isNaN(began)) return inTime && ttft === endless;
  return inTime && began - at <= ttft && meanGapOf(columns, row) <= tpot;
}

/** Between tokens, in microseconds; 0 for a single one. */
function meanGapOf({ first, last, outputTokens }: RecordColumns, row: number): number {
  const gaps = (outputTokens[row] ?? 0) - 1;
  return gaps > 0 ? ((last[row] ?? 0) - (first[row] ?? 0)) / gaps : 0;
}
