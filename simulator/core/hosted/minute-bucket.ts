import type { Duration, Instant } from "../../../router/core/machine.ts";
import { seconds, startOfTime } from "../../../router/core/time.ts";

/**
 * A quota per minute as a bucket that holds one minute's worth and fills evenly: gain = (elapsed x limit + remainder) / 60 s, the remainder kept, so that
 * not a token is lost or invented over any number of looks. Whole numbers throughout.
 */
export interface MinuteBucket {
  readonly perMinute: number;
  level: number;
  /** In units of 1 / 60,000,000. */
  remainder: number;
  filledAt: Instant;
}

const minute = seconds(60);
const perMinuteMax = 1e12;

/** Full at the start. */
export function makeMinuteBucket(perMinute: number): MinuteBucket {
  if (!(Number.isInteger(perMinute) && perMinute > 0 && perMinute <= perMinuteMax)) {
    throw new Error(`a quota is a whole number from 1 to ${perMinuteMax} a minute, not ${perMinute}`);
  }
  return { perMinute, level: perMinute, remainder: 0, filledAt: startOfTime };
}

export function fillBucket(bucket: MinuteBucket, now: Instant): void {
  const elapsed = Math.min(now - bucket.filledAt, minute);
  bucket.filledAt = now;
  bucket.level += wholeGain(bucket, elapsed);
  bucket.remainder = partialGain(bucket, elapsed) % minute;
  if (bucket.level >= bucket.perMinute) {
    bucket.level = bucket.perMinute;
    bucket.remainder = 0;
  }
}

/** From the last filling until the bucket holds `amount`, if nobody takes from it meanwhile; 0 when it does now; null when it never will. */
export function waitFor(bucket: MinuteBucket, amount: number): Duration | null {
  if (amount > bucket.perMinute) return null;
  const missing = amount - bucket.level;
  if (missing <= 0) return 0 as Duration;
  // The division rounds; the gain, which is exact, has the last word.
  let wait = Math.ceil((missing * minute - bucket.remainder) / bucket.perMinute);
  while (wholeGain(bucket, wait) < missing) wait += 1;
  while (wait > 0 && wholeGain(bucket, wait - 1) >= missing) wait -= 1;
  return wait as Duration;
}

/** What a look would find, without one. */
export function levelAt(bucket: MinuteBucket, now: Instant): number {
  return Math.min(bucket.perMinute, bucket.level + wholeGain(bucket, Math.min(now - bucket.filledAt, minute)));
}

/** From `now` until it is full, if nobody takes from it. */
export function waitForFull(bucket: MinuteBucket, now: Instant): Duration {
  const wait = waitFor(bucket, bucket.perMinute) ?? 0;
  return Math.max(0, wait - (now - bucket.filledAt)) as Duration;
}

/** floor((elapsed x limit + remainder) / minute), with the limit taken apart so that nothing passes 2^53. */
function wholeGain(bucket: MinuteBucket, elapsed: number): number {
  return elapsed * Math.floor(bucket.perMinute / minute) + Math.floor(partialGain(bucket, elapsed) / minute);
}

function partialGain(bucket: MinuteBucket, elapsed: number): number {
  return elapsed * (bucket.perMinute % minute) + bucket.remainder;
}
