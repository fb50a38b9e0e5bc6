import type { Figures } from "./figures.ts";
import { metricNames } from "./metric-names.ts";
import type { MetricName } from "./metric-names.ts";
import type { Distribution } from "./percentile.ts";
import { rounded } from "./percentile.ts";

/** A run's figures by the names that targets use. Null: not known, or nothing to take it from. */
export type Metrics = Readonly<Record<MetricName, number | null>>;

export function metricsOf(figures: Figures, breakerOpenings: number): Metrics {
  return Object.fromEntries(metricNames.map((name) => [name, readers[name](figures, breakerOpenings)])) as Record<MetricName, number | null>;
}

type Reader = (figures: Figures, breakerOpenings: number) => number | null;
const from =
  (which: "ttftMs" | "tpotMs" | "e2eMs", part: Exclude<keyof Distribution, "count" | "max">): Reader =>
  (figures) =>
    figures[which]?.[part] ?? null;
const percent =
  (which: "served" | "failed" | "rejected"): Reader =>
  ({ requests }) =>
    requests.scheduled === 0 ? null : rounded((100 * requests[which]) / requests.scheduled, 6);

const readers: Readonly<Record<MetricName, Reader>> = {
  ttftP50Ms: from("ttftMs", "p50"),
  ttftP90Ms: from("ttftMs", "p90"),
  ttftP95Ms: from("ttftMs", "p95"),
  ttftP99Ms: from("ttftMs", "p99"),
  ttftMeanMs: from("ttftMs", "mean"),
  tpotP50Ms: from("tpotMs", "p50"),
  tpotP90Ms: from("tpotMs", "p90"),
  tpotP95Ms: from("tpotMs", "p95"),
  tpotP99Ms: from("tpotMs", "p99"),
  tpotMeanMs: from("tpotMs", "mean"),
  e2eP50Ms: from("e2eMs", "p50"),
  e2eP90Ms: from("e2eMs", "p90"),
  e2eP95Ms: from("e2eMs", "p95"),
  e2eP99Ms: from("e2eMs", "p99"),
  e2eMeanMs: from("e2eMs", "mean"),
  servedPercent: percent("served"),
  failedPercent: percent("failed"),
  rejectedPercent: percent("rejected"),
  outputTokensPerSecond: (figures) => figures.outputTokensPerSecond,
  requestsPerSecond: (figures) => figures.requestsPerSecond,
  costDollars: ({ cost }) => (cost.unpricedRequests > 0 ? null : cost.dollars),
  costPerRequestDollars: ({ cost }) => cost.perRequestDollars,
  costPer1kTokensDollars: ({ cost }) => cost.per1kTokensDollars,
  retries: (figures) => figures.retries,
  amplification: (figures) => figures.amplification,
  breakerOpenings: (_, breakerOpenings) => breakerOpenings,
};
