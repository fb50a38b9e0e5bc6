import { type CompiledScenario, everyVersion } from "../core/compiled-scenario.ts";
import type { RouterWatch } from "../core/router-watch.ts";
import type { Duration } from "../../router/core/machine.ts";
import { seconds, startOfTime } from "../../router/core/time.ts";
import { type FaultScript, resolveFaults } from "../core/fault/resolve-faults.ts";
import { BreakerJudge, type BreakerJudgement } from "../core/measure/breaker-judge.ts";
import { fleetFigures } from "../core/measure/fleet-figures.ts";
import { type ProbeCount, ProbeTally } from "../core/measure/probe-tally.ts";
import { FleetTally } from "../core/measure/fleet-tally.ts";
import type { Sample } from "../core/measure/time-series.ts";
import type { RunFacts } from "../core/measure/metrics.ts";
import type { EndpointSignals } from "../core/endpoint.ts";
import { rehearseReplica } from "../core/rehearsal.ts";
import { createWorld } from "../core/world.ts";
import { FleetInvariants } from "../core/invariant/fleet-invariants.ts";
import type { BreakerChange } from "../core/measure/request-record.ts";
import type { RunFigures } from "../core/measure/summarise.ts";
import { summaryOptions } from "../core/measure/summary-options.ts";
import type { LoadedScenario } from "../scenario/loaded-scenario.ts";
import { type RecordsKept, RunRecords } from "./run-records.ts";
import { runToEnd } from "./run-to-end.ts";
import { SimulationJournal } from "./simulation-journal.ts";

export interface SeedRun {
  readonly seed: number;
  readonly figures: RunFigures;
  readonly breakerChanges: readonly BreakerChange[];
  /** By EndpointId, at the end. */
  readonly signals: readonly EndpointSignals[];
  /** By EndpointId, and of all. */
  readonly breakers: readonly BreakerJudgement[];
  /** By EndpointId; absent: never probed. */
  readonly probes: readonly (ProbeCount | undefined)[];
  readonly facts: RunFacts;
  /** What really went wrong, and when. */
  readonly faults: FaultScript;
  readonly records: RunRecords;
  readonly sampleEvery: Duration;
  readonly samples: readonly Sample[];
}

export interface SeedOptions {
  readonly strict: boolean;
  readonly journal?: string | undefined;
  /** Absent: only figures. */
  readonly keeps?: RecordsKept | undefined;
}

/** What is kept of seeds after the first: no records. */
export type SeedMeasure = Pick<SeedRun, "seed" | "figures" | "facts">;

export function figuresOnly({ seed, figures, facts }: SeedRun): SeedMeasure {
  return { seed, figures, facts };
}

/** Runs a scenario to its end in virtual time. @throws Error in strict mode, when an invariant does not hold */
export function runSeed(scenario: LoadedScenario, seed: number, { strict, journal: folder, keeps = "figures" }: SeedOptions): SeedRun {
  const { compiled } = scenario;
  const breakerChanges: BreakerChange[] = [];
  const invariants = strict ? new FleetInvariants(compiled) : undefined;
  const journal = folder === undefined ? undefined : new SimulationJournal(folder, compiled.config, `seed-${seed}`);
  const faults = resolveFaults(compiled, seed);
  const judge = new BreakerJudge(everyVersion(compiled), faults.endpoints);
  const tally = new FleetTally(compiled.endpoints);
  const probes = new ProbeTally();
  const samples: Sample[] = [];
  let lastEnd = startOfTime;
  const sampleEvery = compiled.sampleEvery ?? sampleEveryOf(scenario.trace.spanUs);
  const config = everyVersion(compiled);
  const records = new RunRecords({ config, summary: summaryOptions(compiled), sampleEvery, keeps });
  rehearse(compiled);
  const world = createWorld(compiled, {
    seed,
    sampleEvery,
    arrivals: scenario.arrivals(seed),
    closedLoop: scenario.closedLoop() ?? undefined,
    watch: watchedBy([invariants, journal].filter((watch) => watch !== undefined)),
    observer: {
      requestEnded: (record) => {
        lastEnd = record.end;
        records.add(record);
      },
      breakerChanged: (endpoint, from, to, at, replica) => {
        breakerChanges.push({ endpoint, from, to, at, replica });
        judge.breakerChanged(endpoint, to, at);
      },
      attemptEnded: (endpoint, startedAt, at, failed) => judge.attemptEnded(endpoint, startedAt, at, failed),
      probeEnded: (endpoint, healthy) => probes.ended(endpoint, healthy),
      healthChanged: (endpoint, healthy) => probes.changed(endpoint, healthy),
      sampled: (now, signals) => {
        tally.sample(now, signals);
        samples.push({ at: now, signals, probes: probes.counts() });
      },
    },
  });
  runToEnd(world, scenario.trace.rows);
  tally.end(lastEnd, world.signals());
  journal?.close();
  const violations = invariants?.finished() ?? [];
  if (violations.length > 0)
    throw new Error(`invariants broken with seed ${seed}:\n${violations.map(({ invariant, at, what }) => `  ${invariant} at ${at} us: ${what}`).join("\n")}`);
  return {
    seed,
    figures: records.figures(),
    breakerChanges,
    signals: world.signals(),
    breakers: config.endpoints.map(({ id }) => judge.judgement(id)),
    probes: probes.counts(),
    facts: {
      breakerOpenings: breakerChanges.filter(({ to }) => to === "open").length,
      breakers: judge.judgement(null),
      fleet: fleetFigures(config, tally.uses(), compiled.machines ?? []),
    },
    faults,
    records,
    sampleEvery,
    samples,
  };
}

function rehearse({ endpoints }: CompiledScenario): void {
  const replica = endpoints.find((endpoint) => endpoint.kind === "vllm");
  if (replica !== undefined) rehearseReplica(replica);
}

/** Whole seconds, some 300 of them in the run. */
function sampleEveryOf(spanUs: number): Duration {
  return seconds(Math.max(1, Math.ceil(spanUs / 300_000_000)));
}

function watchedBy(watches: readonly RouterWatch[]): RouterWatch | undefined {
  if (watches.length < 2) return watches[0];
  return {
    attach: (router, options, replica) => watches.forEach((watch) => watch.attach?.(router, options, replica)),
    event: (event, now, replica) => watches.forEach((watch) => watch.event(event, now, replica)),
    command: (command, at, replica) => watches.forEach((watch) => watch.command(command, at, replica)),
    crashed: (at, replica) => watches.forEach((watch) => watch.crashed?.(at, replica)),
    wake: (now, replica) => watches.forEach((watch) => watch.wake?.(now, replica)),
  };
}
