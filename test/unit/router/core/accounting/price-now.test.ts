import { expect, test } from "vitest";
import { priceNow, ratesFor } from "../../../../../router/core/accounting/price-now.ts";
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

test("what goes before others costs that tier's price, and nobody knows what where there is none; a provider without tiers has one price", () => {
  const priority = { input: 175, cachedRead: 18, cacheWrite: 175, output: 350 };
  const tiers = { prices: [{ ...card, priority }, { ...card, priority: null }, card], volumes: [0, 0, 0] };
  const asked = (deployment: number, atOnce: readonly DeploymentId[] = []) => priceNow(tiers, deployment, { priorityTier: true, atOnce });
  expect(asked(0)).toBe(priority);
  expect(asked(1)).toBeNull();
  expect(asked(1, lost)).toBe(tiers.prices[1]);
  expect(asked(2)).toBe(card);
  expect(ratesFor({ ...card, priority }, "unlisted")).toBeNull();
  expect(ratesFor(card, "unlisted")).toBe(card);
});
