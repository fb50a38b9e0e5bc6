import type { Duration } from "../../../router/core/machine.ts";
import type { LatencySpec } from "../latency-spec.ts";

/** A hosted API: it is a distribution and a quota, its insides are unknown. Shares are of new calls, 0..1; absent: none. */
export interface HostedSpec {
  readonly kind: "hosted";
  /** Request to first token. */
  readonly firstToken: LatencySpec;
  /** Between two tokens, one draw per request. */
  readonly perToken: LatencySpec;
  /** Null: no quota. */
  readonly quota: HostedQuotaSpec | null;
  /** Longer prompts are refused. Absent: none is. */
  readonly contextTokens?: number;
  readonly timeOfDay?: TimeOfDaySpec;
  /** Answered with 500, and with 503 or 529. */
  readonly errorRate?: number;
  readonly overloadRate?: number;
  /** Refused by the content filter. */
  readonly filteredRate?: number;
  /** Streams that break off. */
  readonly cutRate?: number;
  /** Streams whose tokens take so many times as long. */
  readonly slowStreams?: { readonly rate: number; readonly factor: number };
  /** The tier for requests that may be delayed; absent: there is none, and they are served as any other. */
  readonly batch?: BatchTierSpec;
  /** Where the figures come from: a profile's name; absent: the scenario. */
  readonly profile?: string;
}

/** Above it calls are refused with `rate-limited` and a Retry-After that is true. */
export interface HostedQuotaSpec {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  /** Calls in flight; a refusal names no Retry-After, since nobody knows when one ends. */
  readonly concurrency?: number;
}

/** As OpenAI's flex: both latencies take so many times as long, and a share of the calls (0..1) is refused with 429 for want of resources, without a Retry-After. */
export interface BatchTierSpec {
  readonly firstTokenFactor: number;
  readonly perTokenFactor: number;
  readonly refusedRate: number;
}

/** How many times as long everything takes at each full hour, 24 of them, with even passages between; `startsAt`: the time of day at the run's start. */
export interface TimeOfDaySpec {
  readonly factors: readonly number[];
  readonly startsAt: Duration;
}
