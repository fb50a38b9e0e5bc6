import { expect, test } from "vitest";
import { arenaArrivals, capacityFor, type FairnessPolicy, fluidLightP95, heavier, judgeShares, lightP95, stretched } from "../support/fairness.ts";
import { sharedFolder } from "../support/shared-folder.ts";

const folder = sharedFolder();
const fair: FairnessPolicy = { name: "fair", order: "fair", requestsPerMinute: Infinity };
const fcfs: FairnessPolicy = { name: "fcfs", order: "fcfs", requestsPerMinute: Infinity };

test.skipIf(folder === null)("27 tenants under twofold overload: each gets its max-min share, and heavy ones do not slow light ones down", async () => {
  const trace = await arenaArrivals(folder ?? "");
  const capacity = capacityFor(trace);
  const arrivals = stretched(trace, capacity, 2);

  const { tenants, worst } = judgeShares(arrivals, capacity, fair);
  expect(tenants).toHaveLength(27);
  expect(worst).toBeGreaterThan(0.9);
  expect(judgeShares(arrivals, capacity, fcfs).worst).toBeLessThan(0.1);

  const heavy = new Set(tenants.filter((one) => one.heavy).map(({ tenant }) => tenant));
  expect(heavy.size).toBe(6);
  const once = lightP95(arrivals, heavy, fair);
  expect(once / fluidLightP95(arrivals, heavy, capacity)).toBeLessThan(1.1);
  for (const times of [2, 4]) expect(lightP95(heavier(arrivals, capacity, times), heavy, fair) / once).toBeLessThan(1.1);
  expect(lightP95(heavier(arrivals, capacity, 2), heavy, fcfs) / lightP95(arrivals, heavy, fcfs)).toBeGreaterThan(2);
});
