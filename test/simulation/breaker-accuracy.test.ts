import { expect, test } from "vitest";
import { accuracyOf, playScript } from "../support/breaker-accuracy.ts";

/** `npm run breaker-accuracy` plays 200 scripts and prints the table. */
test("breakers against 40 random fault scripts: fewer than 5 % of the openings are false, none is missed, and they come within 1.5 times what the failures seen allow", () => {
  const { openings, falsePositives, missed, troubles, byRate } = accuracyOf(Array.from({ length: 40 }, (_, index) => playScript(index + 1)));
  expect(troubles).toBe(80);
  expect(missed).toBe(0);
  expect(openings).toBeGreaterThan(80);
  expect(falsePositives / openings).toBeLessThan(0.05);
  for (const { rate, found, oursMs, bestMs } of byRate)
    expect({ rate, found: found >= 10, near: oursMs <= 1.5 * bestMs }).toEqual({ rate, found: true, near: true });
});
