import { expect, test } from "vitest";
import { costOf } from "../../../../../router/core/accounting/ledger.ts";

const rates = { input: 1_250_000, cachedRead: 125_000, cacheWrite: 1_250_000, output: 10_000_000 };

/** litellm#16341, litellm#18599: a cache that nobody asked for, and reasoning tokens, are priced wrongly. */
test("litellm#16341: what the provider cached unasked is charged at the cached rate, once", () => {
  const usage = { input: 5000, cachedRead: 4096, cacheWrite: 0, output: 10, reasoning: 0 };
  expect(costOf(usage, rates)).toBe(904 * 1_250_000 + 4096 * 125_000 + 10 * 10_000_000);
});

test("litellm#18599: reasoning tokens are part of the output: paid for, and not twice", () => {
  const usage = { input: 0, cachedRead: 0, cacheWrite: 0, output: 1000, reasoning: 900 };
  expect(costOf(usage, rates)).toBe(1000 * 10_000_000);
  expect(costOf(usage, { ...rates, reasoning: 3_500_000 })).toBe(100 * 10_000_000 + 900 * 3_500_000);
});
