import type { Instant } from "../../router/core/machine.ts";
import type { BreakerPhase, EndpointId } from "../../router/core/messages.ts";
import type { EndpointSignals } from "./endpoint.ts";
import type { RequestRecord } from "./measure/request-record.ts";

/** Whoever wants to know what happens in the simulated world. */
export interface WorldObserver {
  requestEnded(record: RequestRecord): void;
  breakerChanged(endpoint: EndpointId, from: BreakerPhase, to: BreakerPhase, at: Instant, replica: number): void;
  /** Every `sampleEvery`, as long as anything is open or to come; by EndpointId. */
  sampled?(now: Instant, signals: readonly EndpointSignals[]): void;
  /** `failed`: in a way that speaks against the endpoint. What was given up for other reasons is not told. */
  attemptEnded?(endpoint: EndpointId, startedAt: Instant, at: Instant, failed: boolean): void;
  /** One of a replica's active probes has been answered. */
  probeEnded?(endpoint: EndpointId, healthy: boolean): void;
  /** A replica's probes have taken the endpoint out, or brought it back. */
  healthChanged?(endpoint: EndpointId, healthy: boolean): void;
}
