import { join } from "node:path";
import { styleText } from "node:util";
import { Command } from "commander";
import type { BreakerFigures, JudgedResult, NamedFigures } from "../result/run-result.ts";
import { writeResult } from "../result/result-json.ts";
import { loadScenario } from "../scenario/load-scenario.ts";
import type { LoadedScenario } from "../scenario/loaded-scenario.ts";
import { endpointName, runScenario } from "../run/run-scenario.ts";
import { projectRoot } from "../../router/config/project-root.ts";
import { clock } from "./clock.ts";
import { exitCodeOf } from "./exit-code.ts";
import { sayNotApplicable } from "./simulate.ts";
import { reportLines } from "./simulate-report.ts";

export function demoCommand(): Command {
  return new Command("demo")
    .description("the tour: simulate a small scenario on an embedded synthetic trace, and say what was seen")
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", "\nExample:\n  headgate demo\n\nExit codes: 0 pass, 1 a target failed, 3 inconclusive")
    .action(demo);
}

async function demo(options: { readonly json: boolean }): Promise<void> {
  const scenario = await loadScenario(join(projectRoot(), "scenarios", "demo.yaml"), process.env);
  if (scenario.kind === "not-applicable") {
    sayNotApplicable(scenario, options.json);
    return;
  }
  const result = runScenario(scenario, { seeds: [scenario.seed], strict: true });
  process.exitCode = exitCodeOf(result.verdict);
  if (options.json) {
    process.stdout.write(writeResult(result));
    return;
  }
  const seen = whatWasSeen(scenario, result).map((line, index) => `${index + 1}. ${line}`);
  const next = nextCommands.map(([command, does]) => `  ${command.padEnd(56)}${does}`);
  process.stdout.write([...reportLines(result), "", styleText("bold", "What was seen"), ...seen, "", styleText("bold", "Next"), ...next, ""].join("\n"));
}

const nextCommands = [
  ["./headgate simulate scenarios/demo.yaml --seeds 5", "the same with five seeds: how sure is the verdict?"],
  ["./headgate config validate FILE", "check your own configuration"],
  ["./headgate serve -c FILE", "let the configuration that was simulated take traffic"],
  ["./headgate twin scenarios/azure-twin.yaml", "how far is the simulation from the running service?"],
] as const;

function whatWasSeen(scenario: LoadedScenario, result: JudgedResult): readonly string[] {
  return [trafficLine(result), faultLine(scenario), breakerLine(result.breakers, result), latencyLine(result), costLine(result)];
}

function trafficLine({ summary: { requests }, provenance, deployments }: JudgedResult): string {
  const shares = deployments.map(({ name, requests: own }) => `${name} ${percentOf(own.scheduled, requests.scheduled)}`);
  const lost = requests.scheduled - requests.served;
  return `${provenance.arrivals.rows} requests came in ${clock(provenance.arrivals.spanMs)}. Of the ${requests.scheduled} after the warm-up ${requests.served} were served and ${lost} were not (${shares.join(", ")}).`;
}

function faultLine({ compiled }: LoadedScenario): string {
  const told = compiled.faults.map(
    ({ endpoint, at, until, fault }) => `${endpointName(compiled.config, endpoint)} was ${fault.kind} from ${clock(at / 1000)} to ${clock(until / 1000)}`,
  );
  return `${told.join("; ")}: the scenario's fault script said so. Answers under way there were cut; a cut answer is never passed off as complete, nor tried again.`;
}

function breakerLine(breakers: readonly BreakerFigures[], { summary }: JudgedResult): string {
  const opened = breakers.filter(({ openings }) => openings > 0);
  const told = opened.map(({ endpoint, changes }) => {
    const first = changes.find(({ to }) => to === "open");
    const closed = changes.findLast(({ to }) => to === "closed");
    return `${endpoint} opened at ${clock(first?.atMs ?? 0)}${closed === undefined ? " and stayed open" : ` and was closed again at ${clock(closed.atMs)}, after its probes`}`;
  });
  const state = told.length === 0 ? "No circuit breaker opened" : `Circuit breaker: ${told.join("; ")}. New requests went elsewhere meanwhile`;
  return `${state}; another attempt was needed ${summary.retries} ${summary.retries === 1 ? "time" : "times"}.`;
}

function latencyLine({ summary, deployments }: JudgedResult): string {
  const first = summary.ttftMs;
  const slowest = slowestOf(deployments);
  if (first === null || slowest === null) return "No request got a first token.";
  return `Half of the requests had their first token within ${first.p50.toFixed(0)} ms, 95 % within ${first.p95.toFixed(0)} ms; ${slowest.name} was the slowest (95 % within ${(slowest.ttftMs?.p95 ?? 0).toFixed(0)} ms).`;
}

function slowestOf(deployments: readonly NamedFigures[]): NamedFigures | null {
  return deployments.reduce<NamedFigures | null>((slowest, one) => ((one.ttftMs?.p95 ?? 0) > (slowest?.ttftMs?.p95 ?? 0) ? one : slowest), null);
}

function costLine({ summary: { cost }, deployments }: JudgedResult): string {
  const told = deployments.map(({ name, cost: own }) => `${name} ${percentOf(own.dollars, cost.dollars)}`);
  const per = cost.per1kTokensDollars === null ? "" : `, ${cost.per1kTokensDollars.toFixed(6)} per 1,000 tokens`;
  return `It cost ${cost.dollars.toFixed(4)} dollars${per} (${told.join(", ")}).`;
}

const percentOf = (part: number, whole: number): string => (whole === 0 ? "0 %" : `${((100 * part) / whole).toFixed(0)} %`);
