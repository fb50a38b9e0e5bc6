import { percentile } from "../core/measure/percentile.ts";

/**
 * Whether a replay measured the service rather than its own load generator. Invalid, neither pass nor fail, when requests left too late (p99 of
 * sent - scheduled above the larger of 10 ms and 5 % of the TTFT's median), when the achieved rate is more than 1 % off the requested one, when requests
 * were not sent at all, or when it was interrupted.
 */
export interface Validity {
  readonly valid: boolean;
  readonly reasons: readonly string[];
  /** sent - scheduled. */
  readonly lagMs: { readonly p50: number; readonly p99: number; readonly max: number; readonly limit: number };
  /** Requests per second between the first and the last; null for fewer than two. */
  readonly rate: { readonly requested: number; readonly achieved: number; readonly ratio: number } | null;
  /** How long the load generator's own event loop was away, beyond its sampling interval. */
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly unsent: number;
  /** By how much the mock's tokens left later than its models say; null where the target is no mock of ours. */
  readonly mockLateness: { readonly tokens: number; readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number } | null;
}

export interface ValidityInput {
  /** Microseconds, of the requests that were sent, in their order. */
  readonly lagsUs: Float64Array;
  readonly scheduledSpanUs: number;
  readonly sentSpanUs: number;
  readonly ttftP50Ms: number | null;
  readonly eventLoopDelayMs: Validity["eventLoopDelayMs"];
  readonly unsent: number;
  readonly interrupted: boolean;
  /** How many were still open when the time to wait for them had passed. */
  readonly givenUp: number;
}

const lagFloorMs = 10;
const lagShare = 0.05;
const rateTolerance = 0.01;

export function judgeValidity(input: ValidityInput): Validity {
  const sorted = input.lagsUs.toSorted();
  const at = (percent: number): number => (sorted.length === 0 ? 0 : Math.round(percentile(sorted, percent)) / 1000);
  const limit = Math.max(lagFloorMs, lagShare * (input.ttftP50Ms ?? 0));
  const lagMs = { p50: at(50), p99: at(99), max: at(100), limit };
  const rate = rateOf(input);
  const reasons: string[] = [];
  if (lagMs.p99 > limit) reasons.push(`requests left late: p99 of the lag is ${lagMs.p99.toFixed(1)} ms, at most ${limit.toFixed(1)} ms are allowed`);
  if (rate !== null && Math.abs(rate.ratio - 1) > rateTolerance) reasons.push(`the achieved rate is ${(100 * rate.ratio).toFixed(1)} % of the requested one`);
  if (input.unsent > 0) reasons.push(`${input.unsent} requests were not sent: too many were open at once`);
  if (input.givenUp > 0) reasons.push(`${input.givenUp} requests were still open at the end of the time to wait for them`);
  if (input.interrupted) reasons.push("it was interrupted");
  return { valid: reasons.length === 0, reasons, lagMs, rate, eventLoopDelayMs: input.eventLoopDelayMs, unsent: input.unsent, mockLateness: null };
}

function rateOf({ lagsUs, scheduledSpanUs, sentSpanUs }: ValidityInput): Validity["rate"] {
  if (lagsUs.length < 2 || scheduledSpanUs <= 0) return null;
  const gaps = lagsUs.length - 1;
  const requested = (gaps * 1_000_000) / scheduledSpanUs;
  const achieved = sentSpanUs > 0 ? (gaps * 1_000_000) / sentSpanUs : Infinity;
  return { requested: round(requested), achieved: round(achieved), ratio: round(achieved / requested) };
}

const round = (value: number): number => Math.round(value * 10_000) / 10_000;
