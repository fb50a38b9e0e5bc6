import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { HostedQuotaSpec } from "./hosted-spec.ts";
import { fillBucket, levelAt, makeMinuteBucket, waitFor, waitForFull } from "./minute-bucket.ts";
import type { MinuteBucket } from "./minute-bucket.ts";

/**
 * What a provider grants: requests and tokens a minute as evenly filling buckets, and calls in flight. A request and its prompt plus its cap on output, times the answers
 * that it asks for, count at admission, as OpenAI's and Azure's documents describe; nothing is given back for a shorter answer.
 */
export interface HostedQuota {
  readonly requests: MinuteBucket | null;
  readonly tokens: MinuteBucket | null;
  readonly concurrency: number;
  inFlight: number;
}

/** What rate-limit headers say. */
export interface QuotaState {
  readonly requests: BucketState | null;
  readonly tokens: BucketState | null;
}
export interface BucketState {
  readonly limit: number;
  readonly remaining: number;
  /** Until it is full again, if nobody takes from it. */
  readonly reset: Duration;
}

export function makeQuota(spec: HostedQuotaSpec | null): HostedQuota {
  const bucket = (perMinute: number | undefined) => (perMinute === undefined ? null : makeMinuteBucket(perMinute));
  return { requests: bucket(spec?.requestsPerMinute), tokens: bucket(spec?.tokensPerMinute), concurrency: spec?.concurrency ?? Infinity, inFlight: 0 };
}

/** Taken, or why not: `retryAfter` is the wait until it could be if nobody else came, null when that is not known or never. */
export type QuotaAnswer = { readonly kind: "taken" } | { readonly kind: "refused"; readonly retryAfter: Duration | null };

/** Nothing is taken where anything is missing. */
export function takeQuota(quota: HostedQuota, tokens: number, now: Instant): QuotaAnswer {
  if (quota.inFlight >= quota.concurrency) return { kind: "refused", retryAfter: null };
  const waits = [waitIn(quota.requests, 1, now), waitIn(quota.tokens, tokens, now)];
  let longest = 0;
  for (const wait of waits) {
    if (wait === null) return { kind: "refused", retryAfter: null };
    longest = Math.max(longest, wait);
  }
  if (longest > 0) return { kind: "refused", retryAfter: longest as Duration };
  if (quota.requests !== null) quota.requests.level -= 1;
  if (quota.tokens !== null) quota.tokens.level -= tokens;
  quota.inFlight += 1;
  return { kind: "taken" };
}

export function releaseQuota(quota: HostedQuota): void {
  quota.inFlight -= 1;
}

/** Null where no rate is limited. */
export function quotaState({ requests, tokens }: HostedQuota, now: Instant): QuotaState | null {
  if (requests === null && tokens === null) return null;
  return { requests: bucketState(requests, now), tokens: bucketState(tokens, now) };
}

function bucketState(bucket: MinuteBucket | null, now: Instant): BucketState | null {
  return bucket === null ? null : { limit: bucket.perMinute, remaining: levelAt(bucket, now), reset: waitForFull(bucket, now) };
}

function waitIn(bucket: MinuteBucket | null, amount: number, now: Instant): Duration | null {
  if (bucket === null) return 0 as Duration;
  fillBucket(bucket, now);
  return waitFor(bucket, amount);
}
