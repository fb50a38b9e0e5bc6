/**
 * Two runs of a scenario, paired by seed: equal seeds see equal requests, faults and draws (common random numbers), so that the difference of a pair is the change's doing.
 *
 * Of each figure, each pair's worsening is taken: percent of the baseline, or in the figure's own unit. What is beyond the tolerance is worse when
 *  - the median of the worsenings is beyond it, and
 *  - chance does not explain it: nine of ten pairs are worse, and a one-sided sign-flip permutation test of (worsening - tolerance), exact up to 12 pairs and with 4,096
 *    seeded draws beyond, corrected by Holm over the figures that differ at all, gives 1 % or less (a run in CI makes many comparisons). With fewer than ten pairs the
 *    test cannot reach that; then every pair must be beyond the tolerance.
 * A figure whose median is beyond it and that neither convinces is inconclusive. Better is judged alike, and stops nobody. The spread is the median absolute deviation.
 */
import { medianAbsoluteDeviation, quantileSorted } from "simple-statistics";
import { keyedUnit, purposeOf } from "../../router/core/random.ts";
import type { MetricName } from "../core/measure/metric-names.ts";
import type { Metrics } from "../core/measure/metrics.ts";
import type { Tolerance } from "./tolerances.ts";

export interface Pair {
  readonly seed: number;
  readonly before: Metrics;
  readonly after: Metrics;
}

export type Change = "equal" | "within" | "better" | "worse" | "inconclusive";

export interface ComparedFigure {
  readonly metric: MetricName;
  readonly change: Change;
  /** Medians over the seeds; null: endless. */
  readonly before: number | null;
  readonly after: number | null;
  /** Median worsening, its median absolute deviation, and what is tolerated: percent, or in the figure's unit; null: endless. */
  readonly worsening: number | null;
  readonly spread: number | null;
  readonly tolerance: number;
  readonly unit: "percent" | "absolute";
  /** Corrected by Holm; null: too few pairs for the test. */
  readonly p: number | null;
}

const level = 0.01;
const sameWayMin = 0.9;
const pairsMin = 10;
const exactMax = 12;
const drawsMax = 4096;
const purpose = purposeOf("sign-flip");

interface Sample {
  readonly tolerance: Tolerance;
  readonly allowed: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly worsenings: readonly number[];
}

export function compareFigures(pairs: readonly Pair[], tolerances: readonly Tolerance[]): readonly ComparedFigure[] {
  const samples = tolerances.flatMap((tolerance) => sampleOf(pairs, tolerance));
  const corrected = (sign: 1 | -1) =>
    holm(samples.map(({ worsenings, allowed }) => (differs(worsenings) ? pValue(worsenings.map((value) => sign * value - allowed)) : null)));
  const [worse, better] = [corrected(1), corrected(-1)];
  return samples.map((sample, index) => figureOf(sample, worse[index] ?? null, better[index] ?? null));
}

const differs = (worsenings: readonly number[]): boolean => worsenings.some((value) => value !== 0);

/** Pairs of which a side does not know the figure say nothing. */
function sampleOf(pairs: readonly Pair[], tolerance: Tolerance): readonly Sample[] {
  const { metric, better } = tolerance;
  const known = pairs.flatMap(({ before: { [metric]: before }, after: { [metric]: after } }) => (before === null || after === null ? [] : [{ before, after }]));
  if (known.length === 0) return [];
  const sign = better === "less" ? 1 : -1;
  const relative = tolerance.percent !== undefined;
  const worsenings = known.map(({ before, after }) => {
    if (before === after) return 0;
    const scale = relative ? Math.abs(before) / 100 : 1;
    return scale === 0 || before === Infinity ? sign * (after > before ? Infinity : -Infinity) : (sign * (after - before)) / scale;
  });
  return [
    {
      tolerance,
      allowed: tolerance.percent ?? tolerance.absolute ?? 0,
      before: known.map(({ before }) => before),
      after: known.map(({ after }) => after),
      worsenings,
    },
  ];
}

function figureOf({ tolerance, allowed, before, after, worsenings }: Sample, worseP: number | null, betterP: number | null): ComparedFigure {
  const middle = medianOf(worsenings);
  const change = changeOf(worsenings, middle, allowed, worseP, betterP);
  return {
    metric: tolerance.metric,
    change,
    before: finite(medianOf(before)),
    after: finite(medianOf(after)),
    worsening: finite(middle),
    spread: worsenings.every(Number.isFinite) ? medianAbsoluteDeviation([...worsenings]) : null,
    tolerance: allowed,
    unit: tolerance.percent === undefined ? "absolute" : "percent",
    p: middle < 0 ? betterP : worseP,
  };
}

function changeOf(worsenings: readonly number[], middle: number, allowed: number, worseP: number | null, betterP: number | null): Change {
  if (!differs(worsenings)) return "equal";
  if (Math.abs(middle) <= allowed) return "within";
  const sign = middle > 0 ? 1 : -1;
  const p = sign > 0 ? worseP : betterP;
  const sameWay = worsenings.filter((value) => sign * value > 0).length / worsenings.length;
  const convinces = p === null ? worsenings.every((value) => sign * value > allowed) : p <= level && sameWay >= sameWayMin;
  if (convinces) return sign > 0 ? "worse" : "better";
  return sign > 0 ? "inconclusive" : "within";
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const [low, high] = [quantileSorted(sorted, 0.5), sorted[Math.floor(sorted.length / 2)] ?? 0];
  return Number.isNaN(low) ? high : low;
}

/** How often a mean as high comes about where every difference might as well have the other sign; null: too few to say. Endless differences count as the largest. */
function pValue(differences: readonly number[]): number | null {
  const count = differences.length;
  if (count < pairsMin) return null;
  const largest = Math.max(1, ...differences.map(Math.abs).filter(Number.isFinite));
  const values = differences.map((value) => Math.max(-largest, Math.min(largest, value)));
  const seen = values.reduce((sum, value) => sum + value, 0);
  const exact = count <= exactMax;
  const draws = exact ? 2 ** count : drawsMax;
  let asHigh = exact ? 0 : 1;
  for (let draw = 0; draw < draws; draw += 1) {
    const sum = values.reduce((total, value, place) => total + (flips(draw, place, exact) ? -value : value), 0);
    if (sum >= seen - 1e-9 * Math.abs(seen)) asHigh += 1;
  }
  return asHigh / (exact ? draws : draws + 1);
}

function flips(draw: number, place: number, exact: boolean): boolean {
  return exact ? ((draw >> place) & 1) === 1 : keyedUnit(1, purpose, draw, place) < 0.5;
}

/** Holm's correction over those that have a p. */
function holm(values: readonly (number | null)[]): readonly (number | null)[] {
  const order = values.flatMap((p, index) => (p === null ? [] : [{ p, index }])).toSorted((one, other) => one.p - other.p);
  const corrected: (number | null)[] = values.map(() => null);
  let last = 0;
  for (const [rank, { p, index }] of order.entries()) {
    last = Math.max(last, Math.min(1, p * (order.length - rank)));
    corrected[index] = last;
  }
  return corrected;
}
