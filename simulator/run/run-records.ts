import { assert } from "../../router/core/assert.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { Duration } from "../../router/core/machine.ts";
import { RecordTable } from "../core/measure/record-table.ts";
import type { RequestRecord } from "../core/measure/request-record.ts";
import { type RunFigures, RunSummary, type SummaryOptions } from "../core/measure/summarise.ts";
import { SeriesSteps } from "../core/measure/series-steps.ts";
import { RequestTotals } from "../result/open-metrics.ts";

/** Of a run: its figures; also what happened in each step; also every request. */
export type RecordsKept = "figures" | "series" | "requests";

export interface RunRecordsOptions {
  readonly config: CompiledConfig;
  readonly summary: SummaryOptions;
  readonly sampleEvery: Duration;
  readonly keeps: RecordsKept;
  /** So many records are kept; more are summed up and forgotten, unless every request is asked for. */
  readonly keptMax?: number;
}

/**
 * The records of a run and what is made from them. Up to a million are kept, and every figure is exact. Beyond, those that have ended are summed up each time that there are a million again, and
 * forgotten: percentiles of more than 65,536 values are then taken from buckets (0.4 % off at most, 1.6 % in the steps of a series); everything else stays exact, and memory bounded.
 */
export class RunRecords {
  readonly table = new RecordTable();
  readonly #keeps: RecordsKept;
  readonly #summary: RunSummary;
  readonly #steps: SeriesSteps;
  readonly #totals: RequestTotals;
  readonly #keptMax: number;
  #takeAt: number;

  constructor({ config, summary, sampleEvery, keeps, keptMax = 1_000_000 }: RunRecordsOptions) {
    this.#keeps = keeps;
    this.#summary = new RunSummary(summary);
    this.#steps = new SeriesSteps(config, sampleEvery);
    this.#totals = new RequestTotals(config, sampleEvery);
    this.#keptMax = keeps === "requests" ? Infinity : keptMax;
    this.#takeAt = this.#keptMax;
  }

  add(record: RequestRecord): void {
    if (this.table.rows >= this.#takeAt) this.#takeIn();
    this.table.add(record);
  }

  /** Once, at the end. */
  figures(): RunFigures {
    return this.#summary.figures(this.table);
  }

  /** Once, at the end. */
  series(): { readonly steps: SeriesSteps; readonly totals: RequestTotals } {
    assert(this.#keeps !== "figures", "a run's series is asked for before it starts");
    this.#steps.take(this.table, Infinity);
    this.#totals.take(this.table, Infinity);
    return { steps: this.#steps, totals: this.#totals };
  }

  /** What ended before the last request seen was scheduled: whether the rest lies within the window is not known yet. */
  #takeIn(): void {
    this.#summary.see(this.table);
    const settled = this.#summary.lastScheduled;
    this.#summary.take(this.table, settled);
    if (this.#keeps !== "figures") {
      this.#steps.take(this.table, settled);
      this.#totals.take(this.table, settled);
    }
    this.table.forget(settled);
    // Where nearly all of them are still to be settled, looking again at each would take for ever.
    this.#takeAt = Math.max(this.#keptMax, 2 * this.table.rows);
  }
}
