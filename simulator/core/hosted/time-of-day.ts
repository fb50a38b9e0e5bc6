import type { Instant } from "../../../router/core/machine.ts";
import type { TimeOfDaySpec } from "./hosted-spec.ts";

const hour = 3_600_000_000;

/** How many times as long a call that comes now takes. */
export function factorAt(spec: TimeOfDaySpec | undefined, now: Instant): number {
  if (spec === undefined) return 1;
  const hours = ((spec.startsAt + now) / hour) % 24;
  const before = Math.floor(hours);
  const [from = 1, to = 1] = [spec.factors[before], spec.factors[(before + 1) % 24]];
  return from + (to - from) * (hours - before);
}
