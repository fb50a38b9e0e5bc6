import { expect, test } from "vitest";
import type { EngineOptions, EngineSpec } from "../../../../../simulator/core/engine/engine-spec.ts";
import { EnginePlay, smallSpec } from "../../../../support/engine-play.ts";

const wander = { deviation: 0.2, correlationUs: 300_000, scatter: 0.1 };
const decodes = 5000;
const longSpec = (options: Partial<EngineOptions>): EngineSpec =>
  smallSpec({ blocks: 400, modelTokensMax: 5200 }, { scheduling: { perStepUs: 0, perSequenceUs: 0 }, ...options });

/** Microseconds that one long answer takes. */
function lastsOn(options: Partial<EngineOptions>, build: { readonly seed?: number; readonly index?: number; readonly detail?: "tokens" } = {}): number {
  const play = new EnginePlay(longSpec(options), build.detail ?? "first-token", build);
  const id = play.submit(16, decodes);
  play.finish();
  return play.times("end-sequence", id)[0] ?? NaN;
}

test("a machine that wanders computes as much as a steady one, by the mean", () => {
  const seeds = Array.from({ length: 40 }, (_, place) => place + 1);
  const mean = seeds.reduce((sum, seed) => sum + lastsOn({ wander }, { seed }), 0) / seeds.length;
  // One run's standard error is about 4 %: 0.2 over the square root of the correlation times in 5 s. Uncorrected it would be 4 % too slow or too fast.
  expect(Math.abs(mean / lastsOn({}) - 1)).toBeLessThan(0.015);
});

test("equal seeds wander alike, other seeds and other machines do not, whatever detail is asked for", () => {
  const lasts = lastsOn({ wander }, { seed: 5 });
  expect(lastsOn({ wander }, { seed: 5, detail: "tokens" })).toBe(lasts);
  expect(lastsOn({ wander }, { seed: 6 })).not.toBe(lasts);
  expect(lastsOn({ wander }, { seed: 5, index: 1 })).not.toBe(lasts);
});

test("ranks wander each by itself", () => {
  const play = new EnginePlay(longSpec({ wander, dataParallel: { ranks: 2, lockstep: false } }), "first-token");
  const [one, other] = [play.submit(16, 100), play.submit(16, 100)];
  play.finish();
  expect(play.times("end-sequence", one)).not.toEqual(play.times("end-sequence", other));
});

test("a brown-out comes on top", () => {
  const steady = { wander: { ...wander, deviation: 0, scatter: 0 } };
  expect(lastsOn(steady)).toBe(lastsOn({}));
  const slowed = (options: Partial<EngineOptions>): number => {
    const play = new EnginePlay(longSpec(options), "first-token");
    play.slowDown(3);
    const id = play.submit(16, decodes);
    play.finish();
    return play.times("end-sequence", id)[0] ?? NaN;
  };
  expect(slowed({}) / lastsOn({})).toBeCloseTo(3, 5);
  expect(slowed({ wander }) / lastsOn({ wander })).toBeGreaterThan(2.5);
});
