import { readdirSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../router/config/problem.ts";
import { judge, overall } from "../core/measure/verdicts.ts";
import { metricsOf } from "../core/measure/metrics.ts";
import type { SeedFigures } from "../result/run-result.ts";
import type { SeedPool } from "../run/seed-pool.ts";
import { loadScenario } from "../scenario/load-scenario.ts";
import type { LoadedScenario, NotApplicable } from "../scenario/loaded-scenario.ts";
import type { Baseline } from "./baseline.ts";
import { type ComparedFigure, compareFigures } from "./compare-figures.ts";
import { type ScenarioOutcome, type Status, statusOf, type VerifyResult, worstOf } from "./verify-result.ts";

export interface VerifyOptions {
  readonly seeds: number;
  readonly strict: boolean;
  /** `path=value` over every scenario. */
  readonly settings: readonly string[];
  readonly baseline: Baseline | null;
  /** A scenario that the baseline does not know fails. */
  readonly requireBaseline: boolean;
  /** Whether no further run may begin. */
  readonly timeOver: () => boolean;
  readonly progress: (name: string, seed: number) => void;
}

interface Subject {
  readonly scenario: LoadedScenario;
  readonly seeds: SeedFigures[];
}

/** Runs all scenarios of a folder (not of folders in it), first each with its first seed, then each with the next. @throws InputError */
export async function verifyFolder(folder: string, options: VerifyOptions, pool: SeedPool): Promise<VerifyResult> {
  const loaded: (LoadedScenario | NotApplicable)[] = [];
  for (const file of scenarioFiles(folder)) loaded.push(await loadScenario(file, process.env, { settings: options.settings }));
  const subjects = loaded.flatMap((scenario): readonly Subject[] => (scenario.kind === "loaded" ? [{ scenario, seeds: [] }] : []));
  await runAll(subjects, options, pool);
  const scenarios = loaded.map((scenario): ScenarioOutcome => {
    const subject = subjects.find((candidate) => candidate.scenario === scenario);
    return subject === undefined ? notApplicable(scenario, options.seeds) : outcomeOf(subject, options);
  });
  const gone = [...(options.baseline?.scenarios.keys() ?? [])].filter((name) => scenarios.every((scenario) => scenario.name !== name));
  const notices = gone.map((name) => `the baseline has ${name}, which the folder has not`);
  return { version: 1, kind: "verify", status: worstOf(scenarios.map(({ status }) => status)), scenarios, notices };
}

/** @throws InputError */
function scenarioFiles(folder: string): readonly string[] {
  const wrong = (message: string) =>
    new InputError([{ file: folder, line: null, column: null, field: null, message, fix: "name a folder with scenarios (*.yaml)" }]);
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    throw wrong("is no folder that can be read");
  }
  const files = names.filter((name) => /\.ya?ml$/.test(name)).toSorted();
  if (files.length === 0) throw wrong("has no scenarios");
  return files.map((name) => join(folder, name));
}

async function runAll(subjects: readonly Subject[], { seeds, strict, timeOver, progress }: VerifyOptions, pool: SeedPool): Promise<void> {
  const jobs = Array.from({ length: seeds }, (_, later) => subjects.map((subject) => ({ subject, seed: subject.scenario.seed + later }))).flat();
  const workAll = async (): Promise<void> => {
    for (let job = timeOver() ? undefined : jobs.shift(); job !== undefined; job = timeOver() ? undefined : jobs.shift()) {
      const { subject, seed } = job;
      const { file, settings } = subject.scenario;
      const { figures, facts } = await pool.run({ file, settings, seed, strict, journal: null });
      subject.seeds.push({ seed, metrics: metricsOf(figures.summary, facts) });
      progress(subject.scenario.name, seed);
    }
  };
  await Promise.all(Array.from({ length: pool.size }, workAll));
  for (const subject of subjects) subject.seeds.sort((one, other) => one.seed - other.seed);
}

function notApplicable({ name, file, ...rest }: LoadedScenario | NotApplicable, seedsWanted: number): ScenarioOutcome {
  const notes = "reason" in rest ? [rest.reason] : [];
  return { name, file, status: "not-applicable", notes, seedsWanted, seeds: [], targets: [], compared: [] };
}

function outcomeOf({ scenario, seeds }: Subject, options: VerifyOptions): ScenarioOutcome {
  const { name, file, compiled } = scenario;
  const base = { name, file, seedsWanted: options.seeds, seeds };
  if (seeds.length === 0) return { ...base, status: "not-run", notes: ["the time was over before it could run"], targets: [], compared: [] };
  const targets = judge(
    compiled.targets,
    seeds.map(({ metrics }) => metrics),
  );
  const before = options.baseline?.scenarios.get(name);
  const compared = options.baseline === null || before === undefined ? [] : comparedWith(before, seeds, options.baseline);
  const absent = before === undefined && (options.baseline !== null || options.requireBaseline);
  const unpaired = before !== undefined && compared.length === 0;
  const notes = [
    ...(seeds.length < options.seeds ? [`the time was over after ${seeds.length} of ${options.seeds} seeds`] : []),
    ...(absent ? ["not in the baseline: --update adds it"] : []),
    ...(unpaired ? ["no seed of it is in the baseline: --update writes these"] : []),
  ];
  const strictly: readonly Status[] = (absent || unpaired) && options.requireBaseline ? ["fail"] : unpaired ? ["inconclusive"] : [];
  return { ...base, status: worstOf([statusOf(overall(targets), compared), ...strictly]), notes, targets, compared };
}

function comparedWith(before: readonly SeedFigures[], after: readonly SeedFigures[], { tolerances }: Baseline): readonly ComparedFigure[] {
  const pairs = after.flatMap(({ seed, metrics }) => {
    const old = before.find((candidate) => candidate.seed === seed);
    return old === undefined ? [] : [{ seed, before: old.metrics, after: metrics }];
  });
  return compareFigures(pairs, tolerances);
}
