import type { RouterWatch } from "../core/replica.ts";
import type { EndpointSignals } from "../core/endpoint.ts";
import { createWorld } from "../core/world.ts";
import { FleetInvariants } from "../core/invariant/fleet-invariants.ts";
import { RecordTable } from "../core/measure/record-table.ts";
import type { BreakerChange } from "../core/measure/request-record.ts";
import { summarise } from "../core/measure/summarise.ts";
import type { RunFigures } from "../core/measure/summarise.ts";
import type { LoadedScenario } from "../scenario/loaded-scenario.ts";
import { SimulationJournal } from "./simulation-journal.ts";

export interface SeedRun {
  readonly seed: number;
  readonly figures: RunFigures;
  readonly breakerChanges: readonly BreakerChange[];
  /** By EndpointId, at the end. */
  readonly signals: readonly EndpointSignals[];
}

export interface SeedOptions {
  readonly strict: boolean;
  readonly journal?: string | undefined;
}

/** Runs a scenario to its end in virtual time. @throws Error in strict mode, when an invariant does not hold */
export function runSeed(scenario: LoadedScenario, seed: number, { strict, journal: folder }: SeedOptions): SeedRun {
  const { compiled } = scenario;
  const table = new RecordTable();
  const breakerChanges: BreakerChange[] = [];
  const invariants = strict ? new FleetInvariants(compiled) : undefined;
  const journal = folder === undefined ? undefined : new SimulationJournal(folder, compiled.config, `seed-${seed}`);
  const world = createWorld(compiled, {
    seed,
    arrivals: scenario.arrivals(),
    closedLoop: scenario.closedLoop() ?? undefined,
    watch: watchedBy([invariants, journal].filter((watch) => watch !== undefined)),
    observer: {
      requestEnded: (record) => table.add(record),
      breakerChanged: (endpoint, from, to, at, replica) => breakerChanges.push({ endpoint, from, to, at, replica }),
    },
  });
  world.run();
  journal?.close();
  const violations = invariants?.finished() ?? [];
  if (violations.length > 0)
    throw new Error(`invariants broken with seed ${seed}:\n${violations.map(({ invariant, at, what }) => `  ${invariant} at ${at} us: ${what}`).join("\n")}`);
  const { routes, deployments } = compiled.config;
  return {
    seed,
    figures: summarise(table, { warmUp: compiled.warmUp, routes: routes.length, deployments: deployments.length }),
    breakerChanges,
    signals: world.signals(),
  };
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
