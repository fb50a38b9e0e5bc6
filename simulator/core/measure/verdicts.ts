import type { TargetSpec } from "../compiled-scenario.ts";
import { type MeanInterval, meanInterval } from "./mean-interval.ts";
import type { Metrics } from "./metrics.ts";

/**
 * A target over several seeds.
 *  - pass: every seed keeps it, or the 95 % confidence interval of the mean over at least five seeds lies within the bound;
 *  - fail: every seed breaks it, or that interval lies beyond the bound. Where nothing was served, every target is broken;
 *  - inconclusive: anything between, and a figure that some seed does not know (a price is missing);
 *  - not applicable: there is nothing to take the figure from (no breaker opened, no GPU has a price) in any seed;
 *  - invalid: nothing was scheduled in the window of some seed.
 * What was rejected, timed out, cut or failed counts as endless in percentiles of TTFT and E2E (figures.ts).
 */
export type Verdict = "pass" | "fail" | "inconclusive" | "not-applicable" | "invalid";

export interface TargetVerdict {
  readonly metric: string;
  readonly bound: "max" | "min";
  readonly limit: number;
  /** One per seed. */
  readonly values: readonly (number | null)[];
  /** Null: one seed, or not known or endless with some. */
  readonly interval: MeanInterval | null;
  readonly verdict: Verdict;
}

const intervalSeedsMin = 5;

function figureOf(metrics: Metrics, metric: string): number | null {
  return (metrics as Readonly<Record<string, number | null>>)[metric] ?? null;
}

export function judge(targets: readonly TargetSpec[], perSeed: readonly Metrics[]): readonly TargetVerdict[] {
  return targets.map((target) => {
    const { metric, bound, value: limit } = target;
    const values = perSeed.map((metrics) => figureOf(metrics, metric));
    const known = values.filter((value) => value !== null);
    const interval = known.length === values.length ? meanInterval(known) : null;
    return { metric, bound, limit, values, interval, verdict: verdictOf(target, perSeed, interval) };
  });
}

function verdictOf({ metric, bound, value: limit }: TargetSpec, perSeed: readonly Metrics[], interval: MeanInterval | null): Verdict {
  if (perSeed.some(({ servedPercent }) => servedPercent === null)) return "invalid";
  const keeps = (value: number): boolean => (bound === "max" ? value <= limit : value >= limit);
  const kept = perSeed.map((metrics) => {
    const value = figureOf(metrics, metric);
    return metrics.servedPercent === 0 ? false : value === null ? null : keeps(value);
  });
  if (kept.every((one) => one === true)) return "pass";
  if (kept.every((one) => one === false)) return "fail";
  if (kept.every((one) => one === null)) return needsPrices(metric) ? "inconclusive" : "not-applicable";
  if (interval === null || perSeed.length < intervalSeedsMin) return "inconclusive";
  const [low, high] = [keeps(interval.low), keeps(interval.high)];
  return low && high ? "pass" : low || high ? "inconclusive" : "fail";
}

const needsPrices = (metric: string): boolean => metric.startsWith("cost") || metric === "savedPercent";

/** One broken target breaks the run. Without targets that apply there is nothing to judge. */
export function overall(verdicts: readonly TargetVerdict[]): Verdict {
  const judged = verdicts.map(({ verdict }) => verdict).filter((verdict) => verdict !== "not-applicable");
  if (judged.length === 0) return "not-applicable";
  const worst = (["invalid", "fail", "inconclusive"] as const).find((verdict) => judged.includes(verdict));
  return worst ?? "pass";
}
