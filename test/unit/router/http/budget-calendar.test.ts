import { expect, test } from "vitest";
import { periodEndsMs } from "../../../../router/http/budget-calendar.ts";

const at = (iso: string): number => Date.parse(iso);
const ends = (per: "hour" | "day" | "month", timeZone: string, now: string): string => new Date(periodEndsMs({ per, timeZone }, at(now))).toISOString();

test("an hour ends with the clock's, whatever the zone", () => {
  expect(ends("hour", "Asia/Kolkata", "2026-03-01T10:59:59.999Z")).toBe("2026-03-01T11:00:00.000Z");
  expect(ends("hour", "UTC", "2026-03-01T11:00:00.000Z")).toBe("2026-03-01T12:00:00.000Z");
});

test("a day ends at the zone's midnight, also where summer time makes it 23 or 25 hours long", () => {
  expect(ends("day", "UTC", "2026-03-01T00:00:00.000Z")).toBe("2026-03-02T00:00:00.000Z");
  expect(ends("day", "Europe/Berlin", "2026-03-28T23:00:00.000Z")).toBe("2026-03-29T22:00:00.000Z");
  expect(ends("day", "Europe/Berlin", "2026-10-24T22:00:00.000Z")).toBe("2026-10-25T23:00:00.000Z");
});

test("a month ends with the zone's, long or short", () => {
  expect(ends("month", "America/New_York", "2026-02-01T05:00:00.000Z")).toBe("2026-03-01T05:00:00.000Z");
  expect(ends("month", "UTC", "2026-12-31T23:59:59.999Z")).toBe("2027-01-01T00:00:00.000Z");
});
