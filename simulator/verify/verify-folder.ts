import { readdirSync } from "node:fs";
import { join } from "node:path";
import { InputError, type Problem } from "../../router/config/problem.ts";
import { metricsOf } from "../core/measure/metrics.ts";
import type { SeedFigures } from "../result/run-result.ts";
import type { SeedPool } from "../run/seed-pool.ts";
import { loadScenario } from "../scenario/load-scenario.ts";
import type { LoadedScenario, NotApplicable } from "../scenario/loaded-scenario.ts";
import { notApplicable, type OutcomeOptions, outcomeOf } from "./scenario-outcome.ts";
import { type ScenarioOutcome, type VerifyResult, worstOf } from "./verify-result.ts";

export interface VerifyOptions extends OutcomeOptions {
  readonly strict: boolean;
  /** `path=value` over every scenario. */
  readonly settings: readonly string[];
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
  const loaded = await loadAll(scenarioFiles(folder), options.settings);
  const subjects = loaded.flatMap((scenario): readonly Subject[] => (scenario.kind === "loaded" ? [{ scenario, seeds: [] }] : []));
  await runAll(subjects, options, pool);
  const scenarios = loaded.map((scenario): ScenarioOutcome => {
    const subject = subjects.find((candidate) => candidate.scenario === scenario);
    if (subject === undefined) return notApplicable(scenario, options.seeds);
    return outcomeOf({ ...scenario, targets: subject.scenario.compiled.targets, seeds: subject.seeds }, options);
  });
  const gone = [...(options.baseline?.scenarios.keys() ?? [])].filter((name) => scenarios.every((scenario) => scenario.name !== name));
  const notices = gone.map((name) => `the baseline has ${name}, which the folder has not`);
  return { version: 1, kind: "verify", status: worstOf(scenarios.map(({ status }) => status)), scenarios, notices };
}

/** @throws InputError with the problems of all files */
async function loadAll(files: readonly string[], settings: readonly string[]): Promise<readonly (LoadedScenario | NotApplicable)[]> {
  const loaded: (LoadedScenario | NotApplicable)[] = [];
  const problems: Problem[] = [];
  for (const file of files) {
    try {
      loaded.push(await loadScenario(file, process.env, { settings }));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new InputError(problems);
  return loaded;
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
