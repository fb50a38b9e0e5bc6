import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { EndpointId } from "../../../router/core/messages.ts";

/** What can be wrong with an endpoint, or with the way to it. Rates are shares of new calls, 0..1. */
export type EndpointFault =
  /** Refuses connections; what was running is cut. */
  | { readonly kind: "down" }
  /** Answers 500. */
  | { readonly kind: "error"; readonly rate: number }
  /** Answers 503 (or 529). */
  | { readonly kind: "overload"; readonly rate: number }
  /** A brown-out: work takes so many times as long. */
  | { readonly kind: "slow"; readonly factor: number }
  /** The stream breaks part-way. */
  | { readonly kind: "cut"; readonly rate: number }
  /** Takes calls and says nothing more until it ends. */
  | { readonly kind: "stall" }
  /** The network: every message takes so much longer, each way. */
  | { readonly kind: "latency"; readonly delay: Duration }
  /** The network: messages are lost and sent again. */
  | { readonly kind: "loss"; readonly rate: number }
  /** The network: nothing passes. */
  | { readonly kind: "partition" };

/** Whom a plan strikes, all at once: endpoints, the store of limits (for all replicas of the router, or for one), a replica of the router. */
export type FaultTarget =
  | { readonly kind: "endpoints"; readonly endpoints: readonly EndpointId[]; readonly fault: EndpointFault }
  | { readonly kind: "store"; readonly replica: number | null }
  | { readonly kind: "replica"; readonly replica: number };

/** `for` Infinity: to the end. Random: the times between two beginnings and the durations are exponential, so two may overlap. */
export type FaultTiming =
  | { readonly kind: "once"; readonly at: Instant; readonly for: Duration }
  | { readonly kind: "every"; readonly at: Instant; readonly for: Duration; readonly every: Duration }
  | { readonly kind: "random"; readonly perHour: number; readonly meanDuration: Duration };

/** A fault that comes again, or strikes something else than endpoints; the run's seed and length make instants of it. */
export interface FaultPlan {
  /** What its random draws are keyed by; equal names strike at equal times. */
  readonly name: string;
  readonly target: FaultTarget;
  readonly timing: FaultTiming;
}

/** A replica of the router dies at `at`, with all that it knows, and is there again, new, at `until`. */
export interface ReplicaFaultSpec {
  readonly replica: number;
  readonly at: Instant;
  readonly until: Instant;
}
