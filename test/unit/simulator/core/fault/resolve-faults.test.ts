import { expect, test } from "vitest";
import type { FaultPlan, FaultTiming } from "../../../../../simulator/core/fault/fault-spec.ts";
import { resolveFaults } from "../../../../../simulator/core/fault/resolve-faults.ts";

const hour = 3_600_000_000;
const plan = (name: string, timing: FaultTiming): FaultPlan => ({
  name,
  target: { kind: "endpoints", endpoints: [0, 2] as never, fault: { kind: "down" } },
  timing,
});
const resolve = (plans: readonly FaultPlan[], seed = 1, hours = 1) =>
  resolveFaults({ faults: [], faultPlans: plans, faultsUntil: (hours * hour) as never }, seed);

test("a rhythm is counted from beginning to beginning, until the arrivals end, for all endpoints at once", () => {
  const { endpoints } = resolve([plan("a", { kind: "every", at: hour / 4, for: 1000, every: hour / 3 } as never)]);
  expect(endpoints.map(({ endpoint, at, until }) => [endpoint, at, until - at])).toEqual(
    [hour / 4, hour / 4 + hour / 3, hour / 4 + (2 * hour) / 3].flatMap((at) => [
      [0, at, 1000],
      [2, at, 1000],
    ]),
  );
});

test("random faults come as often and last as long as they say, differ by seed and name, and are the same for the same seed", () => {
  const random = { kind: "random", perHour: 6, meanDuration: 60_000_000 } as never;
  const of = (name: string, seed: number) => resolve([plan(name, random)], seed, 500).endpoints.filter(({ endpoint }) => endpoint === 0);
  const faults = of("a", 1);
  expect(faults.length / 500).toBeGreaterThan(5.7);
  expect(faults.length / 500).toBeLessThan(6.3);
  const mean = faults.reduce((sum, { at, until }) => sum + until - at, 0) / faults.length;
  expect(mean / 60_000_000).toBeGreaterThan(0.95);
  expect(mean / 60_000_000).toBeLessThan(1.05);
  expect(of("a", 1)).toEqual(faults);
  expect(of("a", 2)[0]?.at).not.toBe(faults[0]?.at);
  expect(of("b", 1)[0]?.at).not.toBe(faults[0]?.at);
});

test("the store's and the replicas' faults go their own ways", () => {
  const script = resolveFaults(
    {
      faults: [],
      leaseStore: { faults: [{ at: 5, until: 6, replica: 1 }] } as never,
      faultPlans: [
        { name: "s", target: { kind: "store", replica: null }, timing: { kind: "once", at: 1, for: 2 } as never },
        { name: "r", target: { kind: "replica", replica: 3 }, timing: { kind: "once", at: 1, for: 2 } as never },
      ],
    },
    1,
  );
  expect(script).toEqual({
    endpoints: [],
    store: [
      { at: 1, until: 3, replica: null },
      { at: 5, until: 6, replica: 1 },
    ],
    replicas: [{ replica: 3, at: 1, until: 3 }],
  });
});
