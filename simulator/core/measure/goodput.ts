import type { Duration } from "../../../router/core/machine.ts";
import type { Goodput, JudgedPercentiles, Percentiles } from "./figures.ts";
import { percentile, rounded } from "./percentile.ts";
import type { RecordTable } from "./record-table.ts";

/** What a good request keeps; absent: not asked. */
export interface SloSpec {
  readonly ttft?: Duration;
  readonly tpot?: Duration;
  readonly e2e?: Duration;
}

const served = 0;
const clientLeft = 2;

const endless = Infinity as Duration;

/** @param rows of the window */
export function goodputOf(table: RecordTable, rows: Int32Array, slo: SloSpec | undefined, seconds: number): Goodput | null {
  if (slo === undefined || rows.length === 0) return null;
  let good = 0;
  for (const row of rows) if (isGood(table, row, slo)) good += 1;
  return { good, percent: rounded((100 * good) / rows.length, 6), perSecond: seconds > 0 ? rounded(good / seconds, 3) : null };
}

function isGood({ columns }: RecordTable, row: number, { ttft = endless, tpot = endless, e2e = endless }: SloSpec): boolean {
  const { result, scheduled, first, end } = columns;
  if (result[row] !== served) return false;
  const at = scheduled[row] ?? 0;
  const inTime = (end[row] ?? 0) - at <= e2e;
  const began = first[row] ?? NaN;
  if (Number.isNaN(began)) return inTime && ttft === endless;
  return inTime && began - at <= ttft && meanGapOf(columns, row) <= tpot;
}

/** Between tokens, in microseconds; 0 for a single one. */
function meanGapOf({ first, last, outputTokens }: RecordTable["columns"], row: number): number {
  const gaps = (outputTokens[row] ?? 0) - 1;
  return gaps > 0 ? ((last[row] ?? 0) - (first[row] ?? 0)) / gaps : 0;
}

/** A request without a first token, or without an end of its own, takes for ever; one whose caller left is not counted. */
export function judgedPercentiles({ columns }: RecordTable, rows: Int32Array): JudgedPercentiles {
  const { result, scheduled, first, end } = columns;
  const counted = rows.filter((row) => result[row] !== clientLeft);
  const ttft = Float64Array.from(counted, (row) =>
    result[row] === served && !Number.isNaN(first[row]) ? (first[row] ?? 0) - (scheduled[row] ?? 0) : Infinity,
  );
  const e2e = Float64Array.from(counted, (row) => (result[row] === served ? (end[row] ?? 0) - (scheduled[row] ?? 0) : Infinity));
  return { ttftMs: percentilesOf(ttft), e2eMs: percentilesOf(e2e) };
}

/** Sorts in place. */
function percentilesOf(values: Float64Array): Percentiles {
  const sorted = values.sort();
  const at = (percent: number): number | null => {
    const place = ((sorted.length - 1) * percent) / 100;
    const above = sorted[Math.ceil(place)] ?? Infinity;
    return above === Infinity ? null : rounded(percentile(sorted, percent) / 1000, 3);
  };
  return { p50: at(50), p90: at(90), p95: at(95), p99: at(99) };
}
