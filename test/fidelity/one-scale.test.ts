import { expect, test } from "vitest";
import { chooseScale, scalesAround, searchScale } from "./one-scale.ts";
import type { Off } from "./play-server-run.ts";

const off = (e2e: number, tpot: number, ttft: number, p95: number): Off => ({ "E2E mean": e2e, "TPOT mean": tpot, "TTFT mean": ttft, "TTFT p95": p95 });

test("the scale whose worst figure is least against its limit, and the range that passes", () => {
  const tried = [
    { scale: 0.9, off: off(-4, -4, -9, -14) },
    { scale: 1, off: off(-1, -1, -4, -11) },
    { scale: 1.1, off: off(3, 3, 2, 6) },
    { scale: 1.2, off: off(4.9, 4, 7, 11) },
    { scale: 1.3, off: off(9, 8, 12, 20) },
  ];
  expect(chooseScale(tried)).toEqual({ scale: 1.1, off: off(3, 3, 2, 6), within: { from: 1, to: 1.2 } });
});

test("where no scale passes, the best is still told, and that none passes", () => {
  const tried = [
    { scale: 1, off: off(0, 0, -9, -30) },
    { scale: 1.1, off: off(6, 6, -3, -15) },
  ];
  expect(chooseScale(tried)).toMatchObject({ scale: 1.1, within: null });
});

test("a request that never ended passes with no scale", () => {
  expect(chooseScale([{ scale: 1, off: off(NaN, 0, 0, 0) }]).within).toBe(null);
});

test("the scales that are tried lie around the one of the step durations", () => {
  const scales = scalesAround(2, 12, 2);
  expect([scales[0], scales[6], scales.at(-1), scales.length]).toEqual([1.76, 2, 2.24, 13]);
});

test("the search comes within a quarter percent of the best, also where the rough figures point beside it", () => {
  const figures = (best: number) => (scale: number) => off(100 * (scale - best), 0, 0, 0);
  expect(searchScale(scalesAround(1, 12, 2), figures(1.06), figures(1.0725)).scale).toBeCloseTo(1.0725, 2);
  expect(searchScale(scalesAround(1, 12, 2), figures(0.9), figures(0.895)).within).not.toBe(null);
});
