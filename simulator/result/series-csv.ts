import { stringify } from "csv-stringify/sync";
import type { SeriesRow } from "../core/measure/time-series.ts";

const columns = [
  "atMs",
  "deployment",
  "arrived",
  "served",
  "cut",
  "failed",
  "rejected",
  "clientLeft",
  "ttftP50Ms",
  "ttftP95Ms",
  "e2eP95Ms",
  "outputTokens",
  "dollars",
  "running",
  "waiting",
  "kvUsedPercent",
  "breakersOpen",
  "faultsActive",
] as const satisfies readonly (keyof SeriesRow)[];

/** One line per step and scope; `deployment` empty: the whole. */
export function seriesCsv(rows: readonly SeriesRow[]): string {
  return stringify([...rows], { header: true, columns: [...columns] });
}
