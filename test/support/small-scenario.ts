import type { CompiledConfig, DeploymentSpec } from "../../router/core/compiled-config.ts";
import { type CompiledScenario, type EndpointModelSpec, type FaultSpec, oneReplica, type VllmSpec } from "../../simulator/core/compiled-scenario.ts";
import type { HostedSpec } from "../../simulator/core/hosted/hosted-spec.ts";

/** A step takes 4 ms and 10 us per prefill token, so a prompt of 100 words has its first token some 7 ms after it came. */
export const smallVllm: VllmSpec = {
  kind: "vllm",
  engine: {
    blockTokens: 16,
    blocks: 2_000,
    sequencesMax: 16,
    batchedTokensMax: 512,
    modelTokensMax: 8_192,
    stepTime: {
      kind: "linear",
      perStepUs: 4_000,
      perPrefillTokenUs: 10,
      perSequenceUs: 20,
      perContextTokenUs: 0.001,
      perChunkAttentionUs: 0,
      source: { kind: "fitted", hardware: "test", model: "test", engineVersion: "test", errorPercent: 0 },
    },
  },
  frontEndBefore: 1_000 as never,
  frontEndAfter: 500 as never,
};

export const smallHosted: HostedSpec = {
  kind: "hosted",
  firstToken: { p50: 30_000 as never, p95: 30_000 as never },
  perToken: { p50: 5_000 as never, p95: 5_000 as never },
  quota: null,
};

export interface SmallPool {
  readonly name: string;
  /** vllm where none is given. */
  readonly provider?: string;
  readonly model: string;
  readonly replicas: readonly EndpointModelSpec[];
  readonly origins?: readonly string[];
}

export function smallScenario(pools: readonly SmallPool[], faults: readonly FaultSpec[] = []): CompiledScenario {
  const deployments: DeploymentSpec[] = [];
  const endpoints: { id: number; deployment: number; identity: string; origin: string; zone: string }[] = [];
  const models: EndpointModelSpec[] = [];
  for (const [id, pool] of pools.entries()) {
    const own = pool.replicas.map((model, place) => {
      const endpoint = endpoints.length;
      const origin = pool.origins?.[place] ?? `http://127.0.0.1:${9_900 + endpoint}`;
      endpoints.push({ id: endpoint, deployment: id, identity: `${origin} ${pool.model} -`, origin, zone: "a" });
      models.push(model);
      return endpoint;
    });
    deployments.push({
      id,
      name: pool.name,
      provider: pool.provider ?? "vllm",
      model: pool.model,
      weight: 1,
      contextTokens: 8_192,
      concurrencyMax: Infinity,
      adaptiveLimit: null,
      rates: { input: 100_000, cachedRead: 50_000, cacheWrite: 0, output: 400_000 },
      breaker: { enabled: true, failures: 5, open: 60_000_000, probes: 3, probesAtOnce: 1, growthPercent: 100, openMax: 60_000_000, stable: 0, rate: null },
      probe: null,
      endpoints: own,
    } as never);
  }
  const config = {
    version: 1,
    routes: [],
    deployments,
    endpoints,
    retryBudget: { budgetPerMille: 100, budgetFloorPerSecond: 10 },
  } as unknown as CompiledConfig;
  return { name: "small", config, endpoints: models, faults, replicas: oneReplica, defaultRoute: 0 as never, warmUp: 0 as never, targets: [] };
}
