import { expect, test } from "vitest";
import { priceNow } from "../../../../../router/core/accounting/price-now.ts";
import type { DeploymentId } from "../../../../../router/core/messages.ts";

const batch = { input: 50, cachedRead: 5, cacheWrite: 50, output: 100 };
const card = { input: 100, cachedRead: 10, cacheWrite: 100, output: 200, batch };
const state = { prices: [card, card, null], volumes: [0, 0, 0] };
const lost = [1 as DeploymentId];

test("a request that may be delayed is expected to cost the batch price only where the provider comes to know of it", () => {
  expect(priceNow(state, 0, { batch: true, atOnce: lost })).toBe(batch);
  expect(priceNow(state, 1, { batch: true, atOnce: lost })).toBe(card);
  expect(priceNow(state, 1, { batch: true })).toBe(batch);
  expect(priceNow(state, 0, {})).toBe(card);
  expect(priceNow(state, 2, { batch: true, atOnce: lost })).toBeNull();
});
