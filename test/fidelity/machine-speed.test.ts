import { expect, test } from "vitest";
import { fitWander } from "../../simulator/calibrate/fit-wander.ts";
import { followedSpeeds, meanScale } from "./machine-speed.ts";
import type { ServerRun } from "./recorded-server-run.ts";
import { fitServer, seenSteps, sourcesFor, timedSteps } from "./server-fit.ts";

/** One sequence decoding, then two, `slow` times as long from 10 s on; the client is 5 ms and 2 us per prompt token away, and gets tokens 3 ms and 0.5 ms per sequence later. */
function madeRun(name: string, slow: number, asynchronous = false): ServerRun {
  const steps: ServerRun["steps"][number][] = [];
  let t = 0.1;
  for (let i = 0; t < 20; i++) {
    const two = i % 4 > 1;
    const prefill = 100 + 50 * (i % 7);
    const reqs = two
      ? ([
          [i, prefill, 0, prefill, 0],
          [i - 1, 1, 90 + (i % 9), 10, 80],
        ] as const)
      : ([[i, 1, 40 + (i % 30), 10, 30]] as const);
    const us = (5000 + (two ? 20 * prefill : 300)) * (t > 10 ? slow : 1);
    steps.push({ i, t0: t, t1: t, x0: t, x1: t, s1: t, t2: t + us / 1e6, t3: t + us / 1e6, T: 1, run: reqs.length, wait: 0, free: 9, reqs });
    t += us / 1e6;
  }
  const firsts = steps.filter(({ reqs }) => reqs.length === 2);
  const answers = firsts.map(({ reqs: [[i, prompt] = [0, 0]], t0, t3 }) => {
    const sent = t0 - 0.005 - prompt * 2e-6;
    return { i, sched: sent, sent, first_us: (t3 - sent) * 1e6 + 4000, end_us: (t3 - sent) * 1e6 + 4000, out: 1 };
  });
  const adds = firsts.map(({ reqs: [[r, p] = [0, 0]], t0 }) => ({ t: t0, r, p, m: 1 }));
  return { name, asynchronous, config: {} as ServerRun["config"], plan: [], answers, steps, adds };
}

const steady = madeRun("steady", 1);
const fit = fitServer({ steps: [steady], frontEnd: [steady], said: "" });

test("step times and front end are found again", () => {
  for (const { us, features } of timedSteps(steady).slice(1)) {
    expect(features.reduce((sum, feature, place) => sum + feature * (fit.coefficients[place] ?? 0), 0) / us).toBeCloseTo(1, 1);
  }
  expect(fit.first.us + 2 * fit.first.perUnitUs).toBeCloseTo(4000, -1);
  // Some of the way from the client lies within a running step, so only its bound is known.
  expect(fit.before.us).toBeLessThanOrEqual(6000);
});

test("the scale is that of the recorded steps, wandering is seen, and can be followed", () => {
  const wandering = timedSteps(madeRun("slower", 1.5));
  expect(meanScale(timedSteps(steady), fit.coefficients)).toBeCloseTo(1, 1);
  expect(meanScale(wandering, fit.coefficients)).toBeGreaterThan(1.15);
  expect(fitWander([seenSteps(wandering, fit.coefficients)])?.deviation).toBeGreaterThan(0.15);
  expect(fit.wander?.deviation).toBeLessThan(0.05);
  const speeds = followedSpeeds(wandering, fit.coefficients, 2);
  expect(speeds.map(({ at }) => at).slice(0, 3)).toEqual([0, 2_000_000, 4_000_000]);
  expect(speeds[2]?.factor).toBeCloseTo(1, 1);
  expect(speeds[8]?.factor).toBeCloseTo(1.5, 1);
});

test("a run is never fitted on itself while there is another", () => {
  const [twin, async] = [madeRun("twin", 1), madeRun("async", 1, true)];
  const sources = sourcesFor(steady, [steady, twin, async]);
  expect([sources.steps.map(({ name }) => name), sources.frontEnd.map(({ name }) => name)]).toEqual([["twin"], ["twin", "async"]]);
  expect(sourcesFor(steady, [steady]).said).toContain("its own first third");
});
