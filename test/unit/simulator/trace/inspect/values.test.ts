import * as fc from "fast-check";
import { expect, test } from "vitest";
import { WindowCounts } from "../../../../../simulator/trace/inspect/arrival-figures.ts";
import { SampleValues } from "../../../../../simulator/trace/inspect/sample-values.ts";
import { TenantCounts } from "../../../../../simulator/trace/inspect/tenant-figures.ts";
import { ValueCounts } from "../../../../../simulator/trace/inspect/value-counts.ts";

test("percentiles by counting are those of the sorted values, by both methods", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 5_000_000 })), { minLength: 1, maxLength: 120 }), (values) => {
      const counts = new ValueCounts();
      const sample = new SampleValues();
      for (const value of values) {
        counts.add(value);
        sample.add(value);
      }
      const sorted = values.toSorted((one, other) => one - other);
      const percentiles = counts.percentiles();
      for (const percent of [50, 90, 95, 99]) {
        const place = ((sorted.length - 1) * percent) / 100;
        const [low = 0, high = low] = sorted.slice(Math.floor(place));
        expect(percentiles?.linear[percent]).toBeCloseTo(low + (high - low) * (place - Math.floor(place)), 6);
        expect(percentiles?.nearest_rank[percent]).toBe(sorted[Math.ceil((percent * sorted.length) / 100) - 1]);
      }
      expect(percentiles).toEqual(sample.percentiles());
    }),
  );
});

test("beyond a million values a percentile is off by at most one percent", () => {
  const sample = new SampleValues();
  const count = 1_200_000;
  for (let place = 0; place < count; place += 1) sample.add(((place * 7919) % count) / 1000);
  expect(sample.exact).toBe(false);
  for (const percent of [50, 90, 95, 99]) expect(sample.percentiles()?.linear[percent]).toBeCloseTo((percent * count) / 100_000, -1);
  expect(Math.abs((sample.percentiles()?.linear["99"] ?? 0) / 1188 - 1)).toBeLessThan(0.01);
});

test("dispersion and autocorrelation of the counts in windows", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 4, maxLength: 40 }), (perWindow) => {
      const windows = new WindowCounts(10);
      for (const [window, count] of perWindow.entries()) for (let place = 0; place < count; place += 1) windows.add(window * 10 + place);
      windows.add(perWindow.length * 10);
      const mean = perWindow.reduce((sum, count) => sum + count, 0) / perWindow.length;
      const variance = perWindow.reduce((sum, count) => sum + (count - mean) ** 2, 0) / perWindow.length;
      if (mean === 0) expect(windows.dispersion()).toBeNull();
      else expect(windows.dispersion()).toBeCloseTo(variance / mean, 9);
      const products = perWindow.slice(1).reduce((sum, count, place) => sum + (count - mean) * ((perWindow[place] ?? 0) - mean), 0);
      if (variance > 1e-9) expect(windows.autocorrelation()).toBeCloseTo(products / (perWindow.length * variance), 9);
    }),
  );
});

test("tenants: shares, how many send how much, Gini", () => {
  const tenants = new TenantCounts();
  for (const [name, rows] of [
    ["a", 50],
    ["b", 30],
    ["c", 20],
  ] as const)
    for (let row = 0; row < rows; row += 1) tenants.add(name);
  expect(tenants.figures()).toMatchObject({
    tenants: 3,
    top_share: { "1": 0.5, "5": 1 },
    tenants_for: { "50": 1, "80": 2, "90": 3 },
    gini: expect.closeTo(0.2, 9),
  });
});
