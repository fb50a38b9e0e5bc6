import { rounded } from "./percentile.ts";

/** Milliseconds. The percentile is the least value that, with all below it, has the wanted share of the weight. */
export interface WeightedDistribution {
  /** The sum of the weights. */
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly mean: number;
}

/** Of microseconds, each counted `weight` times; null when there are none. */
export function weightedDistributionMs(values: Float64Array, weights: Float64Array): WeightedDistribution | null {
  const order = Uint32Array.from(values, (_, place) => place).sort((one, other) => (values[one] ?? 0) - (values[other] ?? 0) || one - other);
  const count = weights.reduce((sum, weight) => sum + weight, 0);
  if (count === 0) return null;
  const at = (percent: number): number => {
    let below = 0;
    for (const place of order) {
      below += weights[place] ?? 0;
      if (below * 100 >= count * percent) return rounded((values[place] ?? 0) / 1000, 3);
    }
    return NaN;
  };
  const sum = values.reduce((all, value, place) => all + value * (weights[place] ?? 0), 0);
  return { count, p50: at(50), p90: at(90), p95: at(95), p99: at(99), mean: rounded(sum / count / 1000, 3) };
}
