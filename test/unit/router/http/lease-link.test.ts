import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { BudgetPeriod } from "../../../../router/config/service-spec.ts";
import type { LeaseKey, RouterEvent } from "../../../../router/core/messages.ts";
import { startOfTime } from "../../../../router/core/time.ts";
import { LeaseLink } from "../../../../router/http/lease-link.ts";
import { MemoryLeaseStore } from "../../../../router/stores/memory/memory-lease-store.ts";

beforeEach(() => void vi.useFakeTimers({ now: Date.parse("2026-01-31T12:10:00Z") }));
afterEach(() => void vi.useRealTimers());

const daily: BudgetPeriod = { lease: 0 as LeaseKey, per: "day", timeZone: "UTC" };

test("a budget that is taken out and comes back within the hour has one chain of timers, and one start per period", () => {
  const told: RouterEvent[] = [];
  const link = new LeaseLink({
    store: new MemoryLeaseStore([], () => startOfTime),
    periods: [daily],
    holder: "one",
    now: () => startOfTime,
    submit: (event) => void told.push(event),
  });
  link.start();
  const before = vi.getTimerCount();
  for (let round = 0; round < 3; round += 1) {
    link.amend([], []);
    link.amend([], [daily]);
  }
  expect(vi.getTimerCount()).toBe(before);
  told.length = 0;
  vi.advanceTimersByTime(12 * 3_600_000);
  expect(told.map(({ kind }) => kind)).toEqual(["period-started"]);
  link.amend([], []);
  expect(vi.getTimerCount()).toBe(0);
  link.close();
});
