import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { FaultSpec } from "../compiled-scenario.ts";
import type { EndpointSignals } from "../endpoint.ts";
import { percentile, rounded } from "./percentile.ts";
import type { RecordTable } from "./record-table.ts";
import type { BreakerChange } from "./request-record.ts";

/**
 * A run in even steps, as a whole and by deployment. A step holds what was scheduled in it (arrivals, times to the first token) and what ended in it (results,
 * tokens, cost); loads, breakers and faults are as of its beginning. What nobody answered belongs to no deployment.
 */
export interface SeriesRow {
  readonly atMs: number;
  /** A deployment's name; null: the whole. */
  readonly deployment: string | null;
  readonly arrived: number;
  readonly served: number;
  readonly cut: number;
  readonly failed: number;
  readonly rejected: number;
  readonly clientLeft: number;
  readonly ttftP50Ms: number | null;
  readonly ttftP95Ms: number | null;
  readonly e2eP95Ms: number | null;
  readonly outputTokens: number;
  readonly dollars: number;
  readonly running: number;
  readonly waiting: number;
  readonly kvUsedPercent: number | null;
  readonly breakersOpen: number;
  readonly faultsActive: number;
}

export interface Sample {
  readonly at: Instant;
  /** By EndpointId. */
  readonly signals: readonly EndpointSignals[];
}

export interface SeriesSource {
  readonly config: CompiledConfig;
  readonly every: Duration;
  readonly table: RecordTable;
  readonly samples: readonly Sample[];
  readonly breakerChanges: readonly BreakerChange[];
  readonly faults: readonly FaultSpec[];
}

const resultNames = ["served", "cut", "clientLeft", "failed", "rejected"] as const;

interface Step {
  arrived: number;
  readonly results: number[];
  readonly ttft: number[];
  readonly e2e: number[];
  outputTokens: number;
  nanoDollars: number;
}

export function timeSeries(source: SeriesSource): readonly SeriesRow[] {
  const { config, table, every } = source;
  let last = 0;
  for (let row = 0; row < table.rows; row += 1) last = Math.max(last, table.columns.end[row] ?? 0);
  const count = table.rows === 0 ? 0 : Math.floor(last / every) + 1;
  const scopes = [null, ...config.deployments];
  const steps = scopes.map((scope) => stepsOf(table, every, count, scope === null ? null : scope.id));
  const states = scopes.map((scope) => new StateSeries(source, scope === null ? config.endpoints.map(({ id }) => id) : scope.endpoints));
  return Array.from({ length: count }, (_, place) => place).flatMap((place) =>
    scopes.map((scope, index) => ({
      atMs: (place * every) / 1000,
      deployment: scope?.name ?? null,
      ...countsOf(steps[index]?.[place]),
      ...(states[index]?.at((place * every) as Instant) ?? nothing),
    })),
  );
}

function stepsOf(table: RecordTable, every: Duration, count: number, deployment: number | null): readonly Step[] {
  const steps = Array.from({ length: count }, (): Step => ({ arrived: 0, results: [0, 0, 0, 0, 0], ttft: [], e2e: [], outputTokens: 0, nanoDollars: 0 }));
  const { columns } = table;
  for (let row = 0; row < table.rows; row += 1) {
    if (deployment !== null && columns.deployment[row] !== deployment) continue;
    const scheduled = columns.scheduled[row] ?? 0;
    const end = columns.end[row] ?? 0;
    const arrival = steps[Math.floor(scheduled / every)];
    const ending = steps[Math.floor(end / every)];
    if (arrival === undefined || ending === undefined) continue;
    const first = columns.first[row] ?? NaN;
    arrival.arrived += 1;
    if (!Number.isNaN(first)) arrival.ttft.push(first - scheduled);
    const result = columns.result[row] ?? 0;
    ending.results[result] = (ending.results[result] ?? 0) + 1;
    if (result === 0) ending.e2e.push(end - scheduled);
    ending.outputTokens += columns.outputTokens[row] ?? 0;
    ending.nanoDollars += columns.nanoDollars[row] ?? 0;
  }
  return steps;
}

type Counts = Omit<SeriesRow, "atMs" | "deployment" | keyof State>;
type State = Pick<SeriesRow, "running" | "waiting" | "kvUsedPercent" | "breakersOpen" | "faultsActive">;
const nothing: State = { running: 0, waiting: 0, kvUsedPercent: null, breakersOpen: 0, faultsActive: 0 };

function countsOf(step: Step | undefined): Counts {
  const results = Object.fromEntries(resultNames.map((name, place) => [name, step?.results[place] ?? 0])) as Record<(typeof resultNames)[number], number>;
  const ms = (values: readonly number[], percent: number): number | null => {
    const sorted = values.toSorted((one, other) => one - other);
    return sorted.length === 0 ? null : rounded(percentile(Float64Array.from(sorted), percent) / 1000, 3);
  };
  const { arrived = 0, ttft = [], e2e = [], outputTokens = 0, nanoDollars = 0 } = step ?? {};
  const times = { ttftP50Ms: ms(ttft, 50), ttftP95Ms: ms(ttft, 95), e2eP95Ms: ms(e2e, 95) };
  return { arrived, ...results, ...times, outputTokens, dollars: nanoDollars / 1_000_000_000 };
}

/** Asked in order of time. */
class StateSeries {
  readonly #endpoints: ReadonlySet<number>;
  readonly #source: SeriesSource;
  readonly #open = new Set<string>();
  #nextSample = 0;
  #nextChange = 0;
  #sample: Sample | null = null;

  constructor(source: SeriesSource, endpoints: readonly number[]) {
    this.#source = source;
    this.#endpoints = new Set(endpoints);
  }

  at(now: Instant): State {
    const { samples, breakerChanges, faults } = this.#source;
    for (let next = samples[this.#nextSample]; next !== undefined && next.at <= now; next = samples[this.#nextSample]) {
      this.#sample = next;
      this.#nextSample += 1;
    }
    for (let change = breakerChanges[this.#nextChange]; change !== undefined && change.at <= now; change = breakerChanges[this.#nextChange]) {
      this.#nextChange += 1;
      const key = `${change.replica} ${change.endpoint}`;
      if (!this.#endpoints.has(change.endpoint)) continue;
      if (change.to === "closed") this.#open.delete(key);
      else this.#open.add(key);
    }
    const signals = (this.#sample?.signals ?? []).filter((_, endpoint) => this.#endpoints.has(endpoint));
    const kv = signals.filter(({ steps }) => steps > 0).map(({ kvUsed }) => kvUsed);
    return {
      running: signals.reduce((sum, { running }) => sum + running, 0),
      waiting: signals.reduce((sum, { waiting }) => sum + waiting, 0),
      kvUsedPercent: kv.length === 0 ? null : rounded((100 * kv.reduce((sum, used) => sum + used, 0)) / kv.length, 3),
      breakersOpen: this.#open.size,
      faultsActive: faults.filter(({ endpoint, at, until }) => this.#endpoints.has(endpoint) && at <= now && now < until).length,
    };
  }
}
