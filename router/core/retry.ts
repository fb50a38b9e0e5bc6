/**
 * What a failure means: whether another attempt may help, and whether it speaks against the endpoint.
 *
 * Client faults (bad-request, context-exceeded, content-filtered) are answered as they came: no endpoint would do better and none is to blame. A rate limit is
 * tried elsewhere and cools its endpoint for the time the provider names, apart from the breaker; an endpoint that is draining cools likewise. Our own credentials or model name being refused
 * (unauthorised, not-found) is the endpoint's configuration being wrong: tried elsewhere, and counted. Everything else is the endpoint's fault.
 */
import type { RetrySpec } from "./compiled-config.ts";
import type { BreakerVerdict } from "./health/breaker.ts";
import type { Duration } from "./machine.ts";
import type { FailureKind } from "./messages.ts";
import { keyedUnit, purposeOf } from "./random.ts";
import { micros } from "./time.ts";

interface FailureMeaning {
  readonly retry: boolean;
  readonly verdict: BreakerVerdict;
}

const clientFault: FailureMeaning = { retry: false, verdict: "says-nothing" };
const endpointFault: FailureMeaning = { retry: true, verdict: "failure" };

const meanings: Readonly<Record<FailureKind, FailureMeaning>> = {
  "bad-request": clientFault,
  "context-exceeded": clientFault,
  "content-filtered": clientFault,
  "rate-limited": { retry: true, verdict: "says-nothing" },
  overloaded: endpointFault,
  draining: { retry: true, verdict: "says-nothing" },
  "server-error": endpointFault,
  "connect-failed": endpointFault,
  cut: endpointFault,
  "timed-out-first-token": endpointFault,
  "timed-out-idle": endpointFault,
  "timed-out-total": endpointFault,
  unauthorised: endpointFault,
  "not-found": endpointFault,
};

export function meaningOf(failure: FailureKind): FailureMeaning {
  return meanings[failure];
}

/** A rate limit (or a draining server) without a Retry-After cools so long. */
export const coolDefault = micros(1_000_000);

const backoffPurpose = purposeOf("retry-backoff");

/** Exponential with full jitter: uniform below min(max, base x 2^retries). `retries` counts those already made. */
export function backoff(spec: RetrySpec, seed: number, serial: number, retries: number): Duration {
  let ceiling: number = spec.backoffBase;
  for (let doubled = 0; doubled < retries && ceiling < spec.backoffMax; doubled += 1) ceiling *= 2;
  return micros(Math.floor(Math.min(ceiling, spec.backoffMax) * keyedUnit(seed, backoffPurpose, serial, retries)));
}
