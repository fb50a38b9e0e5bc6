/** The mean of a figure over seeds, with its 95 % confidence interval: Student's t, two-sided, since seeds are few and their spread has to be estimated from them. */
export interface MeanInterval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** 97.5 % quantiles of Student's t, by degrees of freedom from 1. */
const quantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069,
  2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** Null: fewer than two values say nothing of their spread, and an endless one has no mean. */
export function meanInterval(values: readonly number[]): MeanInterval | null {
  const count = values.length;
  if (count < 2 || values.some((value) => value === Infinity)) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / (count - 1);
  const half = quantileOf(count - 1) * Math.sqrt(variance / count);
  return { mean, low: mean - half, high: mean + half };
}

/** Beyond 30 by the first term of the expansion about the normal quantile, within 0.1 %. */
function quantileOf(freedom: number): number {
  return quantiles[freedom - 1] ?? 1.96 + 2.372 / freedom;
}
