import type { Duration, Instant } from "./machine.ts";

/** The instant that never comes: what `nextDeadline()` says when nothing is pending. */
export const never = Infinity as Instant;
export const startOfTime = 0 as Instant;

/** @param value whole microseconds */
export const micros = (value: number): Duration => value as Duration;
export const millis = (value: number): Duration => Math.floor(value * 1000 + 0.5) as Duration;
export const seconds = (value: number): Duration => Math.floor(value * 1_000_000 + 0.5) as Duration;

/** No timer of the host waits longer (ms): Node takes those beyond 24.8 days for 1 ms, and spins. */
export const hostTimerMaxMs = 3_600_000;

export const instantAt = (value: number): Instant => value as Instant;
export const after = (start: Instant, wait: Duration): Instant => (start + wait) as Instant;
export const between = (start: Instant, end: Instant): Duration => (end - start) as Duration;
export const earlier = (one: Instant, other: Instant): Instant => (one < other ? one : other);
export const later = (one: Instant, other: Instant): Instant => (one > other ? one : other);
