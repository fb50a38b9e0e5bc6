import * as fc from "fast-check";
import { expect, test } from "vitest";
import { addUsage, costOf, emptyTotal, roundToNano } from "../../../../../router/core/accounting/ledger.ts";

const usage = (input: number, cachedRead = 0, output = 0): Parameters<typeof costOf>[0] => ({ input, cachedRead, cacheWrite: 0, output, reasoning: 0 });
const rates = { input: 2_500_000, cachedRead: 1_250_000, cacheWrite: 3_125_000, output: 10_000_000 };

test("cached tokens cost the cached rate, never the full one and never twice", () => {
  expect(costOf(usage(1000, 400, 10), rates)).toBe(600 * 2_500_000 + 400 * 1_250_000 + 10 * 10_000_000);
  expect(costOf({ ...usage(1000, 400), cacheWrite: 100 }, rates)).toBe(500 * 2_500_000 + 400 * 1_250_000 + 100 * 3_125_000);
});

test("a request's cost is rounded once, half to even", () => {
  expect([499, 500, 501, 1500, 2500, 2501].map(roundToNano)).toEqual([0, 0, 1, 2, 2, 3]);
});

test("a total does not depend on the order of its parts, and loses nothing", () => {
  const parts = fc.array(fc.record({ pico: fc.nat(10_000_000), input: fc.nat(10_000) }), { maxLength: 50 });
  fc.assert(
    fc.property(parts, (list) => {
      const forth = emptyTotal();
      const back = emptyTotal();
      for (const { pico, input } of list) addUsage(forth, usage(input), pico, false);
      for (const { pico, input } of list.toReversed()) addUsage(back, usage(input), pico, false);
      expect(back).toEqual(forth);
      expect(forth.nanoDollars * 1000 + forth.picoDollars).toBe(list.reduce((sum, { pico }) => sum + pico, 0));
    }),
  );
});

test("an unknown price is counted as unknown", () => {
  const total = emptyTotal();
  addUsage(total, usage(100), null, true);
  expect(total).toMatchObject({ unpriced: 1, estimated: 1, nanoDollars: 0, input: 100 });
});

test("what leaves the whole numbers is an assertion, not a wrong bill", () => {
  expect(() => costOf(usage(1e12), rates)).toThrow("assertion");
});
