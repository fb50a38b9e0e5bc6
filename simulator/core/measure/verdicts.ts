import type { TargetSpec } from "../compiled-scenario.ts";
import type { Metrics } from "./metrics.ts";

/**
 * A target over several seeds: kept with all of them is a pass, broken with all of them a fail, anything between inconclusive.
 * A figure that is not known (a price is missing) keeps no target and breaks none: inconclusive. Where nothing was served, every target is broken.
 */
export type Verdict = "pass" | "fail" | "inconclusive" | "not-applicable" | "invalid";

export interface TargetVerdict {
  readonly metric: string;
  readonly bound: "max" | "min";
  readonly limit: number;
  /** One per seed. */
  readonly values: readonly (number | null)[];
  readonly verdict: Verdict;
}

export function judge(targets: readonly TargetSpec[], perSeed: readonly Metrics[]): readonly TargetVerdict[] {
  return targets.map(({ metric, bound, value: limit }) => {
    const values = perSeed.map((metrics) => (metrics as Readonly<Record<string, number | null>>)[metric] ?? null);
    const kept = perSeed.map((metrics, index) => {
      const value = values[index] ?? null;
      if (metrics.servedPercent === 0) return false;
      if (value === null) return null;
      return bound === "max" ? value <= limit : value >= limit;
    });
    const verdict = kept.every((one) => one === true) ? "pass" : kept.every((one) => one === false) ? "fail" : "inconclusive";
    return { metric, bound, limit, values, verdict };
  });
}

/** One broken target breaks the run. Without targets there is nothing to judge. */
export function overall(verdicts: readonly TargetVerdict[]): Verdict {
  if (verdicts.length === 0) return "not-applicable";
  if (verdicts.some(({ verdict }) => verdict === "fail")) return "fail";
  return verdicts.some(({ verdict }) => verdict !== "pass") ? "inconclusive" : "pass";
}
