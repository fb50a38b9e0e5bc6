import process from "node:process";
import { Command } from "commander";
import { InputError } from "../../router/config/problem.ts";
import { startMockFleet, type FleetOrigins } from "../mock/mock-fleet.ts";
import type { VllmOptions } from "../mock/vllm/vllm-options.ts";
import { loadScenario } from "../scenario/load-scenario.ts";
import { sayNotices } from "./simulate.ts";
import { settingOption } from "./setting-option.ts";
import { stopSignal } from "./stop-signal.ts";
import { seedNumber, wholeNumber } from "./whole-number.ts";

interface MockOptions {
  readonly set: readonly string[];
  readonly ports?: string;
  readonly host: string;
  readonly seed?: number;
  readonly json?: boolean;
  readonly apiKey?: string;
  readonly requestIdHeaders?: boolean;
  readonly toolParser: boolean;
  readonly devMode?: boolean;
  readonly maxNumQueuedReqs?: number;
  readonly maxNumQueuedTokens?: number;
}

const help = `
The fleet is that of a scenario: each endpoint of its configuration is a server, driven by the simulator's own model of it. The scenario's faults begin with the
first call that any server receives. A prompt has as many tokens as words; a first word "#17" says that the call is the trace's arrival 17, which random draws are
keyed by. vLLM servers serve chats, completions, responses, messages, tokens and /metrics, OpenAI's and Azure's chats, completions, responses and embeddings, Anthropic's
messages and their token counts, Vertex's contents. POST /mock/faults at a server's origin makes it misbehave. Runs until SIGINT or SIGTERM, then says by how much tokens left later than the models say (as a second JSON line where the first was one).

Example:
  $ headgate mock scenarios/azure-twin.yaml --ports ephemeral
  {"pool-a":["http://127.0.0.1:41021","http://127.0.0.1:41022"],"cloud":["http://127.0.0.1:41023"]}`;

const queued = wholeNumber(0, 1_000_000_000);

export function mockCommand(): Command {
  return new Command("mock")
    .description("Mock vLLM replicas and providers over HTTP, driven by the simulator's models")
    .argument("<fleet>", "scenario file (YAML)")
    .addOption(settingOption())
    .option("--ports <ports>", "configured: the ports of the configuration's endpoints; ephemeral: any that are free", "configured")
    .option("--host <host>", "address to listen on", "127.0.0.1")
    .option("--seed <n>", "seed of random draws; absent: the scenario's", seedNumber)
    .option("--api-key <key>", "vLLM servers want this key (their --api-key)")
    .option("--request-id-headers", "vLLM servers answer with x-request-id (their --enable-request-id-headers)")
    .option("--no-tool-parser", "vLLM servers refuse tools, as without their --tool-call-parser")
    .option("--dev-mode", "vLLM servers can be paused and put to sleep over HTTP (their VLLM_SERVER_DEV_MODE=1)")
    .option("--max-num-queued-reqs <n>", "vLLM servers answer 503 beyond so many requests that are not over, running ones too (their flag)", queued)
    .option("--max-num-queued-tokens <n>", "vLLM servers answer 503 while so many prompt tokens wait for a first token (their flag)", queued)
    .option("--json", "write the origins by deployment as one JSON line on stdout when all listen (also with ephemeral ports)")
    .addHelpText("after", help)
    .action(mock);
}

async function mock(file: string, options: MockOptions): Promise<void> {
  const ports = readPorts(options.ports);
  const scenario = await loadScenario(file, process.env, { settings: options.set });
  if (scenario.kind === "not-applicable")
    throw new InputError([{ file, line: null, column: null, field: "trace", message: scenario.reason, fix: "name a trace that is on this machine" }]);
  sayNotices(scenario);
  const { seed = scenario.seed } = options;
  const fleet = await startMockFleet(scenario.compiled, { file, seed, host: options.host, ports, vllm: vllmOptions(options) });
  const asJson = options.json === true || ports === "ephemeral";
  if (asJson) process.stdout.write(`${JSON.stringify(fleet.origins)}\n`);
  else process.stdout.write(tableOf(fleet.origins));
  process.stderr.write("headgate mock: listening; SIGINT ends it\n");
  await stopSignal();
  await fleet.close();
  const lateness = fleet.lateness();
  if (asJson) process.stdout.write(`${JSON.stringify({ lateness })}\n`);
  else process.stdout.write(`${lateness.tokens} tokens left late by p50 ${lateness.p50Ms} ms, p99 ${lateness.p99Ms} ms, at most ${lateness.maxMs} ms\n`);
}

function vllmOptions({ apiKey, requestIdHeaders, toolParser, devMode, maxNumQueuedReqs, maxNumQueuedTokens }: MockOptions): Partial<VllmOptions> {
  return {
    apiKey: apiKey ?? null,
    requestIdHeaders: requestIdHeaders === true,
    toolParser,
    devMode: devMode === true,
    maxNumQueuedReqs: maxNumQueuedReqs ?? null,
    maxNumQueuedTokens: maxNumQueuedTokens ?? null,
  };
}

function readPorts(text: string | undefined): "configured" | "ephemeral" {
  if (text === "configured" || text === "ephemeral") return text;
  const message = `must be configured or ephemeral, not ${text ?? ""}`;
  throw new InputError([{ file: "command line", line: null, column: null, field: "--ports", message, fix: "write --ports ephemeral, or leave it out" }]);
}

function tableOf(origins: FleetOrigins): string {
  const lines = Object.entries(origins).flatMap(([name, own]) => own.map((origin, place) => `${name}/${place}  ${origin}\n`));
  return lines.join("");
}
