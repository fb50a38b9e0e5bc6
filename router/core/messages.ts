import type { Branded, Duration, Instant } from "./machine.ts";

export type RequestId = Branded<"request">;
export type AttemptId = Branded<"attempt">;
/** State (breaker, in flight) is keyed by the endpoint's identity (origin, upstream model, key name), never by its place in the configuration. */
export type EndpointId = Branded<"endpoint">;
export type DeploymentId = Branded<"deployment">;
export type TenantId = Branded<"tenant">;
export type RouteId = Branded<"route">;

/** What policies may know of a request: never its text, never its true output length. */
export interface RouteRequest {
  /** A slot, used again after `finish-request`. */
  readonly id: RequestId;
  /** Arrival number, never used again: what random draws that belong to the request are keyed by, so that two policies see the same world. */
  readonly serial: number;
  readonly tenant: TenantId;
  readonly route: RouteId;
  /** Estimate. */
  readonly inputTokens: number;
  /** The caller's cap, or the route's default where none was given. */
  readonly outputTokensMax: number;
  /** Only a streamed answer has a first token; a plain one has only its end. */
  readonly stream: boolean;
  readonly priority: number;
  /** Infinity when the caller set none. */
  readonly deadline: Instant;
}

export type FailureKind =
  | "rate-limited"
  | "overloaded"
  /** It is shutting down in good order: to be tried elsewhere, and nobody's fault. */
  | "draining"
  | "server-error"
  | "connect-failed"
  | "cut"
  | "timed-out-first-token"
  | "timed-out-idle"
  | "timed-out-total"
  | "bad-request"
  | "context-exceeded"
  | "content-filtered"
  | "unauthorised"
  | "not-found";

/** Tokens. `input` counts all prompt tokens, the cached ones among them. */
export interface Usage {
  readonly input: number;
  readonly cachedRead: number;
  readonly cacheWrite: number;
  readonly output: number;
  readonly reasoning: number;
}

/** `aborted` and failed attempts may still cost: `billed` says so, and `usage` is the best known figure, flagged when estimated. */
export interface AttemptOutcome {
  readonly kind: "succeeded" | "failed" | "aborted";
  readonly failure: FailureKind | null;
  readonly retryAfter: Duration | null;
  readonly billed: "no" | "maybe" | "yes";
  readonly usage: Usage | null;
  readonly usageEstimated: boolean;
  /** Driver lag (event-loop stall) overlapping this attempt: such an outcome does not count against the breaker. */
  readonly lagged: boolean;
}

export type RouterEvent =
  | { readonly kind: "request-arrived"; readonly request: RouteRequest }
  /** Content, reasoning or tool delta; no other chunk enters the core. */
  | { readonly kind: "attempt-first-token"; readonly attempt: AttemptId }
  /** Exactly one per start-attempt, aborted ones included; only here are slot and money released. */
  | { readonly kind: "attempt-ended"; readonly attempt: AttemptId; readonly outcome: AttemptOutcome }
  /** Never counts against an endpoint; nor does a slow reader. */
  | { readonly kind: "client-left"; readonly request: RequestId }
  | { readonly kind: "drain-started" };

export type RouterCommand =
  | {
      readonly kind: "start-attempt";
      readonly attempt: AttemptId;
      readonly request: RequestId;
      readonly endpoint: EndpointId;
      readonly limits: AttemptLimits;
    }
  /** Forward its bytes; no retry after this. The driver holds a stream's bytes until it is told so. */
  | { readonly kind: "commit-attempt"; readonly attempt: AttemptId }
  | { readonly kind: "abort-attempt"; readonly attempt: AttemptId; readonly why: AbortReason }
  | { readonly kind: "finish-request"; readonly request: RequestId; readonly result: FinishResult; readonly account: Account }
  | { readonly kind: "record-decision"; readonly request: RequestId; readonly explanation: Explanation }
  /** For metrics and people; nothing is carried out. */
  | { readonly kind: "breaker-changed"; readonly endpoint: EndpointId; readonly from: BreakerPhase; readonly to: BreakerPhase; readonly why: BreakerReason };

/** `timeout`: a limit of the route; `deadline`: the caller's own, which is not held against the endpoint. */
export type AbortReason = "timeout" | "deadline" | "client-left";
export type BreakerReason = "new" | "failures-in-a-row" | "failure-rate" | "probe-failed" | "open-time-passed" | "probes-succeeded" | "peer-reported";
export type BreakerPhase = "closed" | "open" | "half-open";

/** The idle limit (between tokens) and the connect limit are watched by the driver; the idle limit stands still while the client, not the provider, holds the stream up. */
export interface AttemptLimits {
  readonly connect: Duration;
  readonly firstToken: Duration;
  readonly idle: Duration;
  readonly total: Duration;
}

export type FinishResult =
  | { readonly kind: "served" }
  /** A committed stream ended before its end: the caller has part of an answer and is told so. */
  | { readonly kind: "cut"; readonly failure: FailureKind }
  | { readonly kind: "client-left" }
  /** No attempt is left to make; `failure` is the last one's, whose answer the driver passes on. */
  | { readonly kind: "failed"; readonly failure: FailureKind; readonly retryAfter: Duration | null }
  | { readonly kind: "rejected"; readonly why: RejectReason; readonly retryAfter: Duration | null };
/** `too-long`: no endpoint of the route has a context window for the prompt. `deadline-unreachable`: its place would come too late, so it is told at once. */
export type RejectReason = "no-candidate" | "too-long" | "queue-full" | "deadline-unreachable" | "deadline-passed" | "draining";

/** What the caller's request cost, all attempts together. `priced` false: tokens were used at an endpoint without a price; they are not in `nanoDollars`. */
export interface Account {
  readonly nanoDollars: number;
  readonly usage: Usage;
  readonly estimated: boolean;
  readonly priced: boolean;
  readonly attempts: number;
}

/** Why the request went where it went. Only where the router was made with `explain`. */
export interface Explanation {
  readonly candidates: readonly EndpointId[];
  readonly excluded: readonly { readonly endpoint: EndpointId; readonly why: ExclusionReason }[];
  readonly chosen: EndpointId | null;
  readonly strategy: string;
}
export type ExclusionReason = "breaker-open" | "half-open-full" | "cooling" | "at-capacity" | "context-too-small" | "already-tried";

/**
 * The order of events of one instant, the same in both drivers: outcomes, then arrivals, then steps (of the models), then deadlines.
 * Deadlines have no rank of their own: a driver wakes machines when the events of the instant are done.
 */
export const rankOf: Readonly<Record<RouterEvent["kind"], number>> = {
  "attempt-first-token": 0,
  "attempt-ended": 0,
  "client-left": 1,
  "request-arrived": 1,
  "drain-started": 1,
};
