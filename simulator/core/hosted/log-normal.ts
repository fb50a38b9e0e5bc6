import { exp, ln } from "../../../router/core/numeric.ts";
import type { Duration } from "../../../router/core/machine.ts";
import { keyedNormal } from "../../../router/core/random.ts";
import type { LatencySpec } from "../latency-spec.ts";

/** The 95 % quantile of the standard normal distribution. */
const normalP95 = 1.6448536269514722;

/** Log-normal in microseconds, by its median and 95 % quantile. */
export interface LogNormal {
  readonly mu: number;
  readonly sigma: number;
}

export function logNormalOf(spec: LatencySpec): LogNormal {
  if (!(spec.p50 > 0 && spec.p95 >= spec.p50)) throw new Error(`a latency needs 0 < p50 <= p95, not p50 ${spec.p50} us and p95 ${spec.p95} us`);
  const mu = ln(spec.p50);
  return { mu, sigma: (ln(spec.p95) - mu) / normalP95 };
}

/** At least 1 us. */
export function drawLatency(distribution: LogNormal, seed: number, purpose: number, key: number, draw: number): Duration {
  const value = exp(distribution.mu + distribution.sigma * keyedNormal(seed, purpose, key, draw));
  return Math.max(1, Math.floor(value + 0.5)) as Duration;
}
