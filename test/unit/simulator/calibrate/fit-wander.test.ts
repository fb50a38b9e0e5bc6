import { expect, test } from "vitest";
import type { Instant } from "../../../../router/core/machine.ts";
import { fitWander, likelihoodOf } from "../../../../simulator/calibrate/fit-wander.ts";
import type { SeenStep } from "../../../../simulator/calibrate/fit-wander.ts";
import { WanderingSpeed } from "../../../../simulator/core/step-time/wandering-speed.ts";
import type { WanderSpec } from "../../../../simulator/core/step-time/wandering-speed.ts";

/** A busy machine's steps, one after the other. */
function stepsOf(spec: WanderSpec, seed: number, scale: number, seconds = 120): SeenStep[] {
  const machine = new WanderingSpeed(spec, seed, "made");
  const steps: SeenStep[] = [];
  for (let at = 0; at < seconds * 1e6;) {
    const modelledUs = 8000 + 30 * (at % 100);
    const us = modelledUs * scale * machine.factorAt(Math.floor(at) as Instant);
    steps.push({ at: at / 1e6, us, modelledUs });
    at += us;
  }
  return steps;
}

const made: WanderSpec = { deviation: 0.12, correlationUs: 800_000, scatter: 0.1 };
const runs = [1, 2, 3].map((seed) => stepsOf(made, seed, 0.7 + 0.2 * seed));

test("what a machine was made with is found again, whatever the runs' mean speeds", () => {
  const found = fitWander(runs);
  expect(found?.deviation).toBeCloseTo(0.12, 1.5);
  expect((found?.correlationUs ?? 0) / 800_000).toBeGreaterThan(0.7);
  expect((found?.correlationUs ?? 0) / 800_000).toBeLessThan(1.4);
  expect(found?.scatter).toBeCloseTo(0.1, 1.5);
});

test("steps that it was not fitted on are likelier with it than with others", () => {
  const other = stepsOf(made, 9, 1);
  const right = likelihoodOf(other, made);
  for (const wrong of [{ deviation: 0.03 }, { deviation: 0.4 }, { correlationUs: 50_000 }, { correlationUs: 20_000_000 }, { scatter: 0.01 }, { scatter: 0.4 }])
    expect(likelihoodOf(other, { ...made, ...wrong })).toBeLessThan(right);
});

test("a steady machine hardly wanders, and a handful of steps says nothing", () => {
  expect(fitWander([stepsOf({ deviation: 0, correlationUs: 1, scatter: 0 }, 1, 1, 20)])?.deviation).toBeLessThan(0.005);
  expect(fitWander([runs[0]?.slice(0, 20) ?? []])).toBe(null);
  expect(fitWander([])).toBe(null);
});
