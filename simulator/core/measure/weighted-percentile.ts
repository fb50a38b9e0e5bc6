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

/** A value in tenths of a microsecond and its weight in one number, so that both are sorted without a comparator: 1 M of them in a tenth of the time. */
const weightSpan = 65_536;
const tenths = 10;

/** Of microseconds, each counted `weight` times (65,535 at most); null when there are none. */
export function weightedDistributionMs(values: Float64Array, weights: Float64Array): WeightedDistribution | null {
  const pairs = new Float64Array(values.length);
  let count = 0;
  let sum = 0;
  for (let place = 0; place < values.length; place += 1) {
    const weight = Math.min(weightSpan - 1, weights[place] ?? 0);
    pairs[place] = Math.floor((values[place] ?? 0) * tenths + 0.5) * weightSpan + weight;
    count += weight;
    sum += (values[place] ?? 0) * weight;
  }
  if (count === 0) return null;
  pairs.sort();
  const at = (percent: number): number => {
    let below = 0;
    for (const pair of pairs) {
      const value = Math.floor(pair / weightSpan);
      below += pair - value * weightSpan;
      if (below * 100 >= count * percent) return rounded(value / tenths / 1000, 3);
    }
    return NaN;
  };
  return { count, p50: at(50), p90: at(90), p95: at(95), p99: at(99), mean: rounded(sum / count / 1000, 3) };
}
