/**
 * How many attempts an endpoint of a pool (deployment) may have in flight, found out by the pool's times to the first token (streams only), which grow when requests
 * queue inside the endpoints. Limits are whole attempts per endpoint, between `min` and the deployment's concurrency.
 *
 *   measuring  the limit is `min`; the mean of `roundMin` first-token times of attempts that started under it is the time without a queue (`calm`);
 *   running    after every round of max(roundMin, limit) of them: limit <- limit x min(1, max(1/2, tolerance x calm / mean)) + sqrt(limit)
 *              (the gradient rule of Netflix's concurrency-limits, with a mean instead of a least time, since prompts differ in length); it grows only while some
 *              endpoint has at least half of it in flight.
 *
 * It measures at the start, and again every `measureEvery`, after which it runs on with the limit it had: a pool that has become slower is found out without the limit
 * creeping up under a queue that has come to be taken for usual.
 */
import type { AdaptiveLimitSpec } from "../compiled-config.ts";
import type { Duration, Instant } from "../machine.ts";
import { after, startOfTime } from "../time.ts";

export interface AdaptiveLimit {
  measuring: boolean;
  limit: number;
  /** To be gone back to when it has measured. */
  limitBefore: number;
  /** Microseconds; 0: not measured yet. */
  calmUs: number;
  /** Of this round. */
  samples: number;
  sumUs: number;
  /** Only attempts that have started since then count. */
  since: Instant;
  measureAt: Instant;
}

const roundMin = 16;

export function newAdaptiveLimit(spec: AdaptiveLimitSpec): AdaptiveLimit {
  return { measuring: true, limit: spec.min, limitBefore: spec.min, calmUs: 0, samples: 0, sumUs: 0, since: startOfTime, measureAt: startOfTime };
}

/** A first token has come after `time`. @param busiest the most that any endpoint of the pool has in flight @returns whether the limit has changed */
export function limitHears(
  state: AdaptiveLimit,
  spec: AdaptiveLimitSpec,
  attempt: { readonly startedAt: Instant; readonly time: Duration },
  busiest: number,
  limitMax: number,
  now: Instant,
): boolean {
  if (attempt.startedAt < state.since) return false;
  const before = state.limit;
  state.samples += 1;
  state.sumUs += attempt.time;
  if (state.measuring) {
    if (state.samples < roundMin) return false;
    state.calmUs = Math.max(1, Math.floor(state.sumUs / state.samples));
    state.measuring = false;
    state.limit = state.limitBefore;
    state.measureAt = after(now, spec.measureEvery);
    newRound(state, now);
  } else if (now >= state.measureAt) {
    state.measuring = true;
    state.limitBefore = state.limit;
    state.limit = spec.min;
    newRound(state, now);
  } else if (state.samples >= Math.max(roundMin, state.limit)) {
    const gradient = Math.min(1, Math.max(0.5, (spec.tolerance * state.calmUs * state.samples) / state.sumUs));
    const next = Math.floor(state.limit * gradient + Math.sqrt(state.limit));
    if (next < state.limit || 2 * busiest >= state.limit) state.limit = Math.max(spec.min, Math.min(limitMax, next));
    newRound(state, now);
  }
  return state.limit !== before;
}

function newRound(state: AdaptiveLimit, now: Instant): void {
  state.samples = 0;
  state.sumUs = 0;
  state.since = now;
}
