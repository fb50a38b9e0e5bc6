import type { Rates } from "./accounting/rates.ts";
import type { FailureRateSpec } from "./health/failure-rate.ts";
import type { ProbeSpec } from "./health/health-probe.ts";
import type { AttemptLimits, DeploymentId, EndpointId, FailureKind, LeaseKey, RouteId, TenantId } from "./messages.ts";
import type { Branded, Duration } from "./machine.ts";

export type ConfigVersion = Branded<"config">;

/**
 * Plain data: what router/config makes of the YAML, and what the simulator and the what-if page load. Ids are places in the arrays.
 * Names and identities are carried for explanations, metrics and drivers; the core never compares them.
 */
export interface CompiledConfig {
  readonly version: ConfigVersion;
  readonly routes: readonly RouteSpec[];
  readonly deployments: readonly DeploymentSpec[];
  readonly endpoints: readonly EndpointSpec[];
  /** Of all routes together, beside each route's own. */
  readonly retryBudget: RetryBudgetSpec;
  /** Never empty: tenant 0 is whoever calls where no tenants are configured. */
  readonly tenants: readonly TenantSpec[];
  /** By LeaseKey. */
  readonly limits: readonly LimitSpec[];
  /** Whether a deployment without a price may be called by whom a money budget binds. */
  readonly unknownPrice: "count" | "refuse";
  /** What the ids in requests and deployments stand for. */
  readonly tagNames: readonly string[];
  readonly regionNames: readonly string[];
}

/** An entry that only other versions of the configuration use: its id is taken, nothing of it is (rollout/align-config.ts). */
interface Entry {
  readonly gone?: true;
}

export interface TenantSpec extends Entry {
  readonly id: TenantId;
  readonly name: string;
  readonly priority: number;
  /** Whole, at least 1: of two tenants that both wait, one of weight 2 gets twice the tokens. */
  readonly weight: number;
}

/** A limit or a budget: so many units, for whom, in what window. */
export interface LimitSpec extends Entry {
  readonly id: LeaseKey;
  /** What it is known by in stores, metrics and messages. */
  readonly name: string;
  /** Requests count once per request where they bind a caller or a route, once per attempt where they bind deployments. */
  readonly unit: "requests" | "tokens" | "nano-dollars" | "attempts-in-flight";
  readonly amount: number;
  readonly scope: LimitScope;
  /**
   * `rate`: a bucket of `amount` that fills evenly within `per`. `period`: `amount` from one period-started to the next; its `length` is what a simulation takes for it.
   * `held`: at any one time, per replica.
   */
  readonly window: { readonly kind: "rate"; readonly per: Duration } | { readonly kind: "period"; readonly length: Duration } | { readonly kind: "held" };
  /** Thousandths of a budget at which it is noticed, and what is allowed from then on. */
  readonly alertPerMille: number;
  readonly atAlert: "notify" | "cheapest" | "self-hosted";
  /** `self-hosted`: self-hosted deployments neither count against it nor are stopped by it. */
  readonly atLimit: "reject" | "self-hosted";
}
export type LimitScope =
  | { readonly kind: "total" }
  | { readonly kind: "tenant"; readonly tenant: TenantId }
  | { readonly kind: "route"; readonly route: RouteId }
  /** Of a provider, of a tier, or one. */
  | { readonly kind: "deployments"; readonly deployments: readonly DeploymentId[] };

/** The model name that callers use, with its deployments and policies. */
export interface RouteSpec extends Entry {
  readonly id: RouteId;
  readonly name: string;
  /** Other names that callers may use: route-names.ts. */
  readonly aliases?: readonly string[];
  readonly strategy: StrategyName;
  readonly deployments: readonly DeploymentId[];
  readonly limits: AttemptLimits;
  readonly retry: RetrySpec;
  readonly queue: QueueSpec;
  /** Null: no stream is ever tried twice at once. */
  readonly hedge: HedgeSpec | null;
  readonly fallbacks: FallbackSpec;
  /** Share of its endpoints that breakers leave eligible whatever happens. */
  readonly floorPercent: number;
  /** Made for a fallback that names a deployment: no caller can ask for it. */
  readonly internal: boolean;
  readonly affinity: AffinitySpec;
  /** Assumed when the caller gives no cap. Tokens. */
  readonly outputTokensDefault: number;
  /** What a request that may not be delayed costs at most, all attempts together, nano-dollars; a caller may ask for less. Absent: whatever it costs. */
  readonly costMaxNano?: number;
}
/** Other routes by cause, in order. */
export type FallbackSpec = Readonly<Record<FallbackCause, readonly RouteId[]>> & { readonly hopsMax: number };
export const noFallbacks: FallbackSpec = { general: [], contextWindow: [], contentPolicy: [], budget: [], hopsMax: 0 };
export type FallbackCause = "general" | "contextWindow" | "contentPolicy" | "budget";

export const strategyNames = [
  "weighted",
  "least-busy",
  "round-robin",
  "power-of-two",
  "usage-based",
  "latency-based",
  "cost-based",
  "prefix-affinity",
  "adaptive",
] as const;
export type StrategyName = (typeof strategyNames)[number];

/** A callable model: price, context window, weight. */
export interface DeploymentSpec extends Entry {
  readonly id: DeploymentId;
  readonly name: string;
  readonly provider: string;
  /** Upstream model name. */
  readonly model: string;
  /** Whole number, at least 0; 0 takes traffic only when nothing else is left. */
  readonly weight: number;
  /** Tokens, prompt and output together. */
  readonly contextTokens: number;
  /** Attempts in flight per endpoint; Infinity when unlimited. */
  readonly concurrencyMax: number;
  /** Null: `concurrencyMax` is the limit; otherwise the limit is found out below it. */
  readonly adaptiveLimit: AdaptiveLimitSpec | null;
  /** Null: unknown. Never zero by omission. */
  readonly rates: Rates | null;
  readonly breaker: BreakerSpec;
  /** Null: its endpoints are not asked how they are. */
  readonly probe: ProbeSpec | null;
  /** Places in `tagNames`. */
  readonly tags: readonly number[];
  /** Whether requests without tags may come: it has no tags, or `default` among them. */
  readonly takesUntagged: boolean;
  /** Whether requests may come whose tags no deployment of the route has: it has the tag `default`. */
  readonly takesUnmatched: boolean;
  /** A place in `regionNames`; -1: not known, so it never fulfils a residency. */
  readonly region: number;
  /** 0 to 1, on its owner's scale; absent: not known, so it never fulfils a request's floor. */
  readonly quality?: number;
  /** What the provider grants each endpoint a minute: what usage-based routing measures headroom by. Infinity: not known. */
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  /** 0, 1, 2 for A, B, C: within a route a tier has traffic only while no endpoint of the tiers before is eligible. */
  readonly tier: number;
  readonly endpoints: readonly EndpointId[];
}

export interface EndpointSpec extends Entry {
  readonly id: EndpointId;
  readonly deployment: DeploymentId;
  /** `<origin> <upstream model> <key name>`: what state is kept by over configuration changes. */
  readonly identity: string;
  readonly origin: string;
  readonly zone: string;
}

export interface BreakerSpec {
  readonly enabled: boolean;
  /** Consecutive failures that open it. */
  readonly failures: number;
  readonly open: Duration;
  /** Successes of probes that close it while it is half-open; and so many of them are let through at once, one after the other where it is 1. */
  readonly probes: number;
  readonly probesAtOnce: number;
  /** They are the whole fleet's, leased, not each replica's own. */
  readonly shared: boolean;
  /** Each opening without `stable` closed time before it lasts so many hundredths of the one before (100: all alike, 200: it doubles), up to `openMax`. */
  readonly growthPercent: number;
  readonly openMax: Duration;
  readonly stable: Duration;
  /** Null: only failures in a row open it. */
  readonly rate: FailureRateSpec | null;
}

export interface RetrySpec extends RetryBudgetSpec {
  /** Attempts per request, the first included. */
  readonly attemptsMax: number;
  /** Fewer after some kinds of failure, the first included; 1: not tried again. */
  readonly attemptsByFailure: Readonly<Partial<Record<FailureKind, number | undefined>>>;
  readonly backoffBase: Duration;
  readonly backoffMax: Duration;
  /** A longer Retry-After is not waited for. */
  readonly retryAfterMax: Duration;
}

export interface RetryBudgetSpec {
  /** Retries earned per arrived request, in thousandths (100 = 10 %). */
  readonly budgetPerMille: number;
  /** Retries a second that are allowed whatever the traffic. */
  readonly budgetFloorPerSecond: number;
}

/** Of strategy `prefix-affinity`. */
export interface AffinitySpec {
  /** An endpoint has at most so many hundredths of the mean load (or a few requests more) before its prefixes go elsewhere. */
  readonly loadBoundPercent: number;
  /** Prefixes whose home is remembered. */
  readonly homesMax: number;
}

export interface QueueSpec {
  readonly lengthMax: number;
  /** A request waits at most so long for a place. */
  readonly wait: Duration;
  /** `fair`: between tenants by tokens; `fcfs`: all in one line. */
  readonly order: "fair" | "fcfs";
  /** A point of priority is worth so much waiting. */
  readonly ageing: Duration;
  /** What a token counts in a tenant's share. */
  readonly inputWeight: number;
  readonly outputWeight: number;
  /** Weighted tokens, per unit of its weight, by which a tenant that has had less than the others may go before them when it begins to wait. */
  readonly burst: number;
  /** Turn away at once who would wait too long, by the measured drain rate, instead of when it has waited. */
  readonly rejectEarly: boolean;
}

export interface HedgeSpec {
  /** Of the route's first-token times, above 0 and at most 1: a stream that takes longer is doubled. */
  readonly quantile: number;
  /** Nothing is doubled sooner. */
  readonly delayMin: Duration;
  /** Hedges earned per arrived request, in thousandths (50 = 5 %). */
  readonly budgetPerMille: number;
}

export interface AdaptiveLimitSpec {
  /** Attempts per endpoint that are known not to queue inside it. */
  readonly min: number;
  /** First tokens may take so many times as long as without a queue. */
  readonly tolerance: number;
  readonly measureEvery: Duration;
}
