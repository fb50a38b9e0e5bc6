import type { Arrival } from "../../simulator/core/workload/arrival.ts";
import type { HedgeSpec, QueueSpec } from "../../router/core/compiled-config.ts";
import { nextBelow, nextUnit, type RandomState } from "../../router/core/random.ts";
import { micros, millis } from "../../router/core/time.ts";
import type { FixtureDeployment } from "./router-fixture.ts";

/** Up to what the deployment allows. */
export function randomLimit(random: RandomState): Pick<FixtureDeployment, "adaptiveLimit" | "concurrencyMax"> {
  if (nextUnit(random) < 0.8) return {};
  const min = 1 + nextBelow(random, 4);
  return {
    concurrencyMax: min + nextBelow(random, 20),
    adaptiveLimit: { min, tolerance: 1 + nextUnit(random), measureEvery: millis(1 + nextBelow(random, 5_000)) },
  };
}

/** Rare and frequent, patient and not. */
export function randomProbe(random: RandomState): Pick<FixtureDeployment, "probe"> {
  if (nextUnit(random) < 0.5) return {};
  return {
    probe: {
      path: "/health",
      every: millis(100 + nextBelow(random, 5_000)),
      timeout: millis(1 + nextBelow(random, 3_000)),
      healthyAfter: 1 + nextBelow(random, 3),
      unhealthyAfter: 1 + nextBelow(random, 3),
    },
  };
}

export function randomHedge(random: RandomState): HedgeSpec | null {
  if (nextUnit(random) < 0.5) return null;
  return { quantile: 0.3 + 0.69 * nextUnit(random), delayMin: micros(nextBelow(random, 20_000)), budgetPerMille: nextBelow(random, 1000) };
}

export function randomAdmission(random: RandomState): Partial<QueueSpec> {
  return {
    order: nextUnit(random) < 0.7 ? "fair" : "fcfs",
    ageing: millis(nextBelow(random, 2_000)),
    rejectEarly: nextUnit(random) < 0.5,
    burst: nextBelow(random, 3) * 1000,
  };
}

/** In a quarter of the worlds deployments differ in quality, or nobody knows it of them. */
export function randomQuality(random: RandomState, isGraded: boolean): Pick<FixtureDeployment, "quality"> {
  return isGraded && nextUnit(random) < 0.8 ? { quality: nextBelow(random, 10) / 10 } : {};
}

/** What some requests ask for in such a world. */
export function randomFloor(random: RandomState, isGraded: boolean): Pick<Arrival, "features"> {
  return isGraded && nextUnit(random) < 0.3 ? { features: { qualityFloor: nextBelow(random, 12) / 10 } } : {};
}
