import type { BreakerJudgement } from "./breaker-judge.ts";
import type { Figures, JudgedPercentiles, Percentiles, Summary } from "./figures.ts";
import type { PoolFigures } from "./fleet-figures.ts";
import { metricNames } from "./metric-names.ts";
import type { MetricName } from "./metric-names.ts";
import type { Distribution } from "./percentile.ts";
import { rounded } from "./percentile.ts";

/**
 * A run's figures by the names that targets use. Null: not known, or nothing to take it from. Percentiles of TTFT and E2E are those over all scheduled requests,
 * what failed taken for endless (Infinity; JSON writes null).
 */
export type Metrics = Readonly<Record<MetricName, number | null>>;

/** Beyond the requests' figures. Null: nobody saw it. */
export interface RunFacts {
  readonly breakerOpenings: number | null;
  readonly breakers: BreakerJudgement | null;
  readonly fleet: readonly PoolFigures[] | null;
}
export const nothingKnown: RunFacts = { breakerOpenings: null, breakers: null, fleet: null };

export function metricsOf(summary: Summary, facts: RunFacts): Metrics {
  return Object.fromEntries(metricNames.map((name) => [name, readers[name](summary, facts)])) as Record<MetricName, number | null>;
}

type Reader = (summary: Summary, facts: RunFacts) => number | null;
const from =
  (which: "ttftMs" | "tpotMs" | "itlMs" | "e2eMs" | "queueMs", part: Exclude<keyof Distribution, "count" | "max">): Reader =>
  (figures) =>
    figures[which]?.[part] ?? null;
const judged =
  (which: keyof JudgedPercentiles, part: keyof Percentiles): Reader =>
  (figures) =>
    figures.judged[which][part] ?? (countedOf(figures) === 0 ? null : Infinity);
const percent =
  (which: "served" | "failed" | "rejected" | "cut"): Reader =>
  ({ requests }) =>
    requests.scheduled === 0 ? null : rounded((100 * requests[which]) / requests.scheduled, 6);
const ofBreakers =
  (read: (breakers: BreakerJudgement) => number | null): Reader =>
  (_, { breakers }) =>
    breakers === null ? null : read(breakers);
/** Over all pools of machines; null where one does not know it, since the rest would pass for the whole, and where there are none. */
const sumOf =
  (which: "gpuHours" | "gpuDollars" | "energyKwh"): Reader =>
  (_, { fleet }) => {
    const values = (fleet ?? []).filter(({ gpuHours }) => gpuHours !== null).map((pool) => pool[which]);
    const known = values.filter((value) => value !== null);
    if (known.length === 0 || known.length < values.length) return null;
    return rounded(
      known.reduce((sum, value) => sum + value, 0),
      6,
    );
  };
/** Of the pools together, each by its replicas. */
const meanOf =
  (which: "busyPercent" | "sequencesPercent" | "tokensPercent" | "kvUsedPercent"): Reader =>
  (_, { fleet }) => {
    const known = (fleet ?? []).filter((pool) => pool[which] !== null);
    const replicas = known.reduce((sum, pool) => sum + pool.replicas, 0);
    return replicas === 0 ? null : rounded(known.reduce((sum, pool) => sum + (pool[which] ?? 0) * pool.replicas, 0) / replicas, 3);
  };

const countedOf = ({ requests }: Figures): number => requests.scheduled - requests.clientLeft;

const readers: Readonly<Record<MetricName, Reader>> = {
  ttftP50Ms: judged("ttftMs", "p50"),
  ttftP90Ms: judged("ttftMs", "p90"),
  ttftP95Ms: judged("ttftMs", "p95"),
  ttftP99Ms: judged("ttftMs", "p99"),
  ttftMeanMs: from("ttftMs", "mean"),
  tpotP50Ms: from("tpotMs", "p50"),
  tpotP90Ms: from("tpotMs", "p90"),
  tpotP95Ms: from("tpotMs", "p95"),
  tpotP99Ms: from("tpotMs", "p99"),
  tpotMeanMs: from("tpotMs", "mean"),
  itlP50Ms: from("itlMs", "p50"),
  itlP90Ms: from("itlMs", "p90"),
  itlP95Ms: from("itlMs", "p95"),
  itlP99Ms: from("itlMs", "p99"),
  itlMeanMs: from("itlMs", "mean"),
  e2eP50Ms: judged("e2eMs", "p50"),
  e2eP90Ms: judged("e2eMs", "p90"),
  e2eP95Ms: judged("e2eMs", "p95"),
  e2eP99Ms: judged("e2eMs", "p99"),
  e2eMeanMs: from("e2eMs", "mean"),
  queueP95Ms: from("queueMs", "p95"),
  servedPercent: percent("served"),
  failedPercent: percent("failed"),
  rejectedPercent: percent("rejected"),
  cutPercent: percent("cut"),
  goodputPercent: ({ goodput }) => goodput?.percent ?? null,
  goodputPerSecond: ({ goodput }) => goodput?.perSecond ?? null,
  cachedTokenPercent: ({ cachedTokenPercent }) => cachedTokenPercent,
  outputTokensPerSecond: (figures) => figures.outputTokensPerSecond,
  requestsPerSecond: (figures) => figures.requestsPerSecond,
  costDollars: ({ cost }) => (cost.unpricedRequests > 0 ? null : cost.dollars),
  costPerRequestDollars: ({ cost }) => cost.perRequestDollars,
  costPer1kTokensDollars: ({ cost }) => cost.per1kTokensDollars,
  savedPercent: ({ baseline }) => baseline?.savedPercent ?? null,
  retries: (figures) => figures.retries,
  amplification: (figures) => figures.amplification,
  breakerOpenings: (_, { breakerOpenings }) => breakerOpenings,
  breakerFalsePositives: ofBreakers(({ falsePositives }) => falsePositives),
  breakerFalsePositivePercent: ofBreakers(({ falsePositives, openings }) => (openings === 0 ? 0 : rounded((100 * falsePositives) / openings, 3))),
  breakerMissedFaults: ofBreakers(({ missed }) => missed),
  breakerTimeToOpenP95Ms: ofBreakers(({ timeToOpenMs }) => timeToOpenMs?.p95 ?? null),
  breakerTimeToCloseP95Ms: ofBreakers(({ timeToCloseMs }) => timeToCloseMs?.p95 ?? null),
  gpuHours: sumOf("gpuHours"),
  gpuDollars: sumOf("gpuDollars"),
  energyKwh: sumOf("energyKwh"),
  busyPercent: meanOf("busyPercent"),
  sequencesPercent: meanOf("sequencesPercent"),
  tokensPercent: meanOf("tokensPercent"),
  kvUsedPercent: meanOf("kvUsedPercent"),
};
