import { headgateVersion } from "../../router/config/project-root.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { BreakerChange } from "../core/measure/request-record.ts";
import { metricsOf } from "../core/measure/metrics.ts";
import { percentileMethod } from "../core/measure/percentile.ts";
import { judge, overall } from "../core/measure/verdicts.ts";
import { resultVersion } from "../result/run-result.ts";
import type { BreakerFigures, EngineFigures, JudgedResult, ModelProvenance, NotApplicableResult, Provenance } from "../result/run-result.ts";
import type { LoadedScenario, NotApplicable } from "../scenario/loaded-scenario.ts";
import type { EndpointModelSpec } from "../core/compiled-scenario.ts";
import { runSeed } from "./run-seed.ts";
import type { SeedRun } from "./run-seed.ts";

export interface RunOptions {
  readonly seeds: readonly [number, ...number[]];
  /** With invariant checkers. */
  readonly strict: boolean;
  /** A folder for each core's journal. */
  readonly journal?: string | undefined;
}

/** Simulates a scenario with each seed and judges its targets over all of them. */
export function runScenario(scenario: LoadedScenario, options: RunOptions): JudgedResult {
  const [firstSeed, ...otherSeeds] = options.seeds;
  const first = runSeed(scenario, firstSeed, options);
  const runs = [first, ...otherSeeds.map((seed) => runSeed(scenario, seed, options))];
  return resultOf(scenario, "simulated", first, runs);
}

/** @param runs `first` among them */
export function resultOf(scenario: LoadedScenario, clock: Provenance["clock"], first: SeedRun, runs: readonly SeedRun[]): JudgedResult {
  const { config, targets } = scenario.compiled;
  const seeds = runs.map(({ seed, figures, breakerChanges }) => ({ seed, metrics: metricsOf(figures.summary, breakerChanges.filter(isOpening).length) }));
  const verdicts = judge(
    targets,
    seeds.map(({ metrics }) => metrics),
  );
  return {
    version: resultVersion,
    kind: "judged",
    verdict: overall(verdicts),
    scenario: { name: scenario.name, description: scenario.description },
    provenance: provenanceOf(scenario, clock),
    seeds,
    summary: first.figures.summary,
    routes: config.routes.flatMap(({ id, name }) => named(name, first.figures.routes[id])),
    deployments: config.deployments.flatMap(({ id, name }) => named(name, first.figures.deployments[id])),
    breakers: breakersOf(config, first.breakerChanges, scenario.compiled.replicas.count > 1),
    engines: enginesOf(scenario, first.signals),
    verdicts,
  };
}

export function notApplicableResult({ name, description, reason }: NotApplicable): NotApplicableResult {
  return { version: resultVersion, kind: "not-applicable", verdict: "not-applicable", scenario: { name, description }, reason };
}

const named = <Value extends object>(name: string, value: Value | undefined) => (value === undefined ? [] : [{ name, ...value }]);
/** A probe that fails opens it again: that is the same trouble, not a new one, but an opening all the same. */
const isOpening = (change: BreakerChange): boolean => change.to === "open";

function breakersOf(config: CompiledConfig, changes: readonly BreakerChange[], several: boolean): readonly BreakerFigures[] {
  return config.endpoints.map((endpoint) => {
    const own = changes.filter((change) => change.endpoint === endpoint.id);
    return {
      endpoint: endpointName(config, endpoint.id),
      openings: own.filter(isOpening).length,
      changes: own.slice(0, 100).map(({ at, from, to, replica }) => ({ atMs: at / 1000, from, to, ...(several ? { replica } : {}) })),
    };
  });
}

function enginesOf({ compiled }: LoadedScenario, signals: SeedRun["signals"]): readonly EngineFigures[] {
  return compiled.config.endpoints.flatMap(({ id }): readonly EngineFigures[] => {
    const signal = signals[id];
    if (signal === undefined || compiled.endpoints[id]?.kind !== "vllm") return [];
    const { steps, stepsOutsideRange } = signal;
    const outsideRangePercent = steps === 0 ? 0 : Math.round((10_000 * stepsOutsideRange) / steps) / 100;
    return [{ endpoint: endpointName(compiled.config, id), steps, stepsOutsideRange, outsideRangePercent }];
  });
}

/** `deployment/replica`, as fault targets name it. */
export function endpointName(config: CompiledConfig, id: BreakerChange["endpoint"]): string {
  const deployment = config.deployments.find((candidate) => candidate.endpoints.includes(id));
  return deployment === undefined ? `endpoint ${id}` : `${deployment.name}/${deployment.endpoints.indexOf(id)}`;
}

function provenanceOf(scenario: LoadedScenario, clock: Provenance["clock"]): Provenance {
  const { format, file, relativeTo, rows, speed, spanUs, sha256, loop, jitterUs, drawnFeatures, notes } = scenario.trace;
  const { config, endpoints } = scenario.compiled;
  return {
    clock,
    headgate: headgateVersion(),
    percentiles: percentileMethod,
    arrivals: {
      source: "trace",
      format,
      file,
      relativeTo,
      rows,
      speed,
      spanMs: spanUs / 1000,
      sha256,
      ...(loop === "closed" ? { loop } : {}),
      ...(jitterUs === null ? {} : { jitter: { withinMs: jitterUs / 1000, seed: scenario.seed } }),
      ...(drawnFeatures.length === 0 ? {} : { drawnFeatures }),
      ...(notes.length === 0 ? {} : { notes }),
    },
    scenario: { sha256: scenario.sha256 },
    config: { file: scenario.config.file, version: config.version, sha256: scenario.config.sha256 },
    models: config.deployments.flatMap(({ name, endpoints: [first] }): Provenance["models"] => {
      const spec = first === undefined ? undefined : endpoints[first];
      if (spec === undefined) return [];
      if (spec.kind === "hosted") return [{ deployment: name, model: "latency distribution and quota, as given", errorPercent: null }];
      return [vllmProvenance(name, spec)];
    }),
  };
}

function vllmProvenance(deployment: string, { engine, modelled }: Extract<EndpointModelSpec, { readonly kind: "vllm" }>): ModelProvenance {
  const { kind, hardware, model, engineVersion, errorPercent } = engine.stepTime.source;
  const named = { deployment, model: `${hardware}, ${model}, vLLM ${engineVersion}: ${kind}` };
  if (modelled === undefined) return { ...named, errorPercent };
  return { ...named, errorPercent: modelled.errorPercent, profile: modelled.profile, ...(modelled.exact ? {} : { nearestTo: modelled.asked }) };
}
