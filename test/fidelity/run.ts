/**
 * npm run fidelity [-- --schedules DIR] [--runs DIR]... [--fuzz COUNT] [--seed FIRST] [--bail]: the engine against recordings of the real one. Schedules are recorded
 * scheduler calls; runs are recorded servers (*.steps.jsonl.gz beside *.requests.jsonl.gz and *.plan.jsonl.gz) or engines on GPUs (folders with a requests.jsonl),
 * told apart by their files. Without folders: what lies in ../shared/calibration (HEADGATE_SHARED names another place). Exit 1 on any difference or missed tolerance; with --bail the fuzz ends at its first
 * difference, since what follows a broken rule need not come to an end.
 * Example: npm run fidelity -- --schedules recorded/other-seeds --runs recorded/more-runs
 */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { fuzzEngines } from "./fuzz-engines.ts";
import { fuzzSeveral } from "./fuzz-several.ts";
import { fuzzSchedules } from "./fuzz-schedules.ts";
import { isMissed } from "./figures.ts";
import { judgeEngineRun } from "./judge-engine-run.ts";
import type { Judgement } from "./judge-engine-run.ts";
import { judgeServerRun } from "./judge-server-run.ts";
import { playBatches } from "./play-batches.ts";
import { isForPlainOnly, playFastSchedule } from "./play-fast-schedule.ts";
import { playSchedule } from "./play-schedule.ts";
import { listSchedules, readSchedules } from "./recorded-case.ts";
import type { RecordedCase } from "./recorded-case.ts";
import { isEngineRun, readEngineRun } from "./recorded-engine-run.ts";
import { listServerRuns, readServerRun } from "./recorded-server-run.ts";
import { sourcesFor } from "./server-fit.ts";
import type { ServerRun } from "./recorded-server-run.ts";

const usage = "usage: npm run fidelity [-- --schedules DIR] [--runs DIR]... [--fuzz COUNT] [--seed FIRST] [--bail]";
const sharedCalibration = path.join(process.env["HEADGATE_SHARED"] ?? path.resolve(import.meta.dirname, "../../../shared"), "calibration");
const tally = { passed: 0, all: 0 };

function judge(name: string, problem: string | null): void {
  tally.all++;
  if (problem === null) tally.passed++;
  else console.log(`  ${name}: ${problem}`);
}

function playSchedules(folder: string): void {
  const files = withSubfolders(folder).flatMap(listSchedules);
  if (files.length === 0) judge(folder, "holds no schedules");
  for (const file of files) {
    const cases = readSchedules(file);
    const before = tally.passed;
    for (const recorded of cases) judge(`${path.basename(file)} ${recorded.header.case}`, differenceOf(recorded));
    const steps = cases.reduce((sum, { iterations }) => sum + iterations.length, 0);
    console.log(`schedules ${path.basename(file)}: ${tally.passed - before} of ${cases.length} cases equal, ${steps} steps`);
  }
}

/** Both forms, the fast one as it runs with either detail. */
function differenceOf(recorded: RecordedCase): string | null {
  const plain = playSchedule(recorded);
  if (plain !== null) return `plain form: ${JSON.stringify(plain)}`;
  if (isForPlainOnly(recorded)) return null;
  for (const all of [false, true]) {
    const fast = playFastSchedule(recorded, all);
    if (fast !== null) return `fast form: ${JSON.stringify(fast)}`;
  }
  return null;
}

/** The folder itself and those in it, where recordings may lie by kind or by hour. */
function withSubfolders(folder: string): string[] {
  const inside = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [folder, ...inside.map(({ name }) => path.join(folder, name)).toSorted()];
}

function playRuns(folder: string): void {
  const folders = withSubfolders(folder);
  const runs = folders.flatMap((place) => listServerRuns(place).map((name) => readServerRun(place, name)));
  // The shared ones too, so that a folder with a single run has something to be fitted on; of one name the folder's own counts.
  const known = [...new Map([...sharedServerRuns(), ...runs].map((run) => [run.name, run])).values()];
  for (const run of runs) {
    const difference = playBatches(run);
    judge(`${run.name} batches`, difference === null ? null : JSON.stringify(difference));
    console.log(
      `run ${run.name} (${run.asynchronous ? "asynchronous" : "synchronous"}): ${difference === null ? "all" : "not all"} ${run.steps.length} batches equal`,
    );
    tell(judgeServerRun(run, sourcesFor(run, known)));
  }
  const engineRuns = folders.filter(isEngineRun);
  for (const place of engineRuns) tell(judgeEngineRun(readEngineRun(place)));
  if (runs.length === 0 && engineRuns.length === 0) judge(folder, "holds no runs");
}

let sharedRuns: readonly ServerRun[] | null = null;

function sharedServerRuns(): readonly ServerRun[] {
  const folder = path.join(sharedCalibration, "vllm-cpu/dev");
  sharedRuns ??= listServerRuns(folder).map((name) => readServerRun(folder, name));
  return sharedRuns;
}

function tell({ name, fittedOn, figures }: Judgement): void {
  console.log(`run ${name}: ${fittedOn}`);
  for (const { name: figure, off, limit } of figures) {
    console.log(`  ${figure.padEnd(58)} ${off >= 0 ? "+" : ""}${off.toFixed(2)} %${limit === null ? "" : `  (limit ${limit} %)`}`);
  }
  const missed = figures.filter(isMissed).map((figure) => figure.name);
  judge(`${name} end to end`, missed.length === 0 ? null : `missed ${missed.join(", ")}`);
}

const fuzzers = [
  { what: "schedules", play: fuzzSchedules },
  { what: "engines", play: fuzzEngines },
  { what: "engines of several", play: fuzzSeveral },
];

function fuzz(count: number, first: number, bail: boolean): void {
  const { passed, all } = tally;
  for (let seed = first; seed < first + count; seed++) {
    for (const { what, play } of fuzzers) {
      judge(`fuzzed ${what} ${seed}`, play(seed));
      if (bail && tally.passed - passed < tally.all - all) return;
    }
  }
  if (count > 0)
    console.log(
      `fuzz: ${tally.passed - passed} of ${tally.all - all} runs equal (fast against plain twice, several engines against their second form), seeds ${first} to ${first + count - 1}`,
    );
}

function main(): number {
  const { values } = parseArgs({
    options: {
      schedules: { type: "string", multiple: true },
      runs: { type: "string", multiple: true },
      fuzz: { type: "string" },
      seed: { type: "string" },
      bail: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    console.log(`${usage}\nexample: npm run fidelity -- --schedules recorded/other-seeds --runs recorded/more-runs`);
    return 0;
  }
  return playAll(values);
}

interface Wanted {
  readonly schedules?: string[] | undefined;
  readonly runs?: string[] | undefined;
  readonly fuzz?: string | undefined;
  readonly seed?: string | undefined;
  readonly bail?: boolean | undefined;
}

const isGiven = ({ schedules, runs, fuzz: count }: Wanted): boolean => schedules !== undefined || runs !== undefined || count !== undefined;

function playAll(values: Wanted): number {
  const given = isGiven(values);
  if (!given && !existsSync(sharedCalibration)) {
    console.log(`skipped: no recordings at ${sharedCalibration} (HEADGATE_SHARED names the folder, or give --schedules and --runs)`);
    return 0;
  }
  const everything = {
    schedules: [path.join(sharedCalibration, "vllm-schedules/dev")],
    runs: [path.join(sharedCalibration, "vllm-cpu/dev"), path.join(sharedCalibration, "vllm-runs")],
    fuzz: "1000",
  };
  return playFolders(given ? values : everything);
}

function playFolders({ schedules = [], runs = [], fuzz: count = "0", seed = "1", bail = false }: Wanted): number {
  const lost = [...schedules, ...runs].find((folder) => !existsSync(folder));
  if (lost !== undefined) {
    console.error(`${lost} does not exist\n${usage}`);
    return 2;
  }
  for (const folder of schedules) playSchedules(folder);
  for (const folder of runs) playRuns(folder);
  fuzz(Number(count), Number(seed), bail);
  console.log(`${tally.passed} of ${tally.all} recordings reproduced`);
  return tally.passed === tally.all ? 0 : 1;
}

process.exitCode = main();
