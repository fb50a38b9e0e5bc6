import { expect, test } from "vitest";
import { exp } from "../../../../../router/core/numeric.ts";
import { forkRandom, nextBelow, nextUnit } from "../../../../../router/core/random.ts";
import { exactly, type Precision, ValueTally } from "../../../../../simulator/core/measure/value-tally.ts";

const random = forkRandom(5, "values");
/** From 40 us to 20 hours, thick in the middle. */
const values = Array.from({ length: 50_000 }, () => 40 * exp(21 * ((nextUnit(random) + nextUnit(random) + nextUnit(random)) / 3)));
const tallyOf = (precision: Precision, weightOf: () => number = () => 1): ValueTally => {
  const tally = new ValueTally(precision);
  for (const value of values) tally.add(value, weightOf());
  return tally;
};
const percents = ["p50", "p90", "p95", "p99"] as const;

test.for([
  [7, 0.004],
  [5, 0.016],
] as const)("beyond its bound a tally with %i places is at most %d off, and exact in count, mean and maximum", ([bits, error]) => {
  const exact = tallyOf(exactly).distribution();
  const sketched = tallyOf({ exactMax: 1000, bits }).distribution();
  expect(sketched).toMatchObject({ count: 50_000, max: exact?.max });
  expect(Math.abs((sketched?.mean ?? 0) / (exact?.mean ?? 1) - 1)).toBeLessThan(1e-9);
  for (const percent of percents) expect(Math.abs((sketched?.[percent] ?? 0) / (exact?.[percent] ?? 1) - 1)).toBeLessThan(error);
  expect(sketched).not.toEqual(exact);
});

test("up to its bound it is exact", () => {
  expect(tallyOf({ exactMax: 50_000, bits: 5 }).distribution()).toEqual(tallyOf(exactly).distribution());
});

test("weights count", () => {
  const weights = (): (() => number) => {
    const own = forkRandom(6, "weights");
    return () => 1 + nextBelow(own, 900);
  };
  const exact = tallyOf(exactly, weights()).weightedDistribution();
  const sketched = tallyOf({ exactMax: 1000, bits: 7 }, weights()).weightedDistribution();
  expect(sketched?.count).toBe(exact?.count);
  for (const percent of percents) expect(Math.abs((sketched?.[percent] ?? 0) / (exact?.[percent] ?? 1) - 1)).toBeLessThan(0.004);
});

test("endless values have their place in percentiles, in either form", () => {
  const of = (precision: Precision) => {
    const tally = new ValueTally(precision);
    for (let value = 1; value <= 1000; value++) tally.add(value <= 930 ? 1_000_000 : Infinity);
    return tally.percentiles();
  };
  expect(of(exactly)).toEqual({ p50: 1000, p90: 1000, p95: null, p99: null });
  const { p50, p90, p95, p99 } = of({ exactMax: 10, bits: 7 });
  expect([p95, p99]).toEqual([null, null]);
  for (const value of [p50, p90]) expect(Math.abs((value ?? 0) / 1000 - 1)).toBeLessThan(0.004);
});

test("nothing has no percentiles, and what is less than a microsecond is nothing", () => {
  expect(new ValueTally(exactly).distribution()).toBeNull();
  expect(new ValueTally(exactly).weightedDistribution()).toBeNull();
  const tally = new ValueTally({ exactMax: 0, bits: 7 });
  tally.add(0);
  tally.add(0.4);
  expect(tally.distribution()).toMatchObject({ count: 2, p50: 0, p99: 0 });
});
