import * as fc from "fast-check";
import { expect, test } from "vitest";
import { emptySketch, sketchHears, sketchQuantile } from "../../../../../router/core/estimate/quantile-sketch.ts";
import { micros, millis, seconds } from "../../../../../router/core/time.ts";

test("a quantile is never too short, and at most an eighth too long", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 100_000_000_000 }), { minLength: 20, maxLength: 500 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (times, share) => {
        const sketch = emptySketch();
        for (const time of times) sketchHears(sketch, micros(time));
        const exact = times.toSorted((one, other) => one - other)[Math.ceil(share * times.length) - 1] ?? 0;
        const learned = sketchQuantile(sketch, share) ?? NaN;
        expect(learned).toBeGreaterThanOrEqual(exact);
        expect(learned).toBeLessThanOrEqual(Math.max(exact * 1.125 + 64, exact + 64));
      },
    ),
  );
});

test("says nothing on little, and follows a change", () => {
  const sketch = emptySketch();
  for (let sample = 0; sample < 19; sample += 1) sketchHears(sketch, millis(10));
  expect(sketchQuantile(sketch, 0.5)).toBeNull();
  for (let sample = 0; sample < 10_000; sample += 1) sketchHears(sketch, millis(10));
  expect(sketchQuantile(sketch, 0.5)).toBeLessThan(millis(12));
  for (let sample = 0; sample < 5_000; sample += 1) sketchHears(sketch, seconds(2));
  expect(sketchQuantile(sketch, 0.1)).toBeGreaterThan(millis(1999));
});
