import { tierNames } from "../../router/config/schema.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import { everyVersion, versionsOf } from "../core/compiled-scenario.ts";
import type { BreakerChange } from "../core/measure/request-record.ts";
import { metricsOf } from "../core/measure/metrics.ts";
import { judge, overall } from "../core/measure/verdicts.ts";
import { resultVersion } from "../result/run-result.ts";
import type {
  BreakerFigures,
  BreakerTruth,
  EngineFigures,
  FaultFigures,
  JudgedResult,
  NotApplicableResult,
  ProbeFigures,
  Provenance,
} from "../result/run-result.ts";
import type { LoadedScenario, NotApplicable } from "../scenario/loaded-scenario.ts";
import { provenanceOf } from "./provenance.ts";
import type { RecordsKept } from "./run-records.ts";
import { figuresOnly, runSeed, type SeedMeasure } from "./run-seed.ts";
import type { SeedPool } from "./seed-pool.ts";
import type { SeedRun } from "./run-seed.ts";

export interface RunOptions {
  readonly seeds: readonly [number, ...number[]];
  /** With invariant checkers. */
  readonly strict: boolean;
  /** A folder for each core's journal. */
  readonly journal?: string | undefined;
  /** Of the first seed; absent: only figures. */
  readonly keeps?: RecordsKept | undefined;
}

export interface ScenarioRun {
  readonly result: JudgedResult;
  /** With its records, which the result does not hold. */
  readonly first: SeedRun;
}

/** Simulates a scenario with each seed and judges its targets over all of them. */
export function runScenario(scenario: LoadedScenario, options: RunOptions): JudgedResult {
  return runWithRecords(scenario, options).result;
}

/** The same; of the seeds after the first only figures are kept. */
export function runWithRecords(scenario: LoadedScenario, options: RunOptions): ScenarioRun {
  const [firstSeed, ...otherSeeds] = options.seeds;
  const first = runSeed(scenario, firstSeed, options);
  const others = otherSeeds.map((seed) => figuresOnly(runSeed(scenario, seed, { ...options, keeps: "figures" })));
  return { result: resultOf(scenario, "simulated", first, [first, ...others]), first };
}

/** The same on all cores: the first seed in this thread, the others in the pool's. The result is the same to the byte. */
export async function runWithRecordsParallel(scenario: LoadedScenario, options: RunOptions, pool: SeedPool): Promise<ScenarioRun> {
  const { file, settings } = scenario;
  const { seeds, strict, journal } = options;
  const [firstSeed, ...otherSeeds] = seeds;
  const others = Promise.all(otherSeeds.map((seed) => pool.run({ file, settings, seed, strict, journal: journal ?? null })));
  // Where the first seed fails too, its error is the one that is told.
  others.catch(() => undefined);
  const first = runSeed(scenario, firstSeed, options);
  return { result: resultOf(scenario, "simulated", first, [first, ...(await others)]), first };
}

/** What a result is made from: no records. */
export type SeedReport = Omit<SeedRun, "records" | "samples" | "sampleEvery">;

/** @param runs `first` among them */
export function resultOf(scenario: LoadedScenario, clock: Provenance["clock"], first: SeedReport, runs: readonly SeedMeasure[]): JudgedResult {
  const { targets } = scenario.compiled;
  const config = everyVersion(scenario.compiled);
  const versions = versionsOf(scenario.compiled);
  const seeds = runs.map(({ seed, figures, facts }) => ({ seed, metrics: metricsOf(figures.summary, facts) }));
  const verdicts = judge(
    targets,
    seeds.map(({ metrics }) => metrics),
  );
  return {
    version: resultVersion,
    kind: "judged",
    verdict: overall(verdicts),
    scenario: { name: scenario.name, description: scenario.description },
    provenance: provenanceOf(scenario, clock, first.figures.isExact),
    seeds,
    summary: first.figures.summary,
    routes: config.routes.flatMap(({ id, name }) => named(name, first.figures.routes[id])),
    deployments: config.deployments.flatMap(({ id, name }) => named(name, first.figures.deployments[id])),
    ...(versions.length === 0 ? {} : { versions: versions.flatMap((version, place) => ofVersion(version, first.figures.versions[place])) }),
    tenants: config.tenants.flatMap(({ id, name }) => named(name, first.figures.tenants[id])),
    tiers: first.figures.tiers.map(({ tier, figures }) => ({ name: tierNames[tier] ?? String(tier), ...figures })),
    fleet: first.facts.fleet ?? [],
    faults: faultsOf(config, first.faults),
    breakers: breakersOf(config, first, scenario.compiled.replicas.count > 1),
    ...(first.probes.length === 0 ? {} : { probes: probesOf(config, first.probes) }),
    engines: enginesOf(scenario, first.signals),
    verdicts,
  };
}

export function notApplicableResult({ name, description, reason }: NotApplicable): NotApplicableResult {
  return { version: resultVersion, kind: "not-applicable", verdict: "not-applicable", scenario: { name, description }, reason };
}

const ofVersion = <Value extends object>(version: number, value: Value | undefined) => (value === undefined ? [] : [{ version, ...value }]);
const named = <Value extends object>(name: string, value: Value | undefined) => (value === undefined ? [] : [{ name, ...value }]);
/** A probe that fails opens it again: that is the same trouble, not a new one, but an opening all the same. */
const isOpening = (change: BreakerChange): boolean => change.to === "open";

function breakersOf(config: CompiledConfig, { breakerChanges, breakers }: SeedReport, several: boolean): readonly BreakerFigures[] {
  return config.endpoints.map((endpoint) => {
    const own = breakerChanges.filter((change) => change.endpoint === endpoint.id);
    return {
      endpoint: endpointName(config, endpoint.id),
      openings: own.filter(isOpening).length,
      ...truthOf(breakers[endpoint.id]),
      changes: own.slice(0, 100).map(({ at, from, to, replica }) => ({ atMs: at / 1000, from, to, ...(several ? { replica } : {}) })),
    };
  });
}

function probesOf(config: CompiledConfig, probes: SeedReport["probes"]): readonly ProbeFigures[] {
  return config.endpoints.flatMap(({ id }) => {
    const count = probes[id];
    return count === undefined ? [] : [{ endpoint: endpointName(config, id), healthy: count.healthy, unhealthy: count.unhealthy, takenOut: count.takenOut }];
  });
}

function truthOf(judgement: SeedRun["breakers"][number] | undefined): BreakerTruth | object {
  if (judgement === undefined) return {};
  const { openings: _, ...truth } = judgement;
  return truth;
}

const faultsShownMax = 1000;

/** The first thousand of each kind, as they came. */
function faultsOf(config: CompiledConfig, { endpoints, store, replicas }: SeedRun["faults"]): FaultFigures {
  const times = ({ at, until }: { readonly at: number; readonly until: number }) => ({ atMs: at / 1000, untilMs: until === Infinity ? null : until / 1000 });
  return {
    count: endpoints.length + store.length + replicas.length,
    endpoints: endpoints.slice(0, faultsShownMax).map((spec) => ({ endpoint: endpointName(config, spec.endpoint), ...times(spec), ...spec.fault })),
    store: store.slice(0, faultsShownMax).map((spec) => ({ replica: spec.replica, ...times(spec) })),
    replicas: replicas.slice(0, faultsShownMax).map((spec) => ({ replica: spec.replica, ...times(spec) })),
  };
}

function enginesOf({ compiled }: LoadedScenario, signals: SeedRun["signals"]): readonly EngineFigures[] {
  const config = everyVersion(compiled);
  return config.endpoints.flatMap(({ id }): readonly EngineFigures[] => {
    const signal = signals[id];
    if (signal === undefined || compiled.endpoints[id]?.kind !== "vllm") return [];
    const { steps, stepsOutsideRange } = signal;
    const outsideRangePercent = steps === 0 ? 0 : Math.round((10_000 * stepsOutsideRange) / steps) / 100;
    return [{ endpoint: endpointName(config, id), steps, stepsOutsideRange, outsideRangePercent }];
  });
}

/** `deployment/replica`, as fault targets name it. */
export function endpointName(config: CompiledConfig, id: BreakerChange["endpoint"]): string {
  const of = config.endpoints[id]?.deployment;
  const siblings = config.endpoints.filter(({ deployment }) => deployment === of).map((endpoint) => endpoint.id);
  return of === undefined ? `endpoint ${id}` : `${config.deployments[of]?.name ?? ""}/${siblings.indexOf(id)}`;
}
