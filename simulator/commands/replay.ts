import process from "node:process";
import { Command } from "commander";
import { InputError } from "../../router/config/problem.ts";
import { checkReplayable } from "../load/live-problems.ts";
import { replayScenario } from "../load/replay-scenario.ts";
import { runsFolder, writeReplay } from "../run/replay-folder.ts";
import { loadScenario } from "../scenario/load-scenario.ts";
import { checkFolder } from "./check-writable.ts";
import { exitCodeOf } from "./exit-code.ts";
import { progressLine } from "./progress-line.ts";
import { replayResult, validityLines } from "./replay-result.ts";
import { reportLines } from "./simulate-report.ts";
import { checkListening, readUrl } from "./read-url.ts";
import { settingOption } from "./setting-option.ts";
import { sayNotApplicable } from "./simulate.ts";
import { abortOnSignal } from "./stop-signal.ts";

interface ReplayCommandOptions {
  readonly set: readonly string[];
  readonly target: string;
  readonly metrics?: string;
  readonly model?: string;
  readonly keyEnv?: string;
  readonly out: string;
  readonly json?: boolean;
}

const help = `
Open loop: each request leaves at the trace's instant, however the others fare, and latencies count from that instant. A prompt has as many words as the trace says
tokens; the answer's length is forced (ignore_eos, min_tokens). At most 10,000 requests are open at once. The result is invalid (exit code 3) when the load generator
could not keep the pace: p99 of sent - scheduled above max(10 ms, 5 % of the TTFT's median), or a rate more than 1 % off. Ctrl-C ends it and prints what there is, as invalid.

Example:
  $ headgate replay scenarios/azure-twin.yaml --target http://127.0.0.1:8080 --metrics http://127.0.0.1:9090/metrics`;

export function replayCommand(): Command {
  return new Command("replay")
    .description("Replay a scenario's trace in real time against a running router or server")
    .argument("<scenario>", "scenario file (YAML)")
    .addOption(settingOption())
    .requiredOption("--target <url>", "where /v1/chat/completions is")
    .option("--metrics <url>", "the router's metrics: cost, retries and breaker openings are read there")
    .option("--model <name>", "model to ask for (default: the route's name)")
    .option("--key-env <name>", "environment variable that holds the bearer key of the target")
    .option("--out <folder>", "where results are kept, each replay in a folder of its own", runsFolder)
    .option("--json", "print the result as JSON")
    .addHelpText("after", help)
    .action(replay);
}

async function replay(file: string, options: ReplayCommandOptions): Promise<void> {
  const target = readUrl("--target", options.target, "--target http://127.0.0.1:8080");
  const metricsUrl = options.metrics === undefined ? null : readUrl("--metrics", options.metrics, "--metrics http://127.0.0.1:9090/metrics").href;
  const key = readKey(options.keyEnv);
  const scenario = await loadScenario(file, process.env, { settings: options.set });
  if (scenario.kind === "not-applicable") {
    sayNotApplicable(scenario, options.json === true);
    return;
  }
  checkReplayable(scenario);
  checkFolder(options.out, "--out");
  await checkListening("--target", target);
  const { signal, release } = abortOnSignal();
  const progress = progressLine(scenario.trace.rows);
  const run = await replayScenario(scenario, { target, metricsUrl, key, model: options.model ?? null }, signal, progress.show);
  release();
  progress.end();
  const result = replayResult(scenario, run, target.href);
  process.stderr.write(`results are in ${writeReplay(options.out, scenario.name, result)}\n`);
  if (options.json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stdout.write(`${[...reportLines(result), ...validityLines(run.validity)].join("\n")}\n`);
  process.exitCode = exitCodeOf(result.verdict);
}

function readKey(name: string | undefined): string | null {
  if (name === undefined) return null;
  const key = process.env[name];
  if (key !== undefined && key !== "") return key;
  throw new InputError([
    {
      file: "command line",
      line: null,
      column: null,
      field: "--key-env",
      message: `the environment has no ${name}`,
      fix: `export ${name}, or name another variable`,
    },
  ]);
}
