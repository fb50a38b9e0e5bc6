import { expect, test } from "vitest";
import { slopeOf } from "../../../support/fuzz/heap-slope.ts";

/** What the heap was over 200,000 requests, in the run of 2026-11-22: a line whose first sample is far beside it (MB). */
const seen = [34.4, 28.88, 28.2, 28.23, 28.24, 28.28, 28.33, 28.37, 28.49, 28.44, 28.48, 28.51, 28.57, 28.47, 28.56, 28.58, 28.54, 28.6, 28.62, 28.57, 28.51];

test("a line's slope; the first sample hides no growth", () => {
  expect(slopeOf([1, 3, 5, 7])).toBe(2);
  expect(slopeOf(seen)).toBeCloseTo(0.0187, 4);
  const leaking = seen.map((mb, place) => mb + place * 0.05);
  expect(slopeOf(leaking)).toBeCloseTo(0.0687, 3);
});
