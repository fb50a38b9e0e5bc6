import { type CompiledConfig, type ConfigVersion, type FallbackSpec, noFallbacks, type RouteSpec } from "../../router/core/compiled-config.ts";
import { failureRateSpec } from "../../router/core/health/failure-rate.ts";
import { forkRandom, nextBelow, nextUnit, type RandomState } from "../../router/core/random.ts";
import { type LimitScope, strategyNames } from "../../router/core/compiled-config.ts";
import type { DeploymentId, EndpointId, RouteId, TenantId } from "../../router/core/messages.ts";
import { alignConfig } from "../../router/core/rollout/align-config.ts";
import { instantAt, micros, millis, seconds } from "../../router/core/time.ts";
import {
  type CompiledScenario,
  type ConfigChangeSpec,
  type EndpointModelSpec,
  type FaultSpec,
  type MembershipSpec,
  oneReplica,
  type ReplicasSpec,
} from "../../simulator/core/compiled-scenario.ts";
import { FleetInvariants } from "../../simulator/core/invariant/fleet-invariants.ts";
import { JournalInvariant } from "../../simulator/core/invariant/journal-invariant.ts";
import type { Violation } from "../../simulator/core/invariant/violation.ts";
import type { LeaseStoreSpec } from "../../simulator/core/store/lease-store-spec.ts";
import type { RequestRecord } from "../../simulator/core/measure/request-record.ts";
import type { FaultPlan } from "../../simulator/core/fault/fault-spec.ts";
import type { Arrival } from "../../simulator/core/workload/arrival.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { type FixtureDeployment, type FixtureLimit, type FixtureOptions, fixtureConfig, fixtureQueue } from "./router-fixture.ts";
import { randomAdmission, randomHedge, randomFloor, randomLimit, randomProbe, randomQuality } from "./random-policies.ts";
import { smallHosted, smallVllm } from "./small-scenario.ts";

export interface RandomWorld {
  readonly scenario: CompiledScenario;
  readonly arrivals: readonly Arrival[];
}

/** A scenario drawn by seed: pools and providers of any size, tight and loose policies, faults of every kind at any time, bursts and pauses. */
export function randomScenario(seed: number): RandomWorld {
  const random = forkRandom(seed, "random-scenario");
  const base = randomConfig(seed, random);
  const { changes, models } = randomChanges(seed, base);
  const scenario = {
    name: `random-${seed}`,
    config: base.config,
    endpoints: models,
    faults: [...randomFaults(random, base.models.length), ...randomLineFaults(seed, base.models.length)],
    faultPlans: randomCrashes(seed),
    replicas: { ...randomReplicas(seed), ...randomPlaces(seed) },
    membership: randomMembership(seed, base.models.length),
    changes,
    leaseStore: randomStore(seed),
    defaultRoute: base.config.routes[0]?.id ?? (0 as never),
    warmUp: micros(0),
    targets: [],
  };
  return { scenario, arrivals: randomArrivals(seed, random, forkRandom(seed, "random-blocks"), forkRandom(seed, "random-callers")) };
}

interface RandomConfig {
  readonly config: CompiledConfig;
  /** By EndpointId. */
  readonly models: readonly EndpointModelSpec[];
}

const isGraded = (seed: number): boolean => nextUnit(forkRandom(seed, "random-graded")) < 0.25;

function randomConfig(seed: number, random: RandomState): RandomConfig {
  const deployments = Array.from({ length: 1 + nextBelow(random, 3) }, (_, place): FixtureDeployment & { readonly model: EndpointModelSpec } => ({
    endpoints: 1 + nextBelow(random, 3),
    weight: nextBelow(random, 4),
    concurrencyMax: nextUnit(random) < 0.4 ? 1 + nextBelow(random, 6) : Infinity,
    ...randomLimit(forkRandom(seed, `random-limit-${place}`)),
    ...randomProbe(forkRandom(seed, `random-probe-${place}`)),
    ...randomQuality(forkRandom(seed, `random-quality-${place}`), isGraded(seed)),
    contextTokens: nextUnit(random) < 0.3 ? 400 : 8192,
    priced: nextUnit(random) < 0.8,
    model: nextUnit(random) < 0.6 ? smallVllm : { ...smallHosted, quota: nextUnit(random) < 0.5 ? { requestsPerMinute: 60, tokensPerMinute: 50_000 } : null },
  }));
  const config = fixtureConfig({
    ...randomFallbacks(seed, deployments.length),
    deployments: deployments.map((deployment, place) => ({ ...deployment, tier: randomTier(seed, place) })),
    strategy: strategyNames[nextBelow(random, strategyNames.length)] ?? "weighted",
    breaker: {
      enabled: nextUnit(random) < 0.9,
      failures: 1 + nextBelow(random, 5),
      open: millis(100 + nextBelow(random, 20_000)),
      probes: 1 + nextBelow(random, 3),
      probesAtOnce: 1 + nextBelow(forkRandom(seed, "random-probes-at-once"), 3),
      shared: nextUnit(forkRandom(seed, "random-shared-probes")) < 0.4,
      growthPercent: 100 + nextBelow(random, 200),
      openMax: seconds(30),
      stable: millis(nextBelow(random, 10_000)),
      rate:
        nextUnit(random) < 0.5
          ? failureRateSpec(0.01 + nextUnit(random) * 0.1, 0.15 + nextUnit(random) * 0.6, millis(500 + nextBelow(random, 20_000)), 1 + nextBelow(random, 10))
          : null,
    },
    retry: {
      attemptsMax: 1 + nextBelow(random, 4),
      backoffBase: millis(nextBelow(random, 500)),
      budgetPerMille: nextBelow(random, 300),
      budgetFloorPerSecond: nextBelow(random, 3),
    },
    ...randomLimits(seed, deployments.length),
    route: {
      ...(nextUnit(forkRandom(seed, "random-cost-limit")) < 0.15 ? { costMaxNano: nextBelow(forkRandom(seed, "random-cost-limit-2"), 1_500_000) } : {}),
      limits: { connect: seconds(1), firstToken: millis(20 + nextBelow(random, 3_000)), idle: seconds(5), total: millis(50 + nextBelow(random, 20_000)) },
      queue: fixtureQueue({
        lengthMax: nextBelow(random, 20),
        wait: millis(nextBelow(random, 5_000)),
        ...randomAdmission(forkRandom(seed, "random-admission")),
      }),
      hedge: randomHedge(forkRandom(seed, "random-hedge")),
      fallbacks: randomFallbackSpec(seed, 0),
      floorPercent: nextBelow(forkRandom(seed, "random-floor"), 3) * nextBelow(forkRandom(seed, "random-floor-2"), 51),
    },
  });
  return { config, models: config.endpoints.map(({ deployment }) => deployments[deployment]?.model ?? smallVllm) };
}

/**
 * In a quarter of the worlds: versions of the configuration that come, as canaries or for all, get other shares, and go. Deployments and routes of two versions go by the
 * same names, endpoints may belong to others, limits have other amounts.
 */
function randomChanges(seed: number, base: RandomConfig): { readonly changes: readonly ConfigChangeSpec[]; readonly models: readonly EndpointModelSpec[] } {
  const random = forkRandom(seed, "random-changes");
  const models = [...base.models];
  if (nextUnit(random) < 0.75) return { changes: [], models };
  const versions = [base.config];
  const times = Array.from({ length: 1 + nextBelow(random, 7) }, () => nextBelow(random, 25_000_000)).toSorted((one, other) => one - other);
  const changes = times.map((at, place): ConfigChangeSpec => {
    const config =
      nextUnit(random) < 0.6 ? newVersion(seed * 31 + place, versions, models, nextUnit(random) < 0.4) : versions[nextBelow(random, versions.length)];
    const share = nextUnit(random) < 0.4 ? 1 : nextUnit(random) < 0.2 ? 0 : nextUnit(random);
    return { at: instantAt(at), config: config ?? base.config, share, by: nextUnit(random) < 0.3 ? "tenant" : "request" };
  });
  return { changes, models };
}

/** @param likeBefore the last one with other amounts and weights, instead of one that shares only names */
function newVersion(seed: number, versions: CompiledConfig[], models: EndpointModelSpec[], likeBefore: boolean): CompiledConfig {
  const random = forkRandom(seed, "random-version");
  const last = versions.at(-1) ?? fixtureConfig();
  const drawn = likeBefore ? { config: amended(last, random), models } : randomConfig(seed, forkRandom(seed, "random-scenario"));
  const version = (versions.length + 1) as ConfigVersion;
  const { config, endpoints } = likeBefore ? { config: { ...drawn.config, version }, endpoints: [] } : alignConfig({ ...drawn.config, version }, versions);
  for (const [place, id] of endpoints.entries()) models[id] ??= drawn.models[place] ?? smallVllm;
  versions.push(config);
  return config;
}

function amended(config: CompiledConfig, random: RandomState): CompiledConfig {
  return {
    ...config,
    deployments: config.deployments.map((deployment) => ({ ...deployment, weight: nextBelow(random, 4) })),
    limits: config.limits.map((limit) => ({ ...limit, amount: 1 + Math.floor(limit.amount * (0.5 + nextUnit(random))) })),
  };
}

/** From a stream of its own, so that the rest of the world is what it was. */
function randomReplicas(seed: number): ReplicasSpec {
  const random = forkRandom(seed, "random-replicas");
  const signals = nextUnit(random) < 0.3 ? { every: millis(100 + nextBelow(random, 5000)), delay: millis(nextBelow(random, 1000)) } : null;
  if (nextUnit(random) < 0.6) return { ...oneReplica, signals };
  return { count: 2 + nextBelow(random, 3), gossip: nextUnit(random) < 0.6 ? millis(nextBelow(random, 300)) : null, signals };
}

/** In a third of the worlds replicas know their zone; the fixture has one per replica of a pool. */
function randomPlaces(seed: number): Pick<ReplicasSpec, "places"> {
  const random = forkRandom(seed, "random-places");
  if (nextUnit(random) < 0.67) return {};
  return { places: Array.from({ length: 1 + nextBelow(random, 2) }, () => ({ region: "", zone: `zone-${nextBelow(random, 3)}` })) };
}

const routesMost = 3;

/** Every second world has routes beside its first one, and lists that lead from any to any. Streams of their own, here too. */
function randomFallbacks(seed: number, deployments: number): { readonly moreRoutes: readonly Partial<RouteSpec>[] } {
  const random = forkRandom(seed, "random-routes");
  if (nextUnit(random) < 0.5) return { moreRoutes: [] };
  return {
    moreRoutes: Array.from({ length: routesMost - 1 }, (_, place) => ({
      deployments: [nextBelow(random, deployments) as DeploymentId],
      fallbacks: randomFallbackSpec(seed, place + 1),
    })),
  };
}

function randomFallbackSpec(seed: number, place: number): FallbackSpec {
  if (nextUnit(forkRandom(seed, "random-routes")) < 0.5) return noFallbacks;
  const random = forkRandom(seed, `random-fallbacks-${place}`);
  const list = (): RouteId[] => Array.from({ length: nextBelow(random, 3) }, () => nextBelow(random, routesMost) as RouteId);
  return { general: list(), contextWindow: list(), contentPolicy: list(), budget: list(), hopsMax: nextBelow(random, 4) };
}

const randomTier = (seed: number, place: number): number => {
  const random = forkRandom(seed, `random-tier-${place}`);
  return nextUnit(random) < 0.7 ? 0 : nextBelow(random, 3);
};

/** In half of the worlds: a few limits and budgets of any kind, tight and loose. */
function randomLimits(seed: number, deployments: number): Pick<FixtureOptions, "limits" | "tenants"> {
  const random = forkRandom(seed, "random-limits");
  if (nextUnit(random) < 0.5) return {};
  const limits = Array.from({ length: 1 + nextBelow(random, 4) }, (_, place): FixtureLimit => {
    const kind = nextBelow(random, 4);
    const scopes: readonly LimitScope[] = [
      { kind: "total" },
      { kind: "tenant", tenant: nextBelow(random, 2) as TenantId },
      { kind: "route", route: 0 as RouteId },
      { kind: "deployments", deployments: [nextBelow(random, deployments) as DeploymentId] },
    ];
    const scope = scopes[nextBelow(random, 4)] ?? { kind: "total" };
    const name = `limit ${place}: ${kind} ${JSON.stringify(scope)}`;
    if (kind === 0) return { name, scope, unit: "requests", amount: 1 + nextBelow(random, 400) };
    if (kind === 1) return { name, scope, unit: "tokens", amount: 2_000 + nextBelow(random, 200_000) };
    if (kind === 2) return { name, scope, unit: "attempts-in-flight", amount: 1 + nextBelow(random, 8) };
    const window = { kind: "period", length: seconds(1 + nextBelow(random, 30)) } as const;
    const atAlert = (["notify", "cheapest", "self-hosted"] as const)[nextBelow(random, 3)] ?? "notify";
    return {
      name: `${name} ${window.length}`,
      scope,
      unit: "nano-dollars",
      amount: 3_000_000 + nextBelow(random, 60_000_000),
      window,
      atAlert,
      atLimit: nextUnit(random) < 0.5 ? "reject" : "self-hosted",
    };
  });
  return { tenants: 2, limits };
}

/** Near or far, sound or lossy, with outages and partitions. */
function randomStore(seed: number): LeaseStoreSpec {
  const random = forkRandom(seed, "random-lease-store");
  const p50 = 50 + nextBelow(random, 20_000);
  const faults = Array.from({ length: nextBelow(random, 4) }, () => {
    const at = nextBelow(random, 20_000_000);
    return { at: instantAt(at), until: instantAt(at + nextBelow(random, 15_000_000)), replica: nextUnit(random) < 0.5 ? null : nextBelow(random, 4) };
  });
  return { latency: { p50: micros(p50), p95: micros(p50 * (1 + nextBelow(random, 5))) }, loss: nextUnit(random) < 0.5 ? 0 : nextUnit(random) * 0.3, faults };
}

/** Endpoints that leave, and mostly come back; some twice. */
function randomMembership(seed: number, endpoints: number): MembershipSpec[] {
  const random = forkRandom(seed, "random-membership");
  if (nextUnit(random) < 0.7) return [];
  return Array.from({ length: 1 + nextBelow(random, 4) }, (): MembershipSpec => {
    const endpoint = nextBelow(random, endpoints) as EndpointId;
    return { endpoint, at: instantAt(nextBelow(random, 30_000_000)), kind: nextUnit(random) < 0.6 ? "leaves" : "joins" };
  }).toSorted((one, other) => one.at - other.at);
}

function randomFaults(random: RandomState, endpoints: number): FaultSpec[] {
  return Array.from({ length: nextBelow(random, 5) }, () => {
    const at = nextBelow(random, 30_000_000);
    const kind = nextBelow(random, 3);
    return {
      endpoint: nextBelow(random, endpoints) as EndpointId,
      at: instantAt(at),
      until: instantAt(at + nextBelow(random, 20_000_000)),
      fault: kind === 0 ? { kind: "down" } : kind === 1 ? { kind: "error", rate: nextUnit(random) } : { kind: "slow", factor: 1 + nextBelow(random, 20) },
    };
  });
}

/** Further faults of endpoints and of the line to them: a fork of its own, so that the older draws stay what they were. */
function randomLineFaults(seed: number, endpoints: number): FaultSpec[] {
  const random = forkRandom(seed, "random-line-faults");
  if (nextUnit(random) < 0.5) return [];
  const kinds: readonly (() => FaultSpec["fault"])[] = [
    () => ({ kind: "overload", rate: nextUnit(random) }),
    () => ({ kind: "cut", rate: nextUnit(random) }),
    () => ({ kind: "stall" }),
    () => ({ kind: "latency", delay: micros(nextBelow(random, 300_000)) }),
    () => ({ kind: "loss", rate: nextUnit(random) * 0.5 }),
    () => ({ kind: "partition" }),
  ];
  return Array.from({ length: 1 + nextBelow(random, 4) }, () => {
    const at = nextBelow(random, 30_000_000);
    const fault = (kinds[nextBelow(random, kinds.length)] ?? (() => ({ kind: "stall" as const })))();
    return { endpoint: nextBelow(random, endpoints) as EndpointId, at: instantAt(at), until: instantAt(at + nextBelow(random, 20_000_000)), fault };
  });
}

/** Of replicas of the router. */
function randomCrashes(seed: number): FaultPlan[] {
  const random = forkRandom(seed, "random-crashes");
  if (nextUnit(random) < 0.7) return [];
  return Array.from({ length: 1 + nextBelow(random, 3) }, (_, place) => ({
    name: `crash ${place}`,
    target: { kind: "replica", replica: nextBelow(random, 3) },
    timing: { kind: "once", at: instantAt(nextBelow(random, 30_000_000)), for: micros(1 + nextBelow(random, 10_000_000)) },
  }));
}

function randomArrivals(seed: number, random: RandomState, sessions: RandomState, callers: RandomState): Arrival[] {
  let at = 0;
  const floors = forkRandom(seed, "random-floors");
  return Array.from({ length: 300 }, (_, place) => {
    at += nextUnit(random) < 0.3 ? 0 : nextBelow(random, nextUnit(random) < 0.05 ? 3_000_000 : 100_000);
    const inputTokens = 1 + nextBelow(random, 600);
    return {
      at: instantAt(at),
      inputTokens,
      outputTokens: 1 + nextBelow(random, 80),
      blocks: randomBlocks(sessions, inputTokens),
      route: null,
      tenant: `tenant-${place % 2}`,
      priority: nextUnit(callers) < 0.2 ? nextBelow(callers, 3) : 0,
      ...(nextUnit(callers) < 0.15 ? { patience: millis(nextBelow(callers, 4_000)) } : {}),
      ...randomFloor(floors, isGraded(seed)),
    };
  });
}

/** Half of the prompts begin with a common block and go on as one of eight sessions. */
function randomBlocks(random: RandomState, inputTokens: number): Int32Array | null {
  const session = nextBelow(random, 16);
  return session < 8 ? Int32Array.from({ length: Math.floor(inputTokens / 16) }, (_, depth) => (depth === 0 ? 1 : session * 1000 + depth)) : null;
}

export interface Played {
  readonly records: readonly RequestRecord[];
  readonly breakers: readonly string[];
  /** Attempts that lost to another of their request. */
  readonly hedgesLost: number;
  readonly violations: readonly Violation[];
  readonly log: readonly string[];
}

/** Plays it with the invariants watching; `log` holds every event and command of the router, one line each, where it is asked for. */
export function playScenario(
  scenario: CompiledScenario,
  arrivals: readonly Arrival[],
  seed: number,
  options: { readonly log: boolean } = { log: false },
): Played {
  const records: RequestRecord[] = [];
  const breakers: string[] = [];
  const log: string[] = [];
  let hedgesLost = 0;
  const invariants = new FleetInvariants(scenario);
  const journal = new JournalInvariant(scenario.config);
  const world = createWorld(scenario, {
    seed,
    arrivals: arrivals[Symbol.iterator](),
    observer: {
      requestEnded: (record) => void records.push(record),
      breakerChanged: (endpoint, _from, to, at) => void breakers.push(`${at} ${endpoint} ${to}`),
    },
    watch: {
      wake: (now, replica) => journal.wake(now, replica),
      crashed: (at, replica) => invariants.crashed(at, replica),
      attach: (router, given, replica) => journal.attach(router, given, replica),
      event: (event, now, replica) => {
        invariants.event(event, now, replica);
        journal.event(event, now, replica);
        if (options.log) log.push(`${replica} ${now} ${JSON.stringify(event)}`);
      },
      command: (command, at, replica) => {
        invariants.command(command, at, replica);
        journal.command(command, at, replica);
        if (command.kind === "abort-attempt" && command.why === "hedge-lost") hedgesLost += 1;
        if (options.log) log.push(`${replica} ${at} ${JSON.stringify(command)}`);
      },
    },
  });
  world.run();
  return { records, breakers, hedgesLost, violations: [...invariants.finished(), ...journal.finished()], log };
}
