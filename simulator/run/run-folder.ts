import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { timeSeries } from "../core/measure/time-series.ts";
import { openMetrics } from "../result/open-metrics.ts";
import { requestColumns } from "../result/request-columns.ts";
import { requestsCsv } from "../result/requests-csv.ts";
import { requestsParquet } from "../result/requests-parquet.ts";
import { writeResult } from "../result/result-json.ts";
import type { JudgedResult } from "../result/run-result.ts";
import { seriesCsv } from "../result/series-csv.ts";
import type { LoadedScenario } from "../scenario/loaded-scenario.ts";
import type { SeedRun } from "./run-seed.ts";

export type RecordFormat = "csv" | "parquet";

/**
 * Writes what a run left behind to `<folder>/<scenario>-<digest>/`: result.json; of the first seed series.csv and metrics.om (OpenMetrics), and where asked for
 * requests.csv or requests.parquet. The digest is of all that went in, so a run that is repeated writes the same bytes to the same place.
 * @returns the folder written to
 */
export function writeRun(folder: string, scenario: LoadedScenario, result: JudgedResult, first: SeedRun, format: RecordFormat | null): string {
  const { config } = scenario.compiled;
  const { records, samples, sampleEvery: every, breakerChanges, faults } = first;
  const { steps, totals } = records.series();
  const place = join(folder, `${scenario.name}-${digestOf(result)}`);
  mkdirSync(place, { recursive: true });
  const write = (name: string, content: string | Uint8Array): void => writeFileSync(join(place, name), content);
  write("result.json", writeResult(result));
  write("series.csv", seriesCsv(timeSeries({ config, every, steps, samples, breakerChanges, faults: faults.endpoints })));
  write("metrics.om", openMetrics({ config, requests: totals, samples, breakerChanges }));
  if (format === "parquet") write("requests.parquet", requestsParquet(requestColumns(records.table, config)));
  if (format === "csv") writePieces(join(place, "requests.csv"), requestsCsv(requestColumns(records.table, config)));
  return place;
}

function writePieces(path: string, pieces: Iterable<string>): void {
  const file = openSync(path, "w");
  try {
    for (const piece of pieces) writeSync(file, piece);
  } finally {
    closeSync(file);
  }
}

function digestOf({ provenance, seeds }: JudgedResult): string {
  const { headgate, arrivals, scenario, config } = provenance;
  const inputs = [headgate, arrivals.sha256, scenario.sha256, config.sha256, seeds.map(({ seed }) => seed)];
  return createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 12);
}
