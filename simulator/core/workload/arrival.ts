import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { RequestFeatures } from "./request-features.ts";

/** One row of a trace, in the run's time. */
export interface Arrival {
  /** Since the run's start. */
  readonly at: Instant;
  /** Tokens. */
  readonly inputTokens: number;
  /** Tokens; the oracle's knowledge: only endpoint models may read it. */
  readonly outputTokens: number;
  /** Chained ids of the prompt's full blocks; null: nothing shared. */
  readonly blocks: Int32Array | null;
  /** Name of the route; null: the scenario's only or default one. */
  readonly route: string | null;
  /** Absent: the source does not know it. */
  readonly session?: string | null;
  readonly tenant?: string | null;
  /** Absent: 0. */
  readonly priority?: number;
  /** The answer is of use so long after the arrival; absent: however late. */
  readonly patience?: Duration;
  /** It may be delayed and is asked for at a batch's price: `service_tier: flex`. Absent: not. */
  readonly batch?: boolean;
  /** Those that the source knows; the others are drawn from the scenario's mix. */
  readonly features?: Partial<RequestFeatures> | null;
}
