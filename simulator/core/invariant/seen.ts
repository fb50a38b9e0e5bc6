/** What a checker remembers of what is open. */
import type { Instant } from "../../../router/core/machine.ts";
import type { AttemptId, BreakerPhase, EndpointId, RequestId, RouteId } from "../../../router/core/messages.ts";

export interface SeenRequest {
  route: RouteId;
  /** All routes it has been at. */
  readonly path: RouteId[];
  readonly inputTokens: number;
  /** The only region it may be answered in; -1: anywhere. */
  readonly residency: number;
  /** The only endpoint that can serve it; -1: any. */
  readonly only: number;
  /** The least quality that will do; -1: any. */
  readonly qualityMin: number;
  /** Neither tags, residency, a floor nor what it refers to bind it. */
  readonly anywhere: boolean;
  readonly arrivedAt: Instant;
  lastAt: Instant;
  readonly underWay: AttemptId[];
  attempts: number;
}

export interface SeenAttempt {
  readonly request: RequestId;
  readonly endpoint: EndpointId;
  readonly startedAt: Instant;
  /** The phase of its endpoint's breaker that it probes in; null: it is no probe, or has succeeded. */
  probeOf: number | null;
  firstAt: Instant | null;
}

export interface SeenEndpoint {
  phase: BreakerPhase;
  /** Opened for its failure rate, and not closed since. */
  partial: boolean;
  /** What a peer has said last. */
  peerPartial: boolean;
  epoch: number;
  inFlight: number;
  probing: number;
  /** Rate-limited or draining until then, by what its outcomes have said. */
  coolUntil: number;
  /** By its probes. */
  healthy: boolean;
}

export function newSeenEndpoint(): SeenEndpoint {
  return { phase: "closed", partial: false, peerPartial: false, epoch: 0, inFlight: 0, probing: 0, coolUntil: 0, healthy: true };
}
