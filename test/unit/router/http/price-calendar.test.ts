import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { DeploymentId, RouterEvent } from "../../../../router/core/messages.ts";
import { PriceCalendar } from "../../../../router/http/price-calendar.ts";

beforeEach(() => void vi.useFakeTimers({ now: Date.parse("2026-01-31T22:30:00Z") }));
afterEach(() => void vi.useRealTimers());

const rates = (input: number) => ({ input, cachedRead: 0, cacheWrite: 0, output: 0 });
const change = (from: string, input: number) => ({ deployment: 0 as DeploymentId, fromMs: Date.parse(from), rates: rates(input) });

test("prices of the past are told at once, later ones at their instant, months when they begin", () => {
  const told: RouterEvent[] = [];
  const calendar = new PriceCalendar(
    [change("2026-02-01T00:00:00Z", 3), change("2026-01-01T00:00:00Z", 1), change("2026-01-31T23:00:00Z", 2)],
    (event) => void told.push(event),
  );
  calendar.start();
  const price = (input: number): RouterEvent => ({ kind: "price-changed", deployment: 0 as DeploymentId, rates: rates(input) });
  expect(told).toEqual([price(1)]);
  vi.advanceTimersByTime(30 * 60_000);
  expect(told).toEqual([price(1), price(2)]);
  vi.advanceTimersByTime(59 * 60_000);
  expect(told).toHaveLength(2);
  vi.advanceTimersByTime(60_000);
  expect(told.slice(2)).toEqual([{ kind: "billing-month-started" }, price(3)]);
  vi.advanceTimersByTime(28 * 24 * 3_600_000);
  expect(told.slice(4)).toEqual([{ kind: "billing-month-started" }]);
  calendar.close();
  vi.advanceTimersByTime(40 * 24 * 3_600_000);
  expect(told).toHaveLength(5);
});
