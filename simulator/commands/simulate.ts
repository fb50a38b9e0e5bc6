import { Command, Option } from "commander";
import { writeResult } from "../result/result-json.ts";
import { runsFolder } from "../run/replay-folder.ts";
import { type RecordFormat, writeRun } from "../run/run-folder.ts";
import { notApplicableResult, type RunOptions, runWithRecords, runWithRecordsParallel, type ScenarioRun } from "../run/run-scenario.ts";
import { SeedPool } from "../run/seed-pool.ts";
import { loadScenario } from "../scenario/load-scenario.ts";
import type { LoadedScenario, NotApplicable } from "../scenario/loaded-scenario.ts";
import { nearestNotices } from "../scenario/nearest-notices.ts";
import { checkFolder } from "./check-writable.ts";
import { exitCodeOf } from "./exit-code.ts";
import { settingOption } from "./setting-option.ts";
import { reportLines } from "./simulate-report.ts";
import { seedNumber, wholeNumber } from "./whole-number.ts";

interface Options {
  readonly set: readonly string[];
  readonly seed?: number;
  readonly seeds: number;
  readonly json: boolean;
  readonly strict: boolean;
  readonly journal?: string;
  readonly records?: RecordFormat;
  readonly out: string;
}

export function simulateCommand(): Command {
  return new Command("simulate")
    .description("run a scenario in virtual time and judge its targets")
    .argument("<scenario>", "scenario (YAML)")
    .addOption(settingOption())
    .option("--seed <n>", "seed of all that is drawn in the run; absent: the scenario's, which the trace's own draws keep to", seedNumber)
    .option("--seeds <n>", "run with so many seeds, from the first one up, and judge the targets over all of them", wholeNumber(1, 10_000), 1)
    .option("--json", "print the result as JSON", false)
    .option("--strict", "check the router's invariants at every event (slower)", false)
    .addOption(new Option("--records <format>", "write every request of the first seed too").choices(["csv", "parquet"]))
    .option("--out <folder>", "where results are kept, each run in a folder of its own", runsFolder)
    .option("--journal <folder>", "write every input and command of each core there, for `headgate journal replay`")
    .addHelpText(
      "after",
      "\nExamples:\n  headgate simulate scenarios/demo.yaml\n  headgate simulate scenarios/azure-conversation.yaml --seeds 5 --json > result.json\n  headgate simulate scenarios/demo.yaml --set fleet.gpu-pool.replicas=3 --records csv\n\nExit codes: 0 pass (or nothing to judge), 1 a target failed, 2 bad input, 3 inconclusive",
    )
    .action(simulate);
}

async function simulate(file: string, options: Options): Promise<void> {
  const loaded = await loadScenario(file, process.env, { settings: options.set });
  if (loaded.kind === "not-applicable") {
    sayNotApplicable(loaded, options.json);
    return;
  }
  checkFolder(options.out, "--out");
  if (options.journal !== undefined) checkFolder(options.journal, "--journal");
  sayNotices(loaded);
  const firstSeed = options.seed ?? loaded.seed;
  const others = Array.from({ length: options.seeds - 1 }, (_, index) => firstSeed + 1 + index);
  const before = process.cpuUsage();
  const { result, first } = await played(loaded, {
    seeds: [firstSeed, ...others],
    strict: options.strict,
    journal: options.journal,
    keeps: options.records === undefined ? "series" : "requests",
  });
  const used = process.cpuUsage(before);
  const cpuSeconds = (used.user + used.system) / 1_000_000;
  process.stderr.write(`${speedLine(loaded, options.seeds, cpuSeconds)}\n`);
  process.stderr.write(`results are in ${writeRun(options.out, loaded, result, first, options.records ?? null)}\n`);
  process.stdout.write(options.json ? writeResult(result) : `${reportLines(result).join("\n")}\n`);
  process.exitCode = exitCodeOf(result.verdict);
}

/** How many calls come of sessions depends on how fast they are answered. */
function speedLine({ trace }: LoadedScenario, seeds: number, cpuSeconds: number): string {
  const took = `in ${cpuSeconds.toFixed(2)} s of CPU time`;
  if (trace.loop === "closed") return `simulated ${seeds} ${seeds === 1 ? "run" : "runs"} of sessions ${took}`;
  const requests = trace.rows * seeds;
  return `simulated ${requests.toLocaleString("en")} requests ${took}: ${Math.round(requests / cpuSeconds).toLocaleString("en")} a second`;
}

/** Several seeds run on all cores. */
async function played(scenario: LoadedScenario, options: RunOptions): Promise<ScenarioRun> {
  if (options.seeds.length === 1) return runWithRecords(scenario, options);
  const pool = new SeedPool();
  try {
    return await runWithRecordsParallel(scenario, options, pool);
  } finally {
    await pool.close();
  }
}

/** What the scenario asked for and does not get. */
export function sayNotices({ compiled }: LoadedScenario): void {
  for (const notice of nearestNotices(compiled)) process.stderr.write(`${notice}\n`);
}

export function sayNotApplicable(scenario: NotApplicable, json: boolean): void {
  process.stderr.write(`NOT APPLICABLE: ${scenario.name} was not run: ${scenario.reason}\n`);
  process.stdout.write(json ? writeResult(notApplicableResult(scenario)) : `verdict: not applicable (${scenario.reason})\n`);
  process.exitCode = exitCodeOf("not-applicable");
}
