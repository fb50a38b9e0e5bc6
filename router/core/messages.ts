import type { PriceTier, Rates } from "./accounting/rates.ts";
import type { CompiledConfig, ConfigVersion, EndpointSpec, FallbackCause, StrategyName } from "./compiled-config.ts";
import type { Branded, Duration, Instant } from "./machine.ts";

export type RequestId = Branded<"request">;
export type AttemptId = Branded<"attempt">;
/** State (breaker, in flight) is keyed by the endpoint's identity (origin, upstream model, key name), never by its place in the configuration. */
export type EndpointId = Branded<"endpoint">;
export type DeploymentId = Branded<"deployment">;
export type TenantId = Branded<"tenant">;
export type RouteId = Branded<"route">;
/** A limit or budget: its place in the configuration's list. */
export type LeaseKey = Branded<"lease">;

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
  /** In the prompt; absent: none, or nobody charges by them. */
  readonly pictures?: number;
  /** It may be delayed, and costs what batches cost. */
  readonly batch?: boolean;
  /** It asks for the provider's tier that goes before others. */
  readonly priorityTier?: boolean;
  /** Deployments whose provider does not come to know of the tier that is asked for: they answer as ever, at the usual price. Absent: none. */
  readonly atOnce?: readonly DeploymentId[];
  /** What the caller will pay at most, all attempts together, nano-dollars; absent: whatever it costs. */
  readonly costMaxNano?: number;
  /** The least quality that will do, 0 to 1, never relaxed; absent: any. */
  readonly qualityMin?: number;
  /** The caller's choice; absent: the route's. */
  readonly strategy?: StrategyName;
  /** The caller's cap, or the route's default where none was given. */
  readonly outputTokensMax: number;
  /** Only a streamed answer has a first token; a plain one has only its end. */
  readonly stream: boolean;
  readonly priority: number;
  /** Infinity when the caller set none. */
  readonly deadline: Instant;
  /** Chained ids of the prompt's blocks, for prefix affinity; null where they are not known. */
  readonly blocks: Int32Array | null;
  /** Places in the configuration's `tagNames`, `unknownName` for any other; empty: none. */
  readonly tags: readonly number[];
  readonly tagMatch: "any" | "all";
  /** Preferred: a place in `regionNames`, -1 for none. */
  readonly region: number;
  /** The only region it may be answered in, never relaxed: a place in `regionNames`, `unknownName` for any other, -1: anywhere. */
  readonly residency: number;
  /** Deployments that cannot serve it: they do not speak its dialect, or what it refers to is kept by another. Never relaxed; empty: none. */
  readonly barred: readonly DeploymentId[];
  /** The only endpoint that can serve it: what it refers to is kept there, under that key. Never relaxed; absent: any. */
  readonly only?: EndpointId;
}

/** A name that the configuration does not have: nothing matches it. */
export const unknownName = -2;
/** What a request is that says nothing of where it may go. */
export const unlabelled = { blocks: null, tags: [], tagMatch: "any", region: -1, residency: -1, barred: [] } as const;

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
  /** Of the prompt's tokens those that stand for pictures, where the provider says so. */
  readonly pictureTokens?: number;
  /** How it was served, where the provider says so; absent: as it was asked for. */
  readonly tier?: PriceTier;
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
  /** Answer to the `ask-lease` of this nonce. 0 units: denied until `until`. `settled`: what the store knows to be spent of it, all replicas together. */
  | {
      readonly kind: "lease-answered";
      readonly lease: LeaseKey;
      readonly nonce: number;
      readonly units: number;
      readonly until: Instant;
      readonly settled: number;
    }
  /** To the `ask-probes` of this nonce: they are this replica's, or somebody else's, until then. */
  | { readonly kind: "probes-answered"; readonly endpoint: EndpointId; readonly nonce: number; readonly granted: boolean; readonly until: Instant }
  /** To the `start-probe` of this nonce, exactly one. `healthy` null: it says nothing (a stall of our own). */
  | { readonly kind: "probe-ended"; readonly endpoint: EndpointId; readonly nonce: number; readonly healthy: boolean | null }
  | { readonly kind: "store-lost" }
  | { readonly kind: "store-back" }
  /** Calendar, time zone and summer time are the driver's business. */
  | { readonly kind: "period-started"; readonly budget: LeaseKey; readonly endsAt: Instant }
  /** Volumes that prices depend on are counted anew. */
  | { readonly kind: "billing-month-started" }
  /** This core was restored from an older snapshot: what it held may have been spent since. `nonce`: beyond any that was ever used. */
  | { readonly kind: "leases-forfeited"; readonly nonce: number }
  /** What an endpoint said of itself, `sampledAt` at the latest now. */
  | { readonly kind: "signal-observed"; readonly endpoint: EndpointId; readonly signals: EndpointLoad; readonly sampledAt: Instant }
  | PeerReport
  /** A price has come into force, by the driver's calendar; what is under way is paid for at the old one. */
  | { readonly kind: "price-changed"; readonly deployment: DeploymentId; readonly rates: Rates | null }
  /**
   * Endpoints that come to a deployment, and such that take no new attempts from now on. An id is a slot: the driver may give it to another endpoint after its
   * `forget-endpoint`. One that joins again under its id before that has never left.
   */
  | { readonly kind: "fleet-changed"; readonly joined: readonly EndpointSpec[]; readonly left: readonly EndpointId[] }
  /**
   * A version of the configuration, in the ids of those that are live (rollout/align-config.ts), gets new requests: all (share 1), a part (a canary), or none any more (0,
   * for one that is live). What it shares with the others is in rollout/versions.ts. At most `liveVersionsMax` are live at once, which is the driver's to see to.
   */
  | {
      readonly kind: "config-activated";
      readonly config: CompiledConfig;
      /** 0..1. */
      readonly share: number;
      /** What a request is drawn by for a canary: itself, or its tenant. */
      readonly by: "request" | "tenant";
    }
  | { readonly kind: "drain-started" };

/** Another replica's own finding: its breaker opened, or its probes closed it. Only findings are told on, never what a peer has said. */
export interface PeerReport {
  readonly kind: "peer-reported";
  readonly endpoint: EndpointId;
  readonly breaker: "open" | "closed";
  readonly why: BreakerReason;
  readonly since: Instant;
}

export interface EndpointLoad {
  /** Requests, of all replicas and other callers. */
  readonly running: number;
  readonly waiting: number;
  /** 0..1. */
  readonly kvUsed: number;
}

export type RouterCommand =
  | {
      readonly kind: "start-attempt";
      readonly attempt: AttemptId;
      readonly request: RequestId;
      readonly endpoint: EndpointId;
      readonly limits: AttemptLimits;
      /** What limits and budgets have set aside for it; 0 where there are none. */
      readonly reservedTokens: number;
      readonly reservedNano: number;
      /** Of the configuration that its request arrived under. */
      readonly version: ConfigVersion;
    }
  /** Forward its bytes; no retry after this. The driver holds a stream's bytes until it is told so. */
  | { readonly kind: "commit-attempt"; readonly attempt: AttemptId }
  | { readonly kind: "abort-attempt"; readonly attempt: AttemptId; readonly why: AbortReason }
  | {
      readonly kind: "finish-request";
      readonly request: RequestId;
      readonly result: FinishResult;
      readonly account: Account;
      /** Of the configuration that it arrived under. */
      readonly version: ConfigVersion;
    }
  /** So many units at least; the store may grant more. The same nonce again: the answer was not heard. */
  | { readonly kind: "ask-lease"; readonly lease: LeaseKey; readonly nonce: number; readonly units: number }
  /** `used` may exceed what was leased (an estimate was short) or be negative (it was long, after the lease it was taken from had gone back). To be delivered for certain. */
  | { readonly kind: "return-lease"; readonly lease: LeaseKey; readonly nonce: number; readonly used: number }
  /** For metrics and people: so much of a budget is spent, as far as this replica knows. */
  /** For metrics and people: its route has failed it, and it goes on at another. */
  | { readonly kind: "request-rerouted"; readonly request: RequestId; readonly from: RouteId; readonly to: RouteId; readonly cause: FallbackCause }
  /** The probes of a half-open breaker, of the whole fleet: for `open` at most. A question may be lost; what is given back is to be delivered for certain. */
  | { readonly kind: "ask-probes"; readonly endpoint: EndpointId; readonly nonce: number; readonly open: Duration }
  | { readonly kind: "return-probes"; readonly endpoint: EndpointId; readonly nonce: number }
  | { readonly kind: "budget-noticed"; readonly budget: LeaseKey; readonly level: "alert" | "spent"; readonly spent: number }
  /** Ask the endpoint how it is: GET `path`, answered with 2xx or 3xx within `timeout`. */
  | { readonly kind: "start-probe"; readonly endpoint: EndpointId; readonly nonce: number; readonly path: string; readonly timeout: Duration }
  /** For metrics and people: its probes take it out, or bring it back. */
  | { readonly kind: "health-changed"; readonly endpoint: EndpointId; readonly healthy: boolean }
  /** It has left, and its last attempt has ended. */
  | { readonly kind: "forget-endpoint"; readonly endpoint: EndpointId }
  /** It gets no new requests, and its last one has ended. */
  | { readonly kind: "retire-config"; readonly version: ConfigVersion }
  | { readonly kind: "record-decision"; readonly request: RequestId; readonly explanation: Explanation }
  /** The factor on a deployment's weight, in thousandths. For metrics and people; nothing is carried out. */
  /** Of every endpoint of the deployment: attempts that it may have in flight. */
  | { readonly kind: "limit-changed"; readonly deployment: DeploymentId; readonly limit: number }
  | {
      readonly kind: "weight-changed";
      readonly route: RouteId;
      readonly deployment: DeploymentId;
      readonly from: number;
      readonly to: number;
      readonly why: WeightReason;
    }
  /** For metrics and people; nothing is carried out. */
  | { readonly kind: "breaker-changed"; readonly endpoint: EndpointId; readonly from: BreakerPhase; readonly to: BreakerPhase; readonly why: BreakerReason };

/** `timeout`: a limit of the route; `deadline`: the caller's own, which is not held against the endpoint; `hedge-lost`: another attempt of the request was first. */
export type AbortReason = "timeout" | "deadline" | "client-left" | "hedge-lost";
export type BreakerReason =
  | "new"
  | "failures-in-a-row"
  | "failure-rate"
  | "probe-failed"
  | "open-time-passed"
  | "probes-succeeded"
  | "peer-reported"
  /** Its probes have brought the endpoint back. */
  | "health-returned"
  | "rule-changed";
export type WeightReason = "failing" | "slower" | "faster" | "too-few-to-tell";
/** What a replica has found out itself, to be told to the others. */
export const isOwnFinding = (why: BreakerReason): boolean =>
  why === "failures-in-a-row" || why === "failure-rate" || why === "probe-failed" || why === "probes-succeeded";
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
/** `too-long`: no endpoint of the route has a context window for the prompt. `too-dear`: none is certain to cost no more than the caller will pay. `too-plain`: none is known to be as good as the caller asks for. `price-unknown`: none has a price, and a budget refuses what has none. `tags-unmet`, `residency-unmet`: none will ever take a request with these tags, or answer where it must be. `deadline-unreachable`: its place would come too late, so it is told at once. */
export type RejectReason =
  | "no-candidate"
  | "too-long"
  | "too-dear"
  | "too-plain"
  | "price-unknown"
  | "tags-unmet"
  | "residency-unmet"
  | "queue-full"
  | "deadline-unreachable"
  | "deadline-passed"
  | "draining"
  | "rate-limited"
  | "budget-spent"
  | "limits-unknown";

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
  /** What the strategy judged each candidate by, less is better; `measure` names it with its unit. */
  readonly scores: readonly number[];
  readonly measure: string;
  /** Candidates although their breakers are open or their probes bad: too few others are left. */
  readonly kept: readonly EndpointId[];
  readonly excluded: readonly { readonly endpoint: EndpointId; readonly why: ExclusionReason }[];
  readonly chosen: EndpointId | null;
  readonly strategy: string;
  /** The route that was asked for, and its fallbacks so far. */
  readonly path: readonly RouteId[];
}
export type ExclusionReason =
  | "breaker-open"
  | "half-open-full"
  | "cooling"
  | "at-capacity"
  /** Its probes are answered badly, or not at all. */
  | "unhealthy"
  | "context-too-small"
  /** It could cost more than the caller will pay. */
  | "too-dear"
  /** It is not known to be as good as the caller asks for. */
  | "too-plain"
  | "already-tried"
  /** Others have answered last time: a retry goes there. */
  | "failed-lately"
  /** A tier before it has an eligible endpoint. */
  | "later-tier"
  /** It lacks the request's tags, or takes only requests that have its own. */
  | "tags"
  | "residency"
  /** It does not speak the request's dialect, or what the request refers to is kept elsewhere. */
  | "barred"
  /** Another is in the region that the request prefers. */
  | "other-region"
  /** Another is nearer to this replica. */
  | "farther"
  | LimitRefusal;
/** `lease-asked`: not known yet; `limits-unknown`: the store of limits is lost and nothing is left of what was leased; `budget-mode`: a budget past its alert allows only cheaper or self-hosted ones. */
export type LimitRefusal = "rate-limited" | "budget-spent" | "limit-in-flight" | "lease-asked" | "limits-unknown" | "budget-mode" | "price-unknown";

/**
 * The order of events of one instant, the same in both drivers: outcomes, then arrivals, then steps (of the models), then deadlines.
 * Deadlines have no rank of their own: a driver wakes machines when the events of the instant are done.
 */
export const rankOf: Readonly<Record<RouterEvent["kind"], number>> = {
  "attempt-first-token": 0,
  "attempt-ended": 0,
  "lease-answered": 0,
  "probes-answered": 0,
  "probe-ended": 0,
  "client-left": 1,
  "store-lost": 1,
  "store-back": 1,
  "period-started": 1,
  "leases-forfeited": 1,
  "price-changed": 1,
  "billing-month-started": 1,
  "request-arrived": 1,
  "signal-observed": 1,
  "peer-reported": 1,
  "fleet-changed": 1,
  "config-activated": 1,
  "drain-started": 1,
};
