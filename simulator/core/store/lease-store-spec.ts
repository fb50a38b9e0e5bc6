import type { Duration, Instant } from "../../../router/core/machine.ts";
import { micros, millis } from "../../../router/core/time.ts";
import type { LatencySpec } from "../latency-spec.ts";

export interface LeaseStoreSpec {
  /** Of a message, one way. */
  readonly latency: LatencySpec;
  /** Of questions and answers, 0..1. */
  readonly loss: number;
  readonly faults: readonly StoreFaultSpec[];
}

/** Nothing passes from `at` until `until`; `replica` null: nobody's messages. */
export interface StoreFaultSpec {
  readonly at: Instant;
  readonly until: Instant;
  readonly replica: number | null;
}

export const localStore: LeaseStoreSpec = { latency: { p50: micros(500), p95: millis(2) }, loss: 0, faults: [] };

/** How long a replica's driver needs to notice that the store is gone. */
export const lossNoticedAfter: Duration = millis(100);
