/**
 * How fast a queue empties, measured: the mean time between two requests that leave it for an attempt while others wait behind them. Whole microseconds, a moving
 * mean over some sixteen of them. From it follows how long a newcomer would wait, and when it is worth coming back.
 */
import { assert } from "../assert.ts";
import type { Duration, Instant } from "../machine.ts";
import { micros, never } from "../time.ts";

export interface DrainRate {
  gapUs: number;
  /** Gaps measured. */
  known: number;
  /** Since when a gap runs; Infinity: nobody waits. */
  since: Instant;
}

/** With fewer nothing is foretold. */
const knownLeast = 8;

export function unknownDrainRate(): DrainRate {
  return { gapUs: 0, known: 0, since: never };
}

export function queueBegins(rate: DrainRate, now: Instant): void {
  rate.since = now;
}

export function queueEnds(rate: DrainRate): void {
  rate.since = never;
}

/** One leaves the queue for an attempt. */
export function drained(rate: DrainRate, now: Instant): void {
  assert(rate.since !== never, "a queue drains where nobody waits");
  rate.known += 1;
  rate.gapUs += Math.floor((now - rate.since - rate.gapUs) / Math.min(rate.known, 16) + 0.5);
  rate.since = now;
}

/** Until there is a place for one that has so many before it; null: not known. */
export function expectedWait(rate: DrainRate, ahead: number, now: Instant): Duration | null {
  if (rate.known < knownLeast) return null;
  const passed = rate.since === never ? 0 : now - rate.since;
  return micros(ahead * rate.gapUs + Math.max(0, rate.gapUs - passed));
}
