import type { ConfigVersion } from "../../../router/core/compiled-config.ts";
import type { Rates } from "../../../router/core/accounting/rates.ts";
import type { Duration } from "../../../router/core/machine.ts";
import { baselineCost, type BaselineSpec, costOfRows, savedByBatch } from "./cost-of-rows.ts";
import type { BatchFigures, Figures, RequestCounts, Summary } from "./figures.ts";
import { goodputOf, judgedPercentiles, type SloSpec } from "./goodput.ts";
import { distributionMs, rounded } from "./percentile.ts";
import type { RecordTable } from "./record-table.ts";
import { requestResults } from "./record-table.ts";
import { weightedDistributionMs } from "./weighted-percentile.ts";

/** Microseconds, both ends included. */
interface Window {
  readonly from: number;
  readonly until: number;
}

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

export function summarise(table: RecordTable, options: SummaryOptions): RunFigures {
  const { route, deployment, tenant, scheduled, end, result, version } = table.columns;
  const window = windowOf(table, options);
  let drained = 0;
  let lastEnd = window.until;
  let warmUpRequests = 0;
  for (let row = 0; row < table.rows; row += 1) {
    if ((scheduled[row] ?? 0) < window.from) warmUpRequests += 1;
    if ((end[row] ?? 0) > window.until) drained += 1;
    lastEnd = Math.max(lastEnd, end[row] ?? 0);
  }
  const figures = figuresOf(table, window, options.slo, () => true);
  const served = rowsOf(table, window, (row) => result[row] === 0);
  const summary: Summary = {
    window: { fromMs: window.from / 1000, untilMs: window.until / 1000 },
    drain: { requests: drained, lastsMs: (lastEnd - window.until) / 1000 },
    warmUpRequests,
    ...figures,
    ...(options.baseline === undefined ? {} : { baseline: baselineCost(table, served, options.baseline, figures.cost) }),
    ...batchesOf(table, window, options),
  };
  const where = (choose: Choose): Figures => figuresOf(table, window, options.slo, choose);
  const each = (count: number, column: Int32Array) => Array.from({ length: count }, (_, id) => where((row) => column[row] === id));
  const { tierOf = [] } = options;
  const tiers = [...new Set(tierOf)].toSorted((one, other) => one - other);
  return {
    summary,
    routes: each(options.routes, route),
    deployments: each(options.deployments, deployment),
    tenants: options.tenants === 1 ? [figures] : each(options.tenants ?? 0, tenant),
    versions: (options.versions ?? []).map((wanted) => where((row) => version[row] === wanted)),
    tiers: (tiers.length > 1 ? tiers : []).map((tier) => ({ tier, figures: where((row) => tierOf[deployment[row] ?? -1] === tier) })),
  };
}

function batchesOf(table: RecordTable, window: Window, { slo, rates = [] }: SummaryOptions): { readonly batches?: BatchFigures } {
  const { batch, result } = table.columns;
  const all = rowsOf(table, window, () => true).length;
  const figures = figuresOf(table, window, slo, (row) => batch[row] === 1);
  const { scheduled } = figures.requests;
  if (scheduled === 0) return {};
  const served = rowsOf(table, window, (row) => batch[row] === 1 && result[row] === 0);
  const atOnce = figuresOf(table, window, slo, (row) => batch[row] !== 1);
  return { batches: { percent: rounded((100 * scheduled) / all, 3), savedDollars: savedByBatch(table, served, rates), figures, atOnce } };
}

function windowOf(table: RecordTable, { warmUp, window = Infinity as Duration }: SummaryOptions): Window {
  const { scheduled } = table.columns;
  let first = Infinity;
  let last = -Infinity;
  for (let row = 0; row < table.rows; row += 1) {
    first = Math.min(first, scheduled[row] ?? 0);
    last = Math.max(last, scheduled[row] ?? 0);
  }
  return table.rows === 0 ? { from: 0, until: 0 } : { from: first + warmUp, until: Math.min(last, first + warmUp + window) };
}

type Choose = (row: number) => boolean;

function figuresOf(table: RecordTable, window: Window, slo: SloSpec | undefined, choose: Choose): Figures {
  const rows = rowsOf(table, window, choose);
  const { first, last, end, scheduled, started, result, outputTokens } = table.columns;
  const served = rows.filter((row) => result[row] === 0);
  const ttft = rows.filter((row) => !Number.isNaN(first[row]));
  const tpot = served.filter((row) => (outputTokens[row] ?? 0) >= 2 && !Number.isNaN(first[row]));
  const queued = rows.filter((row) => !Number.isNaN(started[row]));
  const perToken = (row: number): number => ((last[row] ?? 0) - (first[row] ?? 0)) / ((outputTokens[row] ?? 0) - 1);
  const of = (chosen: Int32Array, value: (row: number) => number) => distributionMs(Float64Array.from(chosen, value));
  return {
    requests: countsOf(table, rows),
    ttftMs: of(ttft, (row) => (first[row] ?? 0) - (scheduled[row] ?? 0)),
    tpotMs: of(tpot, perToken),
    itlMs: weightedDistributionMs(
      Float64Array.from(tpot, perToken),
      Float64Array.from(tpot, (row) => (outputTokens[row] ?? 0) - 1),
    ),
    e2eMs: of(served, (row) => (end[row] ?? 0) - (scheduled[row] ?? 0)),
    queueMs: of(queued, (row) => (started[row] ?? 0) - (scheduled[row] ?? 0)),
    judged: judgedPercentiles(table, rows),
    goodput: goodputOf(table, rows, slo, (window.until - window.from) / 1_000_000),
    cachedTokenPercent: cachedPercent(table, served),
    ...throughputOf(table, window, choose),
    ...attemptsOf(table, rows),
    cost: costOfRows(table, rows, served),
  };
}

function rowsOf(table: RecordTable, window: Window, choose: Choose): Int32Array {
  const { scheduled } = table.columns;
  const rows = new Int32Array(table.rows);
  let count = 0;
  for (let row = 0; row < table.rows; row += 1) {
    const at = scheduled[row] ?? 0;
    if (at < window.from || at > window.until || !choose(row)) continue;
    rows[count] = row;
    count += 1;
  }
  return rows.subarray(0, count);
}

function countsOf(table: RecordTable, rows: Int32Array): RequestCounts {
  const { result, reason } = table.columns;
  const counts = requestResults.map(() => 0);
  const byReason = table.reasons.map(() => 0);
  for (const row of rows) {
    const kind = result[row] ?? 0;
    counts[kind] = (counts[kind] ?? 0) + 1;
    const why = reason[row] ?? -1;
    if (why >= 0) byReason[why] = (byReason[why] ?? 0) + 1;
  }
  const [served = 0, cut = 0, clientLeft = 0, failed = 0, rejected = 0] = counts;
  const named = table.reasons.map((name, index): [string, number] => [name, byReason[index] ?? 0]).filter(([, count]) => count > 0);
  named.sort(([one], [other]) => (one < other ? -1 : 1));
  return { scheduled: rows.length, served, cut, clientLeft, failed, rejected, reasons: Object.fromEntries(named) };
}

function throughputOf(table: RecordTable, window: Window, choose: Choose): Pick<Figures, "requestsPerSecond" | "outputTokensPerSecond"> {
  const seconds = (window.until - window.from) / 1_000_000;
  if (seconds <= 0) return { requestsPerSecond: null, outputTokensPerSecond: null };
  const { result, first, last, end, outputTokens } = table.columns;
  let requests = 0;
  let tokens = 0;
  for (let row = 0; row < table.rows; row += 1) {
    if (!choose(row)) continue;
    const ended = end[row] ?? 0;
    if (result[row] === 0 && ended >= window.from && ended <= window.until) requests += 1;
    if (!Number.isNaN(first[row])) tokens += (outputTokens[row] ?? 0) * shareWithin(first[row] ?? 0, last[row] ?? 0, window);
  }
  return { requestsPerSecond: rounded(requests / seconds, 3), outputTokensPerSecond: rounded(tokens / seconds, 3) };
}

function shareWithin(first: number, last: number, window: Window): number {
  if (last <= first) return first >= window.from && first <= window.until ? 1 : 0;
  return Math.max(0, Math.min(last, window.until) - Math.max(first, window.from)) / (last - first);
}

function attemptsOf(table: RecordTable, rows: Int32Array): Pick<Figures, "attempts" | "retries" | "amplification"> {
  const { attempts } = table.columns;
  let all = 0;
  let tried = 0;
  for (const row of rows) {
    const own = attempts[row] ?? 0;
    all += own;
    if (own > 0) tried += 1;
  }
  return { attempts: all, retries: all - tried, amplification: tried === 0 ? null : rounded(all / tried, 6) };
}

function cachedPercent(table: RecordTable, served: Int32Array): number | null {
  const { inputTokens, cachedTokens } = table.columns;
  let input = 0;
  let cached = 0;
  for (const row of served) {
    input += inputTokens[row] ?? 0;
    cached += cachedTokens[row] ?? 0;
  }
  return input === 0 ? null : rounded((100 * cached) / input, 3);
}
