import { describe, expect, test } from "vitest";
import type { StrategyName } from "../../router/core/compiled-config.ts";
import { mooncakeArrivals, type Outcome, playSlice } from "../support/stale-signals.ts";
import { sharedFolder } from "../support/shared-folder.ts";

const shared = sharedFolder();
const seeds = [1, 2, 3, 4, 5];

/** `npm run stale-signals` prints the whole table, by age and number of replicas. */
describe.skipIf(shared === null)("Mooncake slice, 10 engines, five seeds: what several replicas and the age of their signals cost", async () => {
  const slices = shared === null ? [] : await Promise.all(seeds.map((seed) => mooncakeArrivals(shared, seed)));
  const played = (strategy: StrategyName, replicas: number, age: number | null): readonly Outcome[] =>
    slices.map((arrivals, index) => playSlice(arrivals, { strategy, replicas, age, seed: seeds[index] ?? 0 }));
  const mean = (outcomes: readonly Outcome[], figure: "hitRate" | "firstTokenP95Ms"): number =>
    outcomes.reduce((sum, outcome) => sum + outcome[figure], 0) / outcomes.length;

  test("prefix affinity: five replicas with signals 5 s old lose less than 10 % of the hit rate and of the p95 of one with signals 1 s old", () => {
    const one = played("prefix-affinity", 1, 1);
    for (const { hitRate, busiestMinuteOverMean } of one) {
      expect(hitRate).toBeGreaterThan(0.335);
      expect(busiestMinuteOverMean).toBeLessThanOrEqual(1.25);
    }
    const five = played("prefix-affinity", 5, 5);
    expect(mean(five, "hitRate")).toBeGreaterThan(0.9 * mean(one, "hitRate"));
    expect(mean(five, "firstTokenP95Ms")).toBeLessThan(1.1 * mean(one, "firstTokenP95Ms"));
    expect(five.map(({ served }) => served)).toEqual(slices.map(({ length }) => length));
  });

  test("power of two: five replicas with signals 5 s old lose less than 10 % of the p95 of one", () => {
    const five = mean(played("power-of-two", 5, 5), "firstTokenP95Ms");
    expect(five).toBeLessThan(1.1 * mean(played("power-of-two", 1, 5), "firstTokenP95Ms"));
  });
});
