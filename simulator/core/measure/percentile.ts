/** How percentiles are taken, as every output names it. */
export const percentileMethod = "linear (numpy type 7)";
/** Where records were not kept: value-tally.ts. */
export const sketchedPercentileMethod = `${percentileMethod}; of more than 65,536 values from buckets, at most 0.4 % off`;

/** @param sorted ascending, not empty @param percent 0..100 */
export function percentile(sorted: Float64Array, percent: number): number {
  const place = ((sorted.length - 1) * percent) / 100;
  const below = Math.floor(place);
  const low = sorted[below] ?? NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? NaN;
  return low + (high - low) * (place - below);
}

/** Milliseconds. */
export interface Distribution {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly mean: number;
  readonly max: number;
}

/** Of microseconds; null when there are none. Sorts `values` in place. */
export function distributionMs(values: Float64Array): Distribution | null {
  if (values.length === 0) return null;
  values.sort();
  let sum = 0;
  for (const value of values) sum += value;
  const ms = (percent: number): number => rounded(percentile(values, percent) / 1000, 3);
  return {
    count: values.length,
    p50: ms(50),
    p90: ms(90),
    p95: ms(95),
    p99: ms(99),
    mean: rounded(sum / values.length / 1000, 3),
    max: rounded((values[values.length - 1] ?? 0) / 1000, 3),
  };
}

const powers = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000] as const;

/** Half up; so that a figure is written the same way everywhere. */
export function rounded(value: number, decimals: 0 | 1 | 2 | 3 | 6 | 9): number {
  const power = powers[decimals];
  return Math.floor(value * power + 0.5) / power;
}
