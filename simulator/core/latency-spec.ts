import type { Duration } from "../../router/core/machine.ts";

/** Log-normal by two quantiles; p95 >= p50 > 0. */
export interface LatencySpec {
  readonly p50: Duration;
  readonly p95: Duration;
}
