import { describe, expect, test } from "vitest";
import { breakerEnds, breakerHalfOpens, breakerStarts, type BreakerState, closedBreaker, openTime } from "../../../../../router/core/health/breaker.ts";
import type { BreakerSpec } from "../../../../../router/core/compiled-config.ts";
import { failureRateSpec } from "../../../../../router/core/health/failure-rate.ts";
import { instantAt, seconds } from "../../../../../router/core/time.ts";
import { defaultBreaker } from "../../../../support/breaker-detection.ts";

const play = (breaker: BreakerState, spec: BreakerSpec, outcomes: string, secondsBetween: number, from = 0): number | null => {
  for (const [place, outcome] of outcomes.split("").entries()) {
    const ticket = { breakerEpoch: breakerStarts(breaker), probeCredited: false };
    breakerEnds(breaker, spec, ticket, outcome === "x" ? "failure" : "success", instantAt(seconds(from + place * secondsBetween)));
    if (breaker.phase === "open") return place + 1;
  }
  return null;
};

describe("the failure rate opens", () => {
  test("an endpoint that fails every other time, never five times in a row", () => {
    const breaker = closedBreaker(defaultBreaker);
    expect(play(breaker, defaultBreaker, "x.".repeat(50), 1)).toBeLessThan(20);
    expect(breaker.reason).toBe("failure-rate");
  });

  test("not on what is normal", () => {
    expect(play(closedBreaker(defaultBreaker), defaultBreaker, `${".".repeat(19)}x`.repeat(500), 0.1)).toBeNull();
  });

  test("not on outcomes older than the window", () => {
    const spec = { ...defaultBreaker, rate: failureRateSpec(0.05, 0.2, seconds(60), 5) };
    expect(play(closedBreaker(spec), spec, "x.".repeat(100), 20)).toBeNull();
    expect(play(closedBreaker(spec), spec, "x.".repeat(100), 2)).not.toBeNull();
  });

  test("not on fewer outcomes than the minimum", () => {
    const spec = { ...defaultBreaker, failures: 1000, rate: failureRateSpec(0.05, 0.2, seconds(60), 40) };
    expect(play(closedBreaker(spec), spec, "x".repeat(100), 0.1)).toBe(40);
  });
});

test("the open time doubles to its bound with each opening, and is short again after a stable time", () => {
  const spec = { ...defaultBreaker, open: seconds(60), openMax: seconds(300), growthPercent: 200, stable: seconds(100) };
  expect([0, 1, 2, 3, 50].map((openings) => openTime(spec, openings))).toEqual([60, 120, 240, 300, 300].map(seconds));
  const breaker = closedBreaker(spec);
  play(breaker, spec, "xxxxx", 0);
  expect(breaker.openUntil).toBe(seconds(60));
  breakerHalfOpens(breaker, "open-time-passed");
  play(breaker, spec, "x", 0, 60);
  expect(breaker.openUntil).toBe(seconds(60 + 120));
  breakerHalfOpens(breaker, "open-time-passed");
  play(breaker, spec, "...", 0, 180);
  expect(breaker.phase).toBe("closed");
  play(breaker, spec, "xxxxx", 0, 279);
  expect(breaker.openUntil).toBe(seconds(279 + 240));
  breakerHalfOpens(breaker, "open-time-passed");
  play(breaker, spec, "...", 0, 519);
  play(breaker, spec, "xxxxx", 0, 619);
  expect(breaker.openUntil).toBe(seconds(619 + 60));
});
