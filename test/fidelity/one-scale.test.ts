import { expect, test } from "vitest";
import { chooseScale, scalesAround } from "./one-scale.ts";
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
  const scales = scalesAround(2);
  expect([scales[0], scales[48], scales.at(-1), scales.length]).toEqual([1.76, 2, 2.24, 97]);
});
