import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { DeploymentId } from "../../../../../router/core/messages.ts";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";
import { seconds } from "../../../../../router/core/time.ts";
import { tokensMax } from "../../../../../router/core/accounting/request-bounds.ts";
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

test("usage within a request's bounds never ends the service, however often it is said: totals stay at the largest whole number", () => {
  const dear = { ...rates, input: 900_000_000 };
  const bogus = usage(tokensMax);
  const total = emptyTotal();
  for (let request = 0; request < 1100; request += 1) addUsage(total, bogus, costOf(bogus, dear), false);
  expect(total).toMatchObject({ nanoDollars: Number.MAX_SAFE_INTEGER, picoDollars: 0, input: 1100 * tokensMax });
  addUsage(total, usage(1), 1999, false);
  expect(total).toMatchObject({ nanoDollars: Number.MAX_SAFE_INTEGER, picoDollars: 999 });
  const tokens = { ...emptyTotal(), input: Number.MAX_SAFE_INTEGER - 1, output: Number.MAX_SAFE_INTEGER };
  addUsage(tokens, usage(tokensMax, tokensMax, 1), null, false);
  expect(tokens).toMatchObject({ input: Number.MAX_SAFE_INTEGER, output: Number.MAX_SAFE_INTEGER, cachedRead: tokensMax });
});

test("a part of a total that is not a number is an assertion", () => {
  expect(() => addUsage(emptyTotal(), usage(Number.NaN), 0, false)).toThrow("assertion");
  expect(() => addUsage(emptyTotal(), usage(1), Number.NaN, false)).toThrow("assertion");
});

test("a long prompt makes everything dearer, from one token beyond the border on", () => {
  const card = {
    ...rates,
    longPrompt: { aboveTokens: 200_000, rates: { input: 5_000_000, cachedRead: 2_500_000, cacheWrite: 6_250_000, output: 15_000_000 } },
  };
  expect(costOf(usage(200_000, 0, 10), card)).toBe(200_000 * 2_500_000 + 10 * 10_000_000);
  expect(costOf(usage(200_001, 1, 10), card)).toBe(200_000 * 5_000_000 + 2_500_000 + 10 * 15_000_000);
});

test("pictures cost by their tokens, or each, or both; without a price of their own they are prompt tokens", () => {
  const shown = { ...usage(1000, 100, 10), pictureTokens: 500 };
  expect(costOf(shown, rates)).toBe(costOf(usage(1000, 100, 10), rates));
  expect(costOf(shown, { ...rates, pictureTokens: 8_000_000 })).toBe(400 * 2_500_000 + 500 * 8_000_000 + 100 * 1_250_000 + 10 * 10_000_000);
  expect(costOf(shown, { ...rates, picture: 7_650_000_000 }, 2)).toBe(costOf(shown, rates) + 15_300_000_000);
});

test("a picture's price is set aside and booked with the request that shows it", () => {
  const card = { input: 1_000_000, cachedRead: 0, cacheWrite: 0, output: 0, picture: 5_000_000_000 };
  const harness = new RouterHarness({
    deployments: [{ rates: card }],
    limits: [{ unit: "nano-dollars", amount: 12_000_000, window: { kind: "period", length: seconds(3600) } }],
  });
  const [start] = only(harness.arrive(0, { pictures: 2 }), "start-attempt");
  expect(start?.reservedNano).toBe(10_100_000);
  expect(only(harness.arrive(1, { pictures: 1 }), "start-attempt")).toHaveLength(0);
  expect(only(harness.succeed(0, { input: 100, output: 0 }), "finish-request")[0]?.account.nanoDollars).toBe(10_100_000);
});

test("beyond a month's volume everything costs what its step says; a new month begins at the first price", () => {
  const flat = (input: number) => ({ input, cachedRead: 0, cacheWrite: 0, output: 0 });
  const card = {
    ...flat(3_000_000),
    volume: [
      { aboveTokens: 1000, rates: flat(2_000_000) },
      { aboveTokens: 5000, rates: flat(1_000_000) },
    ],
  };
  const harness = new RouterHarness({ deployments: [{ rates: card }, { rates: flat(2_500_000) }], strategy: "cost-based" });
  const paid = (input: number): (number | undefined)[] => {
    const [start] = only(harness.arrive(0), "start-attempt");
    const [finish] = only(harness.succeed(start?.attempt ?? -1, { input, output: 0 }), "finish-request");
    return [start?.endpoint, finish?.account.nanoDollars];
  };
  // While it is dear the other deployment is the cheapest.
  expect(paid(1000)).toEqual([1, 2_500_000]);
  harness.send({ kind: "price-changed", deployment: 1 as DeploymentId, rates: flat(9_000_000) });
  expect([paid(1000), paid(1000), paid(4000), paid(1000)]).toEqual([
    [0, 3_000_000],
    [0, 3_000_000],
    [0, 8_000_000],
    [0, 1_000_000],
  ]);
  harness.send({ kind: "billing-month-started" });
  expect(paid(1000)).toEqual([0, 3_000_000]);
});

test("what may be delayed costs what batches cost, of the month's step; where there is no such price, what all costs", () => {
  const flat = (input: number) => ({ input, cachedRead: 0, cacheWrite: 0, output: 0 });
  const card = { ...flat(3_000_000), batch: flat(1_500_000), volume: [{ aboveTokens: 1000, rates: { ...flat(2_000_000), batch: flat(1_000_000) } }] };
  const harness = new RouterHarness({ deployments: [{ rates: card }] });
  const paid = (batch: boolean): number | undefined => {
    const [start] = only(harness.arrive(0, { batch }), "start-attempt");
    return only(harness.succeed(start?.attempt ?? -1, { input: 1000, output: 0 }), "finish-request")[0]?.account.nanoDollars;
  };
  expect([paid(true), paid(true), paid(true), paid(false)]).toEqual([1_500_000, 1_500_000, 1_000_000, 2_000_000]);
  harness.send({ kind: "price-changed", deployment: 0 as DeploymentId, rates: flat(3_000_000) });
  expect(paid(true)).toBe(3_000_000);
});

test("an attempt is paid for at the price it started under", () => {
  const harness = new RouterHarness({ deployments: [{ rates: { input: 1_000_000, cachedRead: 0, cacheWrite: 0, output: 0 } }] });
  const nano = (attempt: number): number | undefined => only(harness.succeed(attempt, { input: 100, output: 0 }), "finish-request")[0]?.account.nanoDollars;
  harness.arrive(0);
  harness.arrive(1);
  expect(nano(0)).toBe(100_000);
  harness.send({ kind: "price-changed", deployment: 0 as DeploymentId, rates: { input: 7_000_000, cachedRead: 0, cacheWrite: 0, output: 0 } });
  expect(nano(1)).toBe(100_000);
  harness.arrive(0);
  expect(nano(1)).toBe(700_000);
});
