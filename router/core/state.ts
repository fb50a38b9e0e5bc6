import { type AdaptiveLimit, newAdaptiveLimit } from "./admission/adaptive-limit.ts";
import { type DrainRate, unknownDrainRate } from "./admission/drain-rate.ts";
import { emptyQueue, type QueuePlace, type WaitQueue } from "./admission/wait-queue.ts";
import { emptyTotal, nothingSpent, type Spent, type Total } from "./accounting/ledger.ts";
import { present } from "./assert.ts";
import type { CompiledConfig, ConfigVersion, DeploymentSpec, EndpointSpec, RouteSpec } from "./compiled-config.ts";
import type { PriceTier, Rates } from "./accounting/rates.ts";
import { emptySketch, type QuantileSketch } from "./estimate/quantile-sketch.ts";
import { type BreakerState, closedBreaker } from "./health/breaker.ts";
import { awaitFirstProbe, type HealthState, unprobed } from "./health/health-probe.ts";
import { noProbeLease, type ProbeLease } from "./health/probe-lease.ts";
import { type Dearest, dearestOf } from "./limit/dearest.ts";
import { type LeaseState, noLease } from "./limit/lease.ts";
import { noEstimate, type OutputEstimate } from "./limit/output-estimate.ts";
import { emptyHedgeBudget, type HedgeBudget } from "./hedge/hedge.ts";
import { setKey, type Tournament, newTournament } from "./tournament.ts";
import { fullRetryBudget, type RetryBudgetState } from "./limit/retry-budget.ts";
import type { Duration, Instant } from "./machine.ts";
import type { AbortReason, AttemptId, EndpointId, FailureKind, FinishResult, RejectReason, RequestId, RouteId, RouteRequest } from "./messages.ts";
import { forkRandom, type RandomState } from "./random.ts";
import { allTo, type Shares } from "./rollout/versions.ts";
import { type AdaptiveState, newAdaptive } from "./strategy/adaptive-weights.ts";
import { type AffinityState, newAffinity } from "./strategy/affinity-state.ts";
import { type LearnedEndpoint, type LearnedRoute, newLearnedEndpoint, newLearnedRoute } from "./strategy/learned.ts";
import { noStarts, type RecentStarts } from "./strategy/recent-load.ts";
import { startOfTime } from "./time.ts";

/** Everything the router knows: plain data, so that a snapshot is a copy. What has ended is not in it. */
export interface RouterState {
  now: Instant;
  draining: boolean;
  /** Where this replica is. */
  readonly here: Place;
  /** Null: as configured. */
  fleet: FleetState | null;
  /** Of the configuration: those that are live, and who gets new requests. */
  versions: LiveVersion[];
  shares: Shares;
  /** By RequestId and AttemptId: slots, null when free. */
  readonly requests: (RequestSlot | null)[];
  readonly attempts: (AttemptSlot | null)[];
  readonly freeAttempts: AttemptId[];
  /** By EndpointId, RouteId and DeploymentId. */
  readonly endpoints: EndpointState[];
  readonly routes: RouteState[];
  /** By DeploymentId; null where the limit is fixed. */
  readonly adaptiveLimits: (AdaptiveLimit | null)[];
  readonly ledger: Total[];
  /** By DeploymentId: what tokens cost now; null: unknown. */
  readonly prices: (Rates | null)[];
  /** By DeploymentId: tokens billed since the month began. */
  readonly volumes: number[];
  /** By RouteId. */
  dearest: Dearest[];
  /** Of all routes together. */
  readonly retryBudget: RetryBudgetState;
  /** One deadline per request (by RequestId), one per endpoint (by EndpointId). */
  readonly requestDeadlines: Tournament;
  readonly endpointDeadlines: Tournament;
  /** By LeaseKey. */
  readonly leases: LeaseState[];
  readonly leaseDeadlines: Tournament;
  /** The last nonce given to a question or a report. */
  leaseNonce: number;
  storeLost: boolean;
  readonly recent: RecentStarts;
  readonly ties: RandomState;
}

export type RequestPhase = "queued" | "attempting" | "streaming" | "aborting" | "backing-off" | "settling";

export interface RequestSlot {
  readonly request: RouteRequest;
  /** The configuration that it arrived under. */
  readonly version: ConfigVersion;
  phase: RequestPhase;
  /** Where it is now: the route that was asked for, or a fallback of it; and all it has been at, in order. */
  route: RouteId;
  path: readonly RouteId[];
  /** Why the route that was asked for turned it away; null: it has not. */
  rejection: { readonly why: RejectReason; readonly retryAfter: Duration | null } | null;
  /** Attempts whose outcome is still to come: one, and one beside it where it was doubled. `noAttempt`: none. */
  underWay: AttemptId;
  beside: AttemptId;
  attempts: number;
  /** When the attempt under way is doubled; null: not (any more). */
  hedgeAt: Instant | null;
  /** What the request ends with when the last outcome is in. */
  settled: FinishResult | null;
  /** Endpoints that have had an attempt, in order. */
  tried: readonly EndpointId[];
  lastFailure: FailureKind | null;
  unpaid: UnpaidRetry | null;
  /** Of all its attempts. */
  spent: Spent;
  /** While it waits. */
  queuePlace: QueuePlace | null;
}

export const noAttempt = -1 as AttemptId;

/** A retry that waits until it can be paid for, how often that has been asked, and since when. */
export interface UnpaidRetry {
  readonly failure: FailureKind;
  readonly retryAfter: Duration | null;
  readonly asked: number;
  readonly since: Instant;
}

export interface AttemptSlot {
  readonly request: RequestId;
  readonly endpoint: EndpointId;
  readonly startedAt: Instant;
  /** What limits and budgets have set aside for it. */
  reservedTokens: number;
  /** What its tokens cost: the prices when it started; null: unknown. */
  readonly card: Rates | null;
  /** That it is served in, as far as is known when it starts. */
  readonly tier: PriceTier;
  reservedNano: number;
  breakerEpoch: number;
  probeCredited: boolean;
  /** Its bytes are on their way to the caller: no other attempt can follow. */
  committed: boolean;
  /** Why it was told to end; its outcome is still to come. */
  aborted: AbortReason | null;
  /** What it added to its tenant's counter. */
  share: number;
  /** The limit it ran into; null: none, or only the caller's deadline. */
  timeout: FailureKind | null;
  /** What it was expected to use when it started. */
  expectedTokens: number;
}

export interface EndpointState {
  inFlight: number;
  /** Attempts that it may have in flight: its deployment's concurrency, or what has been found out. */
  limit: number;
  readonly breaker: BreakerState;
  readonly learned: LearnedEndpoint;
  /** It has answered a request since the last probe ended. */
  answered: boolean;
  readonly probes: ProbeLease;
  health: HealthState;
  /** Rate-limited until then; 0: not. */
  coolUntil: Instant;
}

/** Who is there, once it is no longer whom the configuration names. */
export interface FleetState {
  /** By EndpointId; null: the slot is free. */
  readonly specs: (EndpointSpec | null)[];
  /** They take no new attempts, and are forgotten when the last one has ended. */
  readonly leaving: EndpointId[];
}

export interface RouteState {
  readonly queue: WaitQueue;
  readonly drain: DrainRate;
  readonly hedgeBudget: HedgeBudget;
  readonly retryBudget: RetryBudgetState;
  /** Of attempts that were answered: start to first token, and to the end. */
  readonly firstTokenTimes: QuantileSketch;
  readonly totalTimes: QuantileSketch;
  readonly output: OutputEstimate;
  readonly learned: LearnedRoute;
  /** Null where no prefix affinity is wanted. */
  affinity: AffinityState | null;
}

/** Names as the configuration has them; empty: not known. */
export interface Place {
  readonly region: string;
  readonly zone: string;
}
const nowhere: Place = { region: "", zone: "" };

export interface LiveVersion {
  readonly version: ConfigVersion;
  /** Null: what the router was made with. */
  readonly config: CompiledConfig | null;
  /** Requests that arrived under it and have not ended. */
  open: number;
  /** By RouteId. */
  readonly turns: RouteTurns[];
}

/** Whose turn it is by a version's own weights and order. */
export interface RouteTurns {
  /** Smooth weighted round robin: by place of the deployment in the route. */
  readonly credits: number[];
  /** Round robin: the EndpointId that had the last turn; -1: none yet. */
  lastTurn: number;
  /** Null where weights stay as they are configured. */
  readonly adaptive: AdaptiveState | null;
}

export function initialState(config: CompiledConfig, seed: number, here: Place = nowhere): RouterState {
  const prices = config.deployments.map(({ rates }) => rates);
  const endpoints = config.endpoints.map((endpoint) => newEndpointState(config, endpoint));
  return {
    now: startOfTime,
    draining: false,
    here,
    requests: [],
    attempts: [],
    freeAttempts: [],
    fleet: null,
    versions: [{ version: config.version, config: null, open: 0, turns: newTurns(config) }],
    shares: allTo(config.version),
    endpoints,
    routes: config.routes.map((route) => newRouteState(config, route)),
    adaptiveLimits: config.deployments.map(({ adaptiveLimit }) => (adaptiveLimit === null ? null : newAdaptiveLimit(adaptiveLimit))),
    ledger: config.deployments.map(emptyTotal),
    prices,
    volumes: config.deployments.map(() => 0),
    dearest: dearestOf([config], prices),
    retryBudget: fullRetryBudget(config.retryBudget),
    requestDeadlines: newTournament(),
    endpointDeadlines: firstProbes(config, endpoints, seed),
    recent: noStarts(config.endpoints.length),
    leases: config.limits.map(noLease),
    leaseDeadlines: newTournament(),
    leaseNonce: 0,
    storeLost: false,
    ties: forkRandom(seed, "strategy-ties"),
  };
}

function firstProbes({ endpoints, deployments }: CompiledConfig, states: readonly EndpointState[], seed: number): Tournament {
  const deadlines = newTournament();
  for (const { id, deployment } of endpoints) {
    const probe = deployments[deployment]?.probe ?? null;
    const { health } = present(states[id], "the endpoint's state");
    if (probe === null) continue;
    awaitFirstProbe(health, probe, [seed, id], startOfTime);
    setKey(deadlines, id, health.nextAt);
  }
  return deadlines;
}

export function newEndpointState(config: CompiledConfig, { deployment }: EndpointSpec): EndpointState {
  return {
    inFlight: 0,
    limit: startLimit(present(config.deployments[deployment], "the endpoint's deployment")),
    breaker: closedBreaker(present(config.deployments[deployment], "the endpoint's deployment").breaker),
    learned: newLearnedEndpoint(),
    answered: false,
    probes: noProbeLease(),
    health: unprobed(),
    coolUntil: startOfTime,
  };
}

export function newRouteState(config: CompiledConfig, route: RouteSpec): RouteState {
  return {
    queue: emptyQueue(),
    drain: unknownDrainRate(),
    hedgeBudget: emptyHedgeBudget(),
    retryBudget: fullRetryBudget(route.retry),
    firstTokenTimes: emptySketch(),
    totalTimes: emptySketch(),
    learned: newLearnedRoute(),
    affinity: affinityOf(config, route),
    output: noEstimate(),
  };
}

export function affinityOf(config: CompiledConfig, route: RouteSpec): AffinityState | null {
  return route.strategy === "prefix-affinity" ? newAffinity(route.affinity, endpointsOf(config, route)) : null;
}

export function newTurns({ routes }: CompiledConfig): RouteTurns[] {
  return routes.map((route) => ({
    credits: route.deployments.map(() => 0),
    lastTurn: -1,
    adaptive: route.strategy === "adaptive" ? newAdaptive(route) : null,
  }));
}

function endpointsOf(config: CompiledConfig, route: RouteSpec): number {
  return route.deployments.reduce((count, id) => count + (config.deployments[id]?.endpoints.length ?? 0), 0);
}

function startLimit({ adaptiveLimit, concurrencyMax }: DeploymentSpec): number {
  return adaptiveLimit === null ? concurrencyMax : adaptiveLimit.min;
}

const none: readonly never[] = [];

/**
 * Slots that have ended are used again: of ten thousand open requests each would be copied twice by the garbage collector, and lie elsewhere each time. Not part of the
 * state: who goes on from a snapshot begins with none.
 *
 * By the time of its next event a slot has left the processor's caches. So what every first token looks at comes first in it, then what every end does: it lies together in memory.
 */
export interface SpareSlots {
  readonly requests: RequestSlot[];
  readonly attempts: AttemptSlot[];
}

type Written<T> = { -readonly [Key in keyof T]: T[Key] };

/** @param path its own route. Lists of a slot are replaced, never changed: nearly every request has one attempt, and the lists of one number are shared. */
export function requestSlot({ requests }: SpareSlots, request: RouteRequest, version: ConfigVersion, path: readonly RouteId[]): RequestSlot {
  const slot: Written<RequestSlot> = requests.pop() ?? {
    version,
    phase: "queued",
    route: request.route,
    beside: noAttempt,
    hedgeAt: null,
    path,
    underWay: noAttempt,
    request,
    spent: nothingSpent,
    attempts: 0,
    tried: none,
    rejection: null,
    settled: null,
    lastFailure: null,
    unpaid: null,
    queuePlace: null,
  };
  slot.request = request;
  slot.version = version;
  slot.phase = "queued";
  slot.route = request.route;
  slot.path = path;
  slot.rejection = null;
  slot.underWay = noAttempt;
  slot.beside = noAttempt;
  slot.attempts = 0;
  slot.hedgeAt = null;
  slot.settled = null;
  slot.tried = none;
  slot.lastFailure = null;
  slot.unpaid = null;
  slot.spent = nothingSpent;
  slot.queuePlace = null;
  return slot;
}

export function attemptSlot(
  { attempts }: SpareSlots,
  request: RequestId,
  endpoint: EndpointId,
  startedAt: Instant,
  breakerEpoch: number,
  card: Rates | null,
  tier: PriceTier,
): AttemptSlot {
  const slot: Written<AttemptSlot> = attempts.pop() ?? {
    endpoint,
    startedAt,
    committed: false,
    aborted: null,
    timeout: null,
    breakerEpoch,
    card,
    tier,
    share: 0,
    request,
    expectedTokens: 0,
    reservedTokens: 0,
    reservedNano: 0,
    probeCredited: false,
  };
  slot.request = request;
  slot.endpoint = endpoint;
  slot.startedAt = startedAt;
  slot.card = card;
  slot.tier = tier;
  slot.reservedTokens = 0;
  slot.reservedNano = 0;
  slot.breakerEpoch = breakerEpoch;
  slot.probeCredited = false;
  slot.committed = false;
  slot.aborted = null;
  slot.share = 0;
  slot.timeout = null;
  slot.expectedTokens = 0;
  return slot;
}
