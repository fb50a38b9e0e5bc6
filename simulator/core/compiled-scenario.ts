import type { CompiledConfig, ConfigVersion } from "../../router/core/compiled-config.ts";
import { fillGaps } from "../../router/core/rollout/align-config.ts";
import type { Place } from "../../router/core/state.ts";
import type { CanaryKey } from "../../router/core/rollout/versions.ts";
import type { Duration, Instant } from "../../router/core/machine.ts";
import type { DeploymentId, EndpointId, RouteId } from "../../router/core/messages.ts";
import type { EndpointFault, FaultPlan } from "./fault/fault-spec.ts";
import type { HostedSpec } from "./hosted/hosted-spec.ts";
import type { BaselineSpec } from "./measure/cost-figures.ts";
import type { MachineSpec } from "./measure/fleet-figures.ts";
import type { SloSpec } from "./measure/slo.ts";
import type { LeaseStoreSpec } from "./store/lease-store-spec.ts";
import type { EngineSpec } from "./engine/engine-spec.ts";

/** Plain data: what simulator/scenario makes of the YAML, and what `createWorld` and the mock load. The arrivals come beside it, from an iterator. */
export interface CompiledScenario {
  readonly name: string;
  readonly config: CompiledConfig;
  /** By EndpointId of the configuration. */
  readonly endpoints: readonly EndpointModelSpec[];
  readonly faults: readonly FaultSpec[];
  /** Faults that come again or at random, and those of the store and of replicas. */
  readonly faultPlans?: readonly FaultPlan[];
  /** Those of a plan begin before it: the end of the arrivals. */
  readonly faultsUntil?: Instant;
  readonly replicas: ReplicasSpec;
  /** Of limits and budgets; absent: near and sound. */
  readonly leaseStore?: LeaseStoreSpec;
  /** In order of time; absent: everyone stays. */
  readonly membership?: readonly MembershipSpec[];
  /** In order of time; absent: the configuration stays. */
  readonly changes?: readonly ConfigChangeSpec[];
  /** Where rows without a route go. */
  readonly defaultRoute: RouteId;
  /** Requests scheduled before it are left out of the summary. */
  readonly warmUp: Duration;
  /** And those scheduled so long after it, or later; absent: none. */
  readonly window?: Duration;
  readonly targets: readonly TargetSpec[];
  /** What a good request keeps; absent: goodput is not taken. */
  readonly slo?: SloSpec;
  /** What everything would have cost there; absent: not asked. */
  readonly baseline?: BaselineSpec;
  /** By DeploymentId; null: a hosted API. Absent: nothing is known of what machines cost. */
  readonly machines?: readonly (MachineSpec | null)[];
  /** Distance of the samples that time series and utilisation are taken from; absent: a 300th of the run, at least 1 s. */
  readonly sampleEvery?: Duration;
}

/** How many replicas of the service there are, each with a core of its own. */
export interface ReplicasSpec {
  /** At least 1. */
  readonly count: number;
  /** How long an opening or closing of a breaker takes to the other replicas; null: they do not tell each other. */
  readonly gossip: Duration | null;
  /** Null: endpoints are not asked. */
  readonly signals: SignalsSpec | null;
  /** Where they are, gone through in turns; absent: nowhere in particular. */
  readonly places?: readonly Place[];
}
export interface SignalsSpec {
  /** Each replica asks each engine once in it. */
  readonly every: Duration;
  /** From the engine's sample to the core. */
  readonly delay: Duration;
}
export const oneReplica: ReplicasSpec = { count: 1, gossip: null, signals: null };

/** An endpoint of the configuration leaves the fleet, or is there again: all replicas hear of it at once. */
export interface MembershipSpec {
  readonly endpoint: EndpointId;
  readonly at: Instant;
  readonly kind: "leaves" | "joins";
}

/** Versions of the configuration, in the ids of all that came before; all replicas hear of it at once. `endpoints` of the scenario covers them all. */
export interface ConfigChangeSpec {
  readonly at: Instant;
  /** A new version, or one that another share is set for. */
  readonly config: CompiledConfig;
  readonly share: number;
  readonly by: CanaryKey;
}

/** All ids of a scenario with the names that they have. */
export function everyVersion({ config, changes = [] }: Pick<CompiledScenario, "config" | "changes">): CompiledConfig {
  if (changes.length === 0) return config;
  const filled = fillGaps(
    config,
    changes.map((change) => change.config),
  );
  const endpointsOf = (id: DeploymentId): EndpointId[] => filled.endpoints.flatMap((endpoint) => (endpoint.deployment === id ? [endpoint.id] : []));
  return { ...filled, deployments: filled.deployments.map((deployment) => ({ ...deployment, endpoints: endpointsOf(deployment.id) })) };
}

/** Some version's replicas lease the probes of half-open breakers. */
export function sharesProbes({ config, changes = [] }: Pick<CompiledScenario, "config" | "changes">): boolean {
  return [config, ...changes.map((change) => change.config)].some(({ deployments }) => deployments.some(({ breaker }) => breaker.shared));
}

/** None where the configuration stays: then there is nothing to tell apart. */
export function versionsOf({ config, changes = [] }: Pick<CompiledScenario, "config" | "changes">): readonly ConfigVersion[] {
  return changes.length === 0 ? [] : [...new Set([config.version, ...changes.map((change) => change.config.version)])];
}

export type EndpointModelSpec = VllmSpec | HostedSpec;

/** A vLLM replica: its engine, and what its API server adds before and after. */
export interface VllmSpec {
  readonly kind: "vllm";
  readonly engine: EngineSpec;
  /** From a request's receipt to the engine's queue, and from a token to its byte on the wire. */
  readonly frontEndBefore: Duration;
  readonly frontEndAfter: Duration;
  /** And that for each token of the prompt (tokenising), and for each sequence that is running (the server sends their tokens one by one); absent: nothing. */
  readonly frontEndPerPromptTokenUs?: number;
  readonly frontEndPerSequenceUs?: number;
  /** Absent: its step times are the scenario's own. */
  readonly modelled?: ModelledAs;
}

/** Which engine profile stands for the GPU and model that were asked for. */
export interface ModelledAs {
  readonly profile: string;
  readonly asked: string;
  /** False: the nearest that is known. */
  readonly exact: boolean;
  /** Of a step's time. */
  readonly errorPercent: number;
}

/** From `at` until `until`, both since the run's start. */
export interface FaultSpec {
  readonly endpoint: EndpointId;
  readonly at: Instant;
  readonly until: Instant;
  readonly fault: EndpointFault;
}

/** A figure of the summary and its bound, in the figure's own unit. */
export interface TargetSpec {
  readonly metric: string;
  readonly bound: "max" | "min";
  readonly value: number;
}
