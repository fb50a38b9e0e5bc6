import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { styleText } from "node:util";
import { Command, InvalidArgumentError, Option } from "commander";
import { InputError } from "../../router/config/problem.ts";
import { parseDuration } from "../../router/config/scalars.ts";
import { micros } from "../../router/core/time.ts";
import { overall } from "../core/measure/verdicts.ts";
import { SeedPool } from "../run/seed-pool.ts";
import { type Baseline, baselineText, readBaseline } from "../verify/baseline.ts";
import { junitText } from "../verify/junit.ts";
import { markdownText, remarks } from "../verify/markdown.ts";
import { exitCodeOfVerify, type ScenarioOutcome, type Status, type VerifyResult, worstOf } from "../verify/verify-result.ts";
import { verifyFolder } from "../verify/verify-folder.ts";
import { checkWritable } from "./check-writable.ts";
import { settingOption } from "./setting-option.ts";
import { wholeNumber } from "./whole-number.ts";

interface Options {
  readonly seeds: number;
  readonly set: readonly string[];
  readonly baseline?: string;
  readonly requireBaseline: boolean;
  readonly update: boolean;
  readonly inconclusive: "warn" | "fail";
  /** Milliseconds. */
  readonly budget?: number;
  readonly workers?: number;
  readonly strict: boolean;
  readonly junit?: string;
  readonly markdown?: string;
  readonly json: boolean;
}

const help = `
Every scenario runs with so many seeds on all cores; its targets are judged over them, and its figures are compared with the baseline, paired by seed. The first run
writes the baseline. A figure is worse when it is beyond its tolerance (which stands in the baseline and can be changed there) and chance does not explain it.

Examples:
  $ headgate verify scenarios/
  $ headgate verify scenarios/ --seeds 10 --require-baseline --junit junit.xml --markdown summary.md
  $ headgate verify scenarios/ --update

Exit codes: 0 pass, 1 a target failed or a figure is worse, 2 bad input, 3 inconclusive (with --inconclusive fail) or invalid`;

export function verifyCommand(): Command {
  return new Command("verify")
    .description("run the scenarios of a folder, judge their targets and compare with the baseline: for CI")
    .argument("<folder>", "folder with scenarios (*.yaml)")
    .option("--seeds <n>", "seeds per scenario, from its own one up", wholeNumber(1, 1000), 3)
    .addOption(settingOption())
    .option("--baseline <file>", "the baseline; absent: baseline.json in the folder")
    .option("--require-baseline", "fail where the baseline, or a scenario in it, is missing", false)
    .option("--update", "show what differs, then write the baseline anew", false)
    .addOption(new Option("--inconclusive <how>", "what does not come to a verdict: warn (exit 0) or fail (exit 3)").choices(["warn", "fail"]).default("warn"))
    .option("--budget <time>", "begin no run after it (2m, 90s); what did not fit is said and counts as inconclusive", milliseconds)
    .option("--workers <n>", "threads; absent: one per core", wholeNumber(1, 256))
    .option("--strict", "check the router's invariants at every event (slower)", false)
    .option("--junit <file>", "write JUnit XML there")
    .option("--markdown <file>", "write a summary in Markdown there")
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", help)
    .action(verify);
}

function milliseconds(text: string): number {
  const parsed = parseDuration(text, micros(1000));
  if ("value" in parsed) return parsed.value / 1000;
  throw new InvalidArgumentError(`${parsed.message}: ${parsed.fix}.`);
}

async function verify(folder: string, options: Options): Promise<void> {
  const file = options.baseline ?? join(folder, "baseline.json");
  const baseline = readBaseline(file);
  if (options.junit !== undefined) checkWritable(options.junit, "--junit");
  if (options.markdown !== undefined) checkWritable(options.markdown, "--markdown");
  if (baseline === null && options.requireBaseline) throw noBaseline(file);
  const result = await resultOf(folder, baseline, options);
  const notices = [...result.notices, ...keepBaseline(file, baseline, result, options)];
  const told = { ...result, status: options.update ? worstOf(result.scenarios.map(statusOfTargets)) : result.status, notices };
  if (options.junit !== undefined) writeFileSync(options.junit, junitText(told, options.inconclusive));
  if (options.markdown !== undefined) writeFileSync(options.markdown, markdownText(told));
  process.stdout.write(options.json ? `${JSON.stringify(told)}\n` : `${lines(told).join("\n")}\n`);
  process.exitCode = exitCodeOfVerify(told.status, options.inconclusive);
}

function noBaseline(file: string): InputError {
  const fix = "run once without --require-baseline, and commit what it writes";
  return new InputError([{ file, line: null, column: null, field: null, message: "there is no such baseline", fix }]);
}

async function resultOf(folder: string, baseline: Baseline | null, options: Options): Promise<VerifyResult> {
  const { seeds, strict, set: settings, requireBaseline, budget = Infinity } = options;
  const pool = new SeedPool(options.workers);
  const begun = performance.now();
  const timeOver = (): boolean => performance.now() - begun > budget;
  const progress = (name: string, seed: number): void => void process.stderr.write(`ran ${name}, seed ${seed}\n`);
  try {
    return await verifyFolder(folder, { seeds, strict, settings, baseline, requireBaseline, timeOver, progress }, pool);
  } finally {
    await pool.close();
  }
}

/** With --update the new figures are the baseline: what is worse than the old one is shown, and fails nothing. */
function statusOfTargets({ status, targets, seeds }: ScenarioOutcome): Status {
  return seeds.length === 0 ? status : overall(targets);
}

function keepBaseline(file: string, baseline: Baseline | null, { scenarios }: VerifyResult, { update }: Options): readonly string[] {
  if (baseline !== null && !update) return [];
  if (scenarios.every(({ seeds }) => seeds.length === 0)) return ["nothing ran: no baseline was written"];
  const text = baselineText(scenarios, baseline);
  writeFileSync(file, text);
  return [baseline === null ? `no baseline was there: wrote ${file}; nothing was compared. Commit it, and the next run compares with it` : `wrote ${file}`];
}

function lines({ status, scenarios, notices }: VerifyResult): readonly string[] {
  const rows = scenarios.flatMap((scenario) => [
    `${shown(scenario.status)} ${scenario.name} (${scenario.seeds.length} ${scenario.seeds.length === 1 ? "seed" : "seeds"}${comparedNote(scenario.compared.length)})`,
    ...remarks(scenario).map((remark) => `    ${remark}`),
  ]);
  return [...rows, ...notices.map((notice) => `note: ${notice}`), `verdict: ${shown(status)}`];
}

const comparedNote = (figures: number): string => (figures === 0 ? "" : `, ${figures} figures compared`);

function shown(status: Status): string {
  const colour = status === "pass" ? "green" : status === "fail" || status === "invalid" ? "red" : "yellow";
  return styleText(colour, status.replace("-", " "));
}
