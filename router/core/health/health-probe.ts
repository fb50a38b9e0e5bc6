/**
 * Active probes of one endpoint: it is asked every `every` how it is (a GET of `path`), whether or not it has traffic, and takes no requests between `unhealthyAfter`
 * answers in a row that are bad (or late, by `timeout`) and `healthyAfter` that are good again.
 *
 * A probe finds out what requests have not: a bad answer does not count where the endpoint has answered a request (with a first token or to its end) since the probe before.
 * So an engine that is too busy to say how it is stays in use, and so does one that is asked for a path it does not have, while it works. Nothing is said by a
 * probe that a stall of our own kept from its answer. Where all that could take a request are unhealthy or behind an open breaker, the unhealthy ones are eligible all the
 * same (keep-unhealthy.ts).
 *
 * Probes and breaker judge apart, and both must let a request through: a server whose health page is well may fail every request. Only when an endpoint comes back by its
 * probes while its breaker is open, the breaker half-opens at once, and callers' requests probe it one by one: what was broken has changed.
 * The first probe comes within `every`, each later one 0.9 to 1.1 of it after the one before (and 0.1 after its answer, where that was
 * slow), drawn by endpoint and probe, so that replicas and endpoints are not asked in step.
 */
import type { Duration, Instant } from "../machine.ts";
import { keyedUnit, purposeOf } from "../random.ts";
import { after, later, micros, never, startOfTime } from "../time.ts";

export interface ProbeSpec {
  readonly path: string;
  readonly every: Duration;
  readonly timeout: Duration;
  /** Answers in a row. */
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
}

export interface HealthState {
  healthy: boolean;
  /** Answers in a row that speak against it. */
  against: number;
  /** Of the next probe; Infinity: none is wanted, or one is under way. */
  nextAt: Instant;
  /** Of the last one. */
  startedAt: Instant;
  /** Of the probe under way; -1: none is. */
  nonce: number;
  /** Probes so far. */
  started: number;
}

/** What a probe's answer makes of an endpoint; null: what it was. */
export type HealthChange = "healthy" | "unhealthy" | null;

const jitterPurpose = purposeOf("health-probe-jitter");

export function unprobed(): HealthState {
  return { healthy: true, against: 0, nextAt: never, startedAt: startOfTime, nonce: -1, started: 0 };
}

/** Before its first probe. `draw`: seed and endpoint. */
export function awaitFirstProbe(health: HealthState, spec: ProbeSpec, [seed, endpoint]: readonly [number, number], now: Instant): void {
  health.nextAt = after(now, micros(Math.floor(spec.every * keyedUnit(seed, jitterPurpose, endpoint, health.started))));
}

export const isProbed = ({ nextAt, nonce }: HealthState): boolean => nextAt !== never || nonce !== -1;

/** @returns what its answer is known by */
export function beginProbe(health: HealthState, now: Instant): number {
  health.nonce = health.started;
  health.started += 1;
  health.startedAt = now;
  health.nextAt = never;
  return health.nonce;
}

/** @param healthy null: it says nothing */
export function endProbe(
  health: HealthState,
  spec: ProbeSpec,
  healthy: boolean | null,
  [seed, endpoint]: readonly [number, number],
  now: Instant,
): HealthChange {
  const wait = Math.floor(spec.every * (0.9 + 0.2 * keyedUnit(seed, jitterPurpose, endpoint, health.started)));
  health.nonce = -1;
  health.nextAt = later(after(health.startedAt, micros(wait)), after(now, micros(Math.ceil(spec.every / 10))));
  if (healthy === null) return null;
  health.against = healthy === health.healthy ? 0 : health.against + 1;
  if (health.against < (health.healthy ? spec.unhealthyAfter : spec.healthyAfter)) return null;
  health.healthy = healthy;
  health.against = 0;
  return healthy ? "healthy" : "unhealthy";
}
