import process from "node:process";
import { styleText } from "node:util";
import Table from "cli-table3";
import { Command } from "commander";
import type { Duration } from "../../router/core/machine.ts";
import { compareSides, liveSide, type ComparedMetric, type Side } from "../load/twin/compare.ts";
import { thisExecutable } from "../load/twin/child.ts";
import { checkTwinned } from "../load/live-problems.ts";
import { runLive } from "../load/twin/live-side.ts";
import type { LiveRun } from "../load/replay-scenario.ts";
import type { Validity } from "../load/validity.ts";
import { runSeed } from "../run/run-seed.ts";
import { loadScenario } from "../scenario/load-scenario.ts";
import type { LoadedScenario } from "../scenario/loaded-scenario.ts";
import { progressLine } from "./progress-line.ts";
import { validityLines } from "./replay-result.ts";
import { settingOption } from "./setting-option.ts";
import { sayNotApplicable, sayNotices } from "./simulate.ts";
import { abortOnSignal } from "./stop-signal.ts";

interface TwinOptions {
  readonly set: readonly string[];
  readonly json?: boolean;
  readonly control?: boolean;
}

interface TwinResult {
  readonly kind: "twin";
  readonly scenario: string;
  readonly verdict: "pass" | "fail" | "invalid";
  readonly metrics: readonly ComparedMetric[];
  readonly validity: Validity;
  /** Two live runs against each other: `simulated` is the first, `live` the second. Null without --control. */
  readonly control: { readonly metrics: readonly ComparedMetric[]; readonly validity: Validity } | null;
}

const help = `
The same trace, configuration, fleet, faults and seed on both clocks: simulated here, then replayed through \`headgate serve\` to \`headgate mock\`, both child processes
on free ports. Tolerances: TTFT and E2E p50 and p95 max(3 %, 3 ms), breaker openings equal, retries max(3, 10 %), cost 0.5 %, results max(3, 1 % of the requests).
Exit code 1 when a metric is not within its tolerance, 3 when the replay was invalid. Latencies are of the scenario's window, the rest of all requests.

Example:
  $ headgate twin scenarios/azure-twin.yaml --control`;

export function twinCommand(): Command {
  return new Command("twin")
    .description("Simulate a scenario and replay it live, and report how far the two are apart")
    .argument("<scenario>", "scenario file (YAML)")
    .addOption(settingOption())
    .option("--control", "run the live side twice and show how far two live runs are apart on this machine")
    .option("--json", "print the comparison as JSON")
    .addHelpText("after", help)
    .action(twin);
}

async function twin(file: string, options: TwinOptions): Promise<void> {
  const scenario = await loadScenario(file, process.env, { settings: options.set });
  if (scenario.kind === "not-applicable") {
    sayNotApplicable(scenario, options.json === true);
    return;
  }
  checkTwinned(scenario);
  sayNotices(scenario);
  const { signal, release } = abortOnSignal();
  const simulated = simulatedSide(scenario);
  process.stderr.write(`simulated ${scenario.trace.rows} requests\n`);
  const first = await live(scenario, signal);
  const second = options.control === true && !signal.aborted ? await live(scenario, signal) : null;
  release();
  const result = resultOf(scenario.name, simulated, first, second);
  process.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : `${reportLines(result).join("\n")}\n`);
  process.exitCode = { pass: 0, fail: 1, invalid: 3 }[result.verdict];
}

function simulatedSide(scenario: LoadedScenario): Side {
  const whole = runSeed({ ...scenario, compiled: { ...scenario.compiled, warmUp: 0 as Duration } }, scenario.seed, { strict: false });
  const { cost, retries } = whole.figures.summary;
  return {
    window: runSeed(scenario, scenario.seed, { strict: false }).figures,
    whole: whole.figures,
    breakerOpenings: whole.breakerChanges.filter(({ to }) => to === "open").length,
    retries,
    costDollars: cost.unpricedRequests > 0 ? null : cost.dollars,
  };
}

async function live(scenario: LoadedScenario, signal: AbortSignal): Promise<LiveRun> {
  const progress = progressLine(scenario.trace.rows);
  try {
    return await runLive(scenario, {
      executable: thisExecutable(),
      seed: scenario.seed,
      signal,
      say: (text) => void process.stderr.write(`${text}\n`),
      progress: progress.show,
    });
  } finally {
    progress.end();
  }
}

function resultOf(scenario: string, simulated: Side, first: LiveRun, second: LiveRun | null): TwinResult {
  const metrics = compareSides(simulated, liveSide(first));
  const control = second === null ? null : { metrics: compareSides(liveSide(first), liveSide(second)), validity: second.validity };
  const within = metrics.every((metric) => metric.within);
  const verdict = first.validity.valid ? (within ? "pass" : "fail") : "invalid";
  return { kind: "twin", scenario, verdict, metrics, validity: first.validity, control };
}

function reportLines(result: TwinResult): readonly string[] {
  const lines = [
    styleText("bold", `${result.scenario}: simulated against live`),
    tableOf(result.metrics, "simulated", "live"),
    ...validityLines(result.validity),
  ];
  if (result.control !== null) {
    const { metrics, validity } = result.control;
    lines.push("", styleText("bold", "control: two live runs"), tableOf(metrics, "first", "second"), ...validityLines(validity));
  }
  const colour = result.verdict === "pass" ? "green" : "red";
  return [...lines, `verdict: ${styleText(colour, result.verdict)}`];
}

function tableOf(metrics: readonly ComparedMetric[], one: string, other: string): string {
  const right = "right" as const;
  const head = ["metric", one, other, "difference", "tolerance", "within"];
  const table = new Table({ head, colAligns: ["left", right, right, right, right, "left"], style: { head: [], border: [], compact: true } });
  for (const { name, simulated, live: value, difference, tolerance, within } of metrics) {
    const share = difference === null || simulated === null || simulated === 0 ? "" : ` (${((100 * difference) / simulated).toFixed(2)} %)`;
    const shownDifference = difference === null ? "-" : `${signed(difference)}${share}`;
    table.push([name, figure(simulated), figure(value), shownDifference, figure(tolerance), within ? "yes" : styleText("red", "no")]);
  }
  return table.toString();
}

const figure = (value: number | null): string => (value === null ? "not known" : String(Number(value.toPrecision(7))));
const signed = (value: number): string => (value > 0 ? `+${figure(value)}` : figure(value));
