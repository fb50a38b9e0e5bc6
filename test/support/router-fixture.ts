import {
  type AdaptiveLimitSpec,
  type BreakerSpec,
  type CompiledConfig,
  type ConfigVersion,
  type DeploymentSpec,
  type EndpointSpec,
  type LimitSpec,
  noFallbacks,
  type QueueSpec,
  type RetryBudgetSpec,
  type RetrySpec,
  type RouteSpec,
  type StrategyName,
} from "../../router/core/compiled-config.ts";
import type { Rates } from "../../router/core/accounting/rates.ts";
import type { ProbeSpec } from "../../router/core/health/health-probe.ts";
import type { Instant } from "../../router/core/machine.ts";
import {
  type AttemptId,
  type AttemptOutcome,
  type DeploymentId,
  type EndpointId,
  type FailureKind,
  type LeaseKey,
  type RequestId,
  type RouteId,
  type RouteRequest,
  type RouterCommand,
  type RouterEvent,
  type TenantId,
  type Usage,
  unlabelled,
} from "../../router/core/messages.ts";
import { Router, type RouterSnapshot } from "../../router/core/router.ts";
import { never, seconds } from "../../router/core/time.ts";
import { RouterInvariants } from "../../simulator/core/invariant/router-invariants.ts";
import { LeaseBench } from "./lease-bench.ts";
import { Recorder } from "./recorder.ts";

/** Place of `default` in the tag names. */
const fixtureDefaultTag = 0;

export interface FixtureDeployment {
  readonly endpoints?: number;
  readonly weight?: number;
  readonly contextTokens?: number;
  readonly concurrencyMax?: number;
  readonly adaptiveLimit?: AdaptiveLimitSpec;
  readonly priced?: boolean;
  readonly rates?: Rates;
  readonly tags?: readonly number[];
  readonly region?: number;
  readonly quality?: number;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly tier?: number;
  readonly probe?: ProbeSpec;
}

export interface FixtureOptions {
  readonly deployments?: readonly FixtureDeployment[];
  readonly strategy?: StrategyName;
  readonly breaker?: Partial<BreakerSpec>;
  readonly retry?: Partial<RetrySpec>;
  readonly route?: Partial<RouteSpec>;
  /** After the first, alike but for what is given. */
  readonly moreRoutes?: readonly Partial<RouteSpec>[];
  readonly retryBudget?: Partial<RetryBudgetSpec>;
  readonly tenants?: number;
  readonly tenantWeights?: readonly number[];
  readonly limits?: readonly FixtureLimit[];
  readonly unknownPrice?: CompiledConfig["unknownPrice"];
}

/** Of everybody, unless a scope is given; a rate per minute, unless a window is. */
export type FixtureLimit = Pick<LimitSpec, "unit" | "amount"> & Partial<LimitSpec>;

function fixtureLimit(given: FixtureLimit, place: number): LimitSpec {
  const window = given.unit === "attempts-in-flight" ? ({ kind: "held" } as const) : ({ kind: "rate", per: seconds(60) } as const);
  return {
    id: place as LeaseKey,
    name: `limit-${place}`,
    scope: { kind: "total" },
    window,
    alertPerMille: 800,
    atAlert: "notify",
    atLimit: "reject",
    ...given,
  };
}

/** One route over the given deployments: $1 per million tokens in, $2 out, generous limits. */
export function fixtureConfig(options: FixtureOptions = {}): CompiledConfig {
  const breaker: BreakerSpec = {
    enabled: true,
    failures: 5,
    open: seconds(60),
    probes: 3,
    probesAtOnce: 1,
    shared: false,
    growthPercent: 100,
    openMax: seconds(600),
    stable: seconds(300),
    rate: null,
    ...options.breaker,
  };
  const endpoints: EndpointSpec[] = [];
  const deployments = (options.deployments ?? [{}]).map((given, place): DeploymentSpec => {
    const id = place as DeploymentId;
    const own = Array.from({ length: given.endpoints ?? 1 }, (_, replica) => {
      const endpoint = endpoints.length as EndpointId;
      const origin = `http://127.0.0.1:${9100 + endpoint}`;
      endpoints.push({ id: endpoint, deployment: id, identity: `${origin} model -`, origin, zone: `zone-${replica}` });
      return endpoint;
    });
    return {
      id,
      name: `deployment-${place}`,
      provider: "vllm",
      model: "model",
      weight: given.weight ?? 1,
      contextTokens: given.contextTokens ?? 32_768,
      ...limitsOf(given),
      rates: given.priced === false ? null : (given.rates ?? { input: 1_000_000, cachedRead: 100_000, cacheWrite: 1_000_000, output: 2_000_000 }),
      breaker,
      probe: given.probe ?? null,
      tags: given.tags ?? [],
      takesUntagged: given.tags === undefined || given.tags.includes(fixtureDefaultTag),
      takesUnmatched: given.tags?.includes(fixtureDefaultTag) ?? false,
      region: given.region ?? -1,
      requestsPerMinute: given.requestsPerMinute ?? Infinity,
      tokensPerMinute: given.tokensPerMinute ?? Infinity,
      tier: given.tier ?? 0,
      endpoints: own,
    };
  });
  const route: RouteSpec = {
    id: 0 as RouteId,
    name: "chat",
    strategy: options.strategy ?? "least-busy",
    deployments: deployments.map(({ id }) => id),
    limits: { connect: seconds(2), firstToken: seconds(10), idle: seconds(10), total: seconds(100) },
    retry: {
      attemptsMax: 3,
      attemptsByFailure: {},
      backoffBase: seconds(1),
      backoffMax: seconds(8),
      retryAfterMax: seconds(30),
      budgetPerMille: 100,
      budgetFloorPerSecond: 1,
      ...options.retry,
    },
    affinity: { loadBoundPercent: 125, homesMax: 256 },
    queue: fixtureQueue(),
    hedge: null,
    fallbacks: noFallbacks,
    floorPercent: 0,
    internal: false,
    outputTokensDefault: 1024,
    ...options.route,
  };
  const more = (options.moreRoutes ?? []).map((given, place): RouteSpec => ({
    ...route,
    id: (place + 1) as RouteId,
    name: `route-${place + 1}`,
    fallbacks: noFallbacks,
    ...given,
  }));
  const tenants = Array.from({ length: options.tenants ?? 1 }, (_, tenant) => ({
    id: tenant as TenantId,
    name: `tenant-${tenant}`,
    priority: 0,
    weight: options.tenantWeights?.[tenant] ?? 1,
  }));
  return {
    version: 1 as ConfigVersion,
    routes: [route, ...more],
    deployments,
    endpoints,
    retryBudget: { budgetPerMille: 1000, budgetFloorPerSecond: 1000, ...options.retryBudget },
    tagNames: ["default", "red", "blue"],
    regionNames: ["here", "there"],
    tenants,
    limits: (options.limits ?? []).map(fixtureLimit),
    unknownPrice: options.unknownPrice ?? "count",
  };
}

function limitsOf({ concurrencyMax, adaptiveLimit, quality }: FixtureDeployment): Pick<DeploymentSpec, "adaptiveLimit" | "concurrencyMax" | "quality"> {
  return { concurrencyMax: concurrencyMax ?? Infinity, adaptiveLimit: adaptiveLimit ?? null, ...(quality === undefined ? {} : { quality }) };
}

/** Ten may wait, five seconds. */
export function fixtureQueue(queue: Partial<QueueSpec> = {}): QueueSpec {
  return {
    lengthMax: 10,
    wait: seconds(5),
    order: "fair",
    ageing: seconds(1),
    inputWeight: 1,
    outputWeight: 2,
    burst: 0,
    rejectEarly: false,
    ...queue,
  };
}

/** A router with its driver's side played by hand: ids, the clock, and the invariants watched all along. */
export class RouterHarness {
  readonly config: CompiledConfig;
  readonly router: Router;
  readonly invariants: RouterInvariants;
  /** Null: nobody answers. */
  store: LeaseBench | null;
  readonly #recorder = new Recorder<RouterCommand>();
  #now = 0;
  #serial = 0;

  constructor(options: FixtureOptions = {}, snapshot?: RouterSnapshot) {
    this.config = fixtureConfig(options);
    this.router = new Router(this.config, { seed: 1, explain: false }, snapshot);
    this.invariants = new RouterInvariants(this.config);
    this.store = new LeaseBench(this.config);
  }

  get now(): Instant {
    return this.#now as Instant;
  }

  /** Moves the clock without waking anybody. @param to seconds */
  at(to: number): this {
    this.#now = seconds(to);
    return this;
  }

  send(event: RouterEvent): RouterCommand[] {
    this.invariants.event(event, this.now);
    this.router.handle(event, this.now, this.#recorder);
    return this.#taken();
  }

  wake(): RouterCommand[] {
    this.router.wake(this.now, this.#recorder);
    return this.#taken();
  }

  arrive(id: number, request: Partial<RouteRequest> = {}): RouterCommand[] {
    const serial = this.#serial;
    this.#serial += 1;
    return this.send({ kind: "request-arrived", request: fixtureRequest(id, serial, request) });
  }

  firstToken(attempt: number): RouterCommand[] {
    return this.send({ kind: "attempt-first-token", attempt: attempt as AttemptId });
  }

  succeed(attempt: number, usage: Partial<Usage> = {}): RouterCommand[] {
    return this.end(attempt, { kind: "succeeded", billed: "yes", usage: { input: 100, cachedRead: 0, cacheWrite: 0, output: 10, reasoning: 0, ...usage } });
  }

  fail(attempt: number, failure: FailureKind = "server-error", outcome: Partial<AttemptOutcome> = {}): RouterCommand[] {
    return this.end(attempt, { kind: "failed", failure, ...outcome });
  }

  end(attempt: number, outcome: Partial<AttemptOutcome>): RouterCommand[] {
    return this.send({
      kind: "attempt-ended",
      attempt: attempt as AttemptId,
      outcome: { kind: "aborted", failure: null, retryAfter: null, billed: "no", usage: null, usageEstimated: false, lagged: false, ...outcome },
    });
  }

  leave(request: number): RouterCommand[] {
    return this.send({ kind: "client-left", request: request as RequestId });
  }

  #taken(): RouterCommand[] {
    const taken = this.#recorder.take();
    for (const { command, at } of taken) this.invariants.command(command, at);
    const commands = taken.map(({ command }) => command);
    const answers = taken.flatMap(({ command, at }) => this.store?.hear(command, at) ?? []);
    return [...commands, ...answers.flatMap((answer) => this.send(answer))];
  }
}

export function fixtureRequest(id: number, serial: number, request: Partial<RouteRequest> = {}): RouteRequest {
  return {
    id: id as RequestId,
    serial,
    tenant: 0 as TenantId,
    route: 0 as RouteId,
    inputTokens: 100,
    outputTokensMax: 100,
    stream: true,
    priority: 0,
    deadline: never,
    ...unlabelled,
    ...request,
  };
}

/** The commands of one kind. */
export function only<Kind extends RouterCommand["kind"]>(commands: readonly RouterCommand[], kind: Kind): Extract<RouterCommand, { kind: Kind }>[] {
  return commands.filter((command): command is Extract<RouterCommand, { kind: Kind }> => command.kind === kind);
}
