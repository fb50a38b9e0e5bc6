/** Draws from the distributions of workloads, out of a named stream. */
import { exp, ln, pow } from "../../../router/core/numeric.ts";
import { nextNormal, nextUnit, type RandomState } from "../../../router/core/random.ts";

/** In (0, 1]: its logarithm is finite. */
const openUnit = (random: RandomState): number => 1 - nextUnit(random);

/** Mean 1. */
export const exponential = (random: RandomState): number => -ln(openUnit(random));

/** Scale 1, mean `shape` (Marsaglia and Tsang 2000; below a shape of 1 by their boost). */
export function gamma(random: RandomState, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * exp(ln(openUnit(random)) / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = nextNormal(random);
    const v = 1 + c * x;
    if (v <= 0) continue;
    const cube = v * v * v;
    if (ln(openUnit(random)) < 0.5 * x * x + d - d * cube + d * ln(cube)) return d * cube;
  }
}

/** Scale 1. */
export const weibull = (random: RandomState, shape: number): number => pow(exponential(random), 1 / shape);

export const logNormal = (random: RandomState, mu: number, sigma: number): number => exp(mu + sigma * nextNormal(random));

/** By Knuth's products of uniform draws; large means are taken in parts. */
export function poisson(random: RandomState, mean: number): number {
  if (mean > 30) return poisson(random, mean / 2) + poisson(random, mean / 2);
  const limit = exp(-mean);
  let count = 0;
  for (let product = openUnit(random); product > limit; product *= openUnit(random)) count += 1;
  return count;
}

/** Shares that sum to 1, of a symmetric Dirichlet distribution; null: all alike. */
export function dirichlet(random: RandomState, parts: number, parameter: number | null): readonly number[] {
  const weights = Array.from({ length: parts }, () => (parameter === null ? 1 : gamma(random, parameter)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  // A tiny parameter can make all of them underflow: one part has everything then.
  return sum > 0 ? weights.map((weight) => weight / sum) : weights.map((_, place) => (place === 0 ? 1 : 0));
}

/** Place in `cumulative` (ascending, ending at the total) that a uniform draw falls on. */
export function drawPlace(random: RandomState, cumulative: ArrayLike<number>): number {
  const wanted = nextUnit(random) * (cumulative[cumulative.length - 1] ?? 0);
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] ?? 0) > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Value at a share (0 to 1) of a table of quantiles at equal distances, between its entries by straight lines. */
export function quantileAt(table: ArrayLike<number>, share: number): number {
  const place = share * (table.length - 1);
  const below = Math.floor(place);
  const low = table[below] ?? 0;
  const high = table[Math.min(below + 1, table.length - 1)] ?? low;
  return low + (high - low) * (place - below);
}
