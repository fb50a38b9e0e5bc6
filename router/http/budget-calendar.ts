import type { BudgetPeriod } from "../config/service-spec.ts";

const hourMs = 3_600_000;

/** When the period of `nowMs` (since the epoch) ends, by the calendar of its time zone: summer time makes days of 23 and 25 hours. An hour is one of UTC. */
export function periodEndsMs({ per, timeZone }: Pick<BudgetPeriod, "per" | "timeZone">, nowMs: number): number {
  if (per === "hour") return (Math.floor(nowMs / hourMs) + 1) * hourMs;
  const format = new Intl.DateTimeFormat("en", { timeZone, year: "numeric", month: "numeric", ...(per === "day" ? { day: "numeric" } : {}) });
  const current = format.format(nowMs);
  let inside = nowMs;
  let beyond = nowMs + (per === "day" ? 26 : 32 * 24) * hourMs;
  while (beyond - inside > 1) {
    const middle = Math.floor((inside + beyond) / 2);
    if (format.format(middle) === current) inside = middle;
    else beyond = middle;
  }
  return beyond;
}
