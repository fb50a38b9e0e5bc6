import fc from "fast-check";
import { expect, test } from "vitest";
import { distributionMs, percentile, rounded } from "../../../../../simulator/core/measure/percentile.ts";

test("linear between neighbours, as numpy's default", () => {
  // numpy.percentile([15, 20, 35, 40, 50], [5, 30, 40, 50, 95, 100])
  const sorted = Float64Array.of(15, 20, 35, 40, 50);
  expect([0, 5, 30, 40, 50, 95, 100].map((percent) => rounded(percentile(sorted, percent), 6))).toEqual([15, 16, 23, 29, 35, 48, 50]);
  expect(percentile(Float64Array.of(7), 99)).toBe(7);
});

test("percentiles lie between the extremes and never fall", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 60 }), (values) => {
      const sorted = Float64Array.from(values).sort();
      const all = Array.from({ length: 101 }, (_, percent) => percentile(sorted, percent));
      expect(all[0]).toBe(sorted[0]);
      expect(all[100]).toBe(sorted.at(-1));
      expect(all.every((value, index) => index === 0 || value >= (all[index - 1] ?? 0))).toBe(true);
    }),
  );
});

test("a distribution is in milliseconds, to the microsecond; none of nothing", () => {
  expect(distributionMs(Float64Array.of(3000, 1000, 2000, 4001))).toEqual({ count: 4, p50: 2.5, p90: 3.701, p95: 3.851, p99: 3.971, mean: 2.5, max: 4.001 });
  expect(distributionMs(new Float64Array(0))).toBeNull();
});
