import { describe, expect, test } from "vitest";
import { limitHears, newAdaptiveLimit } from "../../../../../router/core/admission/adaptive-limit.ts";
import { instantAt, micros, seconds } from "../../../../../router/core/time.ts";

const spec = { min: 4, tolerance: 2, measureEvery: seconds(60) };

/** A server with so many places that are free of queueing: beyond them the first token waits in proportion. Plays it for so long; the limits it had. */
function play(
  places: number,
  forSeconds: number,
  options: { readonly limitMax?: number; readonly busy?: boolean; readonly slowerFrom?: number } = {},
): number[] {
  const state = newAdaptiveLimit(spec);
  const limits: number[] = [];
  for (let now = 0; now < forSeconds; now += 0.1) {
    const inFlight = options.busy === false ? 1 : state.limit;
    const calm = now >= (options.slowerFrom ?? Infinity) ? 400_000 : 100_000;
    const time = micros(Math.floor(calm * Math.max(1, inFlight / places)));
    for (let sample = 0; sample < 8; sample += 1) {
      limitHears(state, spec, { startedAt: instantAt(seconds(now)), time }, inFlight, options.limitMax ?? Infinity, instantAt(seconds(now)));
    }
    limits.push(state.limit);
  }
  return limits;
}

describe("the limit on attempts in flight", () => {
  test("finds the places of a pool, within the tolerance, and stays there", () => {
    const limits = play(20, 50);
    expect(Math.max(...limits)).toBeLessThanOrEqual(20 * spec.tolerance * 1.5);
    expect(limits.at(-1)).toBeGreaterThan(20);
    const half = limits.slice(limits.length / 2);
    expect(Math.max(...half) - Math.min(...half)).toBeLessThan(12);
  });

  test("is never above the deployment's concurrency nor below the least", () => {
    expect(Math.max(...play(1000, 50, { limitMax: 32 }))).toBe(32);
    expect(Math.min(...play(1, 50))).toBe(4);
  });

  test("does not grow while nobody uses it", () => {
    expect(play(1000, 50, { busy: false }).at(-1)).toBeLessThanOrEqual(8);
  });

  test("is measured again, and goes on with what it had: a pool that has become slower as a whole keeps its limit", () => {
    const limits = play(20, 200, { slowerFrom: 90 });
    expect(limits.slice(500).filter((limit) => limit === 4).length).toBeGreaterThan(0);
    expect(Math.min(...limits.slice(-200))).toBeLessThan(30);
    expect(limits.at(-1)).toBeGreaterThan(20);
  });
});
