import { describe, expect, test } from "vitest";
import { arenaArrivals, capacityFor, type FairnessPolicy, fluidLightP95, heavier, judgeShares, lightP95, stretched } from "../support/fairness.ts";
import { sharedFolder } from "../support/shared-folder.ts";

const folder = sharedFolder();
const fair = (burst: number): FairnessPolicy => ({ name: "fair", order: "fair", burst, requestsPerMinute: Infinity });
const fcfs: FairnessPolicy = { name: "fcfs", order: "fcfs", burst: 0, requestsPerMinute: Infinity };

/** The queue's default. */
const burst = 4000;

describe.skipIf(folder === null)("27 tenants under twofold overload", async () => {
  const trace = folder === null ? [] : await arenaArrivals(folder);
  const capacity = capacityFor(trace);
  const arrivals = stretched(trace, capacity, 2);
  const { tenants, worst } = judgeShares(arrivals, capacity, fair(burst));
  const heavy = new Set(tenants.filter((one) => one.heavy).map(({ tenant }) => tenant));

  test("each gets 90 hundredths of its max-min share of service tokens; first come, first served gives some nothing", () => {
    expect(tenants).toHaveLength(27);
    expect(heavy.size).toBe(6);
    expect(worst).toBeGreaterThan(0.9);
    expect(judgeShares(arrivals, capacity, fair(0)).worst).toBeGreaterThan(0.9);
    expect(judgeShares(arrivals, capacity, fcfs).worst).toBeLessThan(0.1);
  });

  test.each([burst, 0])("with a burst of %i, what heavy ones send beyond their load does not slow light ones down", (given) => {
    const once = lightP95(arrivals, heavy, fair(given));
    for (const times of [2, 4]) expect(lightP95(heavier(arrivals, capacity, times), heavy, fair(given)) / once).toBeLessThan(1.1);
  });

  test("first come, first served: twice their load doubles the light ones' p95", () => {
    expect(lightP95(heavier(arrivals, capacity, 2), heavy, fcfs) / lightP95(arrivals, heavy, fcfs)).toBeGreaterThan(2);
  });

  test("their presence costs light ones no more than max-min sharing does; with a burst, much less", () => {
    const fluid = fluidLightP95(arrivals, heavy, capacity);
    expect(lightP95(arrivals, heavy, fair(0)) / fluid).toBeLessThan(1.1);
    expect(lightP95(arrivals, heavy, fair(burst)) / fluid).toBeLessThan(0.6);
  });

  test("an unlimited burst brings light ones near what they have alone, and takes it from heavy ones' max-min shares", () => {
    const unlimited = fair(1_000_000_000);
    expect(lightP95(arrivals, heavy, unlimited) / lightP95(heavier(arrivals, capacity, 0), heavy, unlimited)).toBeLessThan(1.4);
    expect(judgeShares(arrivals, capacity, unlimited).worst).toBeLessThan(0.9);
  });
});
