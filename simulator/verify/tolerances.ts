import type { MetricName } from "../core/measure/metric-names.ts";

/** How far a figure may be worse than in the baseline: percent of it, or, where it is a percentage or may be 0, in its own unit. */
export interface Tolerance {
  readonly metric: MetricName;
  readonly better: "less" | "more";
  readonly percent?: number;
  readonly absolute?: number;
}

/** The figures that are compared, in this order; a baseline may say otherwise. 1 % is the noise threshold that benchmark runners in CI take. */
export const defaultTolerances: readonly Tolerance[] = [
  { metric: "ttftP95Ms", better: "less", percent: 1 },
  { metric: "tpotP95Ms", better: "less", percent: 1 },
  { metric: "tpotMeanMs", better: "less", percent: 1 },
  { metric: "e2eP95Ms", better: "less", percent: 1 },
  { metric: "costPer1kTokensDollars", better: "less", percent: 1 },
  { metric: "servedPercent", better: "more", absolute: 0.1 },
  { metric: "goodputPercent", better: "more", absolute: 0.5 },
  { metric: "cachedTokenPercent", better: "more", absolute: 1 },
  { metric: "amplification", better: "less", absolute: 0.02 },
  { metric: "breakerFalsePositives", better: "less", absolute: 0 },
  { metric: "breakerMissedFaults", better: "less", absolute: 0 },
];
