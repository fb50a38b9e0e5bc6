import type { ProbeCount } from "./probe-tally.ts";
import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { FaultSpec } from "../compiled-scenario.ts";
import type { EndpointSignals } from "../endpoint.ts";
import { rounded } from "./percentile.ts";
import type { BreakerChange } from "./request-record.ts";
import type { SeriesSteps, SeriesStep } from "./series-steps.ts";

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
  /** Likewise, up to then; absent: nobody counts them. */
  readonly probes?: readonly (ProbeCount | undefined)[];
}

export interface SeriesSource {
  readonly config: CompiledConfig;
  readonly every: Duration;
  readonly steps: SeriesSteps;
  readonly samples: readonly Sample[];
  readonly breakerChanges: readonly BreakerChange[];
  readonly faults: readonly FaultSpec[];
}

const resultNames = ["served", "cut", "clientLeft", "failed", "rejected"] as const;
export function timeSeries(source: SeriesSource): readonly SeriesRow[] {
  const { config, steps, every } = source;
  const scopes = [null, ...config.deployments];
  const states = scopes.map((scope) => new StateSeries(source, scope === null ? config.endpoints.map(({ id }) => id) : scope.endpoints));
  return Array.from({ length: steps.count }, (_, place) => place).flatMap((place) =>
    scopes.map((scope, index) => ({
      atMs: (place * every) / 1000,
      deployment: scope?.name ?? null,
      ...countsOf(steps.stepOf(index, place)),
      ...(states[index]?.at((place * every) as Instant) ?? nothing),
    })),
  );
}

type Counts = Omit<SeriesRow, "atMs" | "deployment" | keyof State>;
type State = Pick<SeriesRow, "running" | "waiting" | "kvUsedPercent" | "breakersOpen" | "faultsActive">;
const nothing: State = { running: 0, waiting: 0, kvUsedPercent: null, breakersOpen: 0, faultsActive: 0 };

function countsOf(step: SeriesStep | undefined): Counts {
  const results = Object.fromEntries(resultNames.map((name, place) => [name, step?.results[place] ?? 0])) as Record<(typeof resultNames)[number], number>;
  const [ttft, e2e] = [step?.ttft.distribution() ?? null, step?.e2e.distribution() ?? null];
  const times = { ttftP50Ms: ttft?.p50 ?? null, ttftP95Ms: ttft?.p95 ?? null, e2eP95Ms: e2e?.p95 ?? null };
  const { arrived = 0, outputTokens = 0, nanoDollars = 0 } = step ?? {};
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
