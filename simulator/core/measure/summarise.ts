import type { ConfigVersion } from "../../../router/core/compiled-config.ts";
import type { Rates } from "../../../router/core/accounting/rates.ts";
import type { Duration } from "../../../router/core/machine.ts";
import { baselineCost, type BaselineSpec } from "./cost-figures.ts";
import { type Choose, FigureSums, type SumsOptions, type Window } from "./figure-sums.ts";
import type { BatchFigures, Figures, Summary } from "./figures.ts";
import { rounded } from "./percentile.ts";
import type { RecordTable } from "./record-table.ts";
import type { SloSpec } from "./slo.ts";
import { exactly, type Precision } from "./value-tally.ts";

export interface RunFigures {
  readonly summary: Summary;
  /** By RouteId. */
  readonly routes: readonly Figures[];
  /** By DeploymentId: the requests that were answered there, or else tried there last. */
  readonly deployments: readonly Figures[];
  /** In the order they were asked for in. */
  readonly versions: readonly Figures[];
  /** By TenantId. */
  readonly tenants: readonly Figures[];
  /** None where all deployments are of one tier. */
  readonly tiers: readonly { readonly tier: number; readonly figures: Figures }[];
  /** From all records; else percentiles may be from buckets. */
  readonly isExact: boolean;
}

export interface SummaryOptions {
  readonly warmUp: Duration;
  /** Absent: to the last scheduled request. */
  readonly window?: Duration | undefined;
  /** Of the configuration, whose figures are wanted apart. */
  readonly versions?: readonly ConfigVersion[];
  readonly routes: number;
  readonly deployments: number;
  readonly tenants?: number;
  /** By DeploymentId: its tier. */
  readonly tierOf?: readonly number[];
  /** By DeploymentId: its price card; absent: what batches save is not known. */
  readonly rates?: readonly (Rates | null)[];
  readonly slo?: SloSpec | undefined;
  readonly baseline?: BaselineSpec | undefined;
}

/** Exact, from all records of a run. */
export function summarise(table: RecordTable, options: SummaryOptions): RunFigures {
  return new RunSummary(options).figures(table);
}

/** Of distributions, in runs whose records are not kept: exact up to so many values, then 0.4 % off at most. */
const whenTakenIn: Precision = { exactMax: 65_536, bits: 7 };

/** A group of requests; its sums, where rows have been taken in. */
interface Group {
  readonly choose: Choose;
  readonly options: SumsOptions;
  sums: FigureSums | null;
}

/**
 * The figures of a run from its records: at its end from all of them, or, so that they need not be kept, from those that were taken in before and those that are left. The
 * window's beginning is then settled with the first that are taken in.
 */
export class RunSummary {
  readonly #options: SummaryOptions;
  readonly #tiers: readonly number[];
  readonly #all: Group;
  readonly #batches: Group;
  readonly #atOnce: Group;
  readonly #routes: readonly Group[];
  readonly #deployments: readonly Group[];
  readonly #tenants: readonly Group[];
  readonly #versions: readonly Group[];
  readonly #byTier: readonly Group[];
  #firstScheduled = Infinity;
  #lastScheduled = -Infinity;
  #isSettled = false;
  #warmUpRequests = 0;
  /** Ended after the window. */
  #drained = 0;
  #lastEnd = 0;

  constructor(options: SummaryOptions) {
    this.#options = options;
    const { slo, baseline, rates, tierOf = [], tenants = 0, versions = [] } = options;
    const group = (choose: Choose, more: SumsOptions = {}): Group => ({ choose, options: { slo, ...more }, sums: null });
    const each = (count: number, of: (columns: RecordTable["columns"]) => Int32Array): Group[] =>
      Array.from({ length: count }, (_, id) => group((columns, row) => of(columns)[row] === id));
    const tiers = [...new Set(tierOf)].toSorted((one, other) => one - other);
    this.#tiers = tiers.length > 1 ? tiers : [];
    this.#all = group(() => true, { baseline });
    this.#batches = group(({ batch }, row) => batch[row] === 1, { rates: rates ?? [] });
    this.#atOnce = group(({ batch }, row) => batch[row] !== 1);
    this.#routes = each(options.routes, ({ route }) => route);
    this.#deployments = each(options.deployments, ({ deployment }) => deployment);
    this.#tenants = tenants === 1 ? [] : each(tenants, ({ tenant }) => tenant);
    this.#versions = versions.map((wanted) => group(({ version }, row) => version[row] === wanted));
    this.#byTier = this.#tiers.map((tier) => group(({ deployment }, row) => tierOf[deployment[row] ?? -1] === tier));
  }

  /** Until when what has ended is settled: a request that was scheduled later has been seen, so the window cannot end before it. */
  get lastScheduled(): number {
    return this.#lastScheduled;
  }

  /** Notes when the table's requests were scheduled: before any are taken in. */
  see({ columns, rows }: RecordTable): void {
    for (let row = 0; row < rows; row += 1) {
      const at = columns.scheduled[row] ?? 0;
      if (!this.#isSettled) this.#firstScheduled = Math.min(this.#firstScheduled, at);
      this.#lastScheduled = Math.max(this.#lastScheduled, at);
    }
  }

  /** Takes the rows that ended up to `settled` into the sums. They are to be forgotten then. */
  take(table: RecordTable, settled: number): void {
    const window = this.#window();
    this.#isSettled = true;
    for (const group of this.#groups()) {
      group.sums ??= new FigureSums(group.options, whenTakenIn);
      group.sums.take(table, group.choose, window, settled);
    }
    this.#takeEnds(table, window, settled);
  }

  /** Once, at the end. @param table what has not been taken in */
  figures(table: RecordTable): RunFigures {
    this.see(table);
    const window = this.#window();
    this.#takeEnds(table, window, Infinity);
    const all = this.#sumsOf(this.#all, table, window);
    const figures = all.figures(window, table.reasons);
    const { baseline } = this.#options;
    const of = (groups: readonly Group[]): readonly Figures[] => groups.map((group) => this.#sumsOf(group, table, window).figures(window, table.reasons));
    return {
      summary: {
        window: { fromMs: window.from / 1000, untilMs: window.until / 1000 },
        drain: { requests: this.#drained, lastsMs: (Math.max(window.until, this.#lastEnd) - window.until) / 1000 },
        warmUpRequests: this.#warmUpRequests,
        ...figures,
        ...(baseline === undefined ? {} : { baseline: baselineCost(baseline.deployment, all.baselineDollars, figures.cost) }),
        ...this.#batchFigures(table, window, all.scheduled),
      },
      routes: of(this.#routes),
      deployments: of(this.#deployments),
      tenants: this.#options.tenants === 1 ? [figures] : of(this.#tenants),
      versions: of(this.#versions),
      isExact: !this.#isSettled,
      tiers: of(this.#byTier).map((own, place) => ({ tier: this.#tiers[place] ?? 0, figures: own })),
    };
  }

  #batchFigures(table: RecordTable, window: Window, all: number): { readonly batches?: BatchFigures } {
    const sums = this.#sumsOf(this.#batches, table, window);
    if (sums.scheduled === 0) return {};
    const atOnce = this.#sumsOf(this.#atOnce, table, window).figures(window, table.reasons);
    const percent = rounded((100 * sums.scheduled) / all, 3);
    return { batches: { percent, savedDollars: sums.savedDollars, figures: sums.figures(window, table.reasons), atOnce } };
  }

  #groups(): readonly Group[] {
    const apart = [this.#routes, this.#deployments, this.#tenants, this.#versions, this.#byTier].flat();
    return [this.#all, this.#batches, this.#atOnce, ...apart];
  }

  #sumsOf({ sums, options, choose }: Group, table: RecordTable, window: Window): FigureSums {
    const whole = sums ?? new FigureSums(options, exactly);
    whole.take(table, choose, window, Infinity);
    return whole;
  }

  #takeEnds({ columns, rows }: RecordTable, window: Window, settled: number): void {
    for (let row = 0; row < rows; row += 1) {
      const end = columns.end[row] ?? 0;
      if (end > settled) continue;
      if ((columns.scheduled[row] ?? 0) < window.from) this.#warmUpRequests += 1;
      if (end > window.until) this.#drained += 1;
      this.#lastEnd = Math.max(this.#lastEnd, end);
    }
  }

  #window(): Window {
    if (this.#lastScheduled === -Infinity) return { from: 0, until: 0, hasEnd: true };
    const { warmUp, window = Infinity as Duration } = this.#options;
    const from = this.#firstScheduled + warmUp;
    const hasEnd = this.#lastScheduled < from + window;
    return { from, until: hasEnd ? this.#lastScheduled : from + window, hasEnd };
  }
}
