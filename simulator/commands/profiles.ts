import process from "node:process";
import Table from "cli-table3";
import { Command } from "commander";
import type { StepShape } from "../core/engine/engine.ts";
import { createStepTime } from "../core/step-time/create-step-time.ts";
import { emptyShape } from "../core/step-time/step-range.ts";
import type { StepRangeSpec } from "../core/step-time/step-time-spec.ts";
import { blocksOf, engineProfiles, findProfile } from "../scenario/engine-profile.ts";
import { suggestion } from "../../router/config/nearest.ts";
import { InputError } from "../../router/config/problem.ts";
import { type ProviderProfile, providerProfiles } from "../scenario/provider-profile.ts";
import type { EngineProfile } from "../scenario/engine-profile.ts";
import { wholeNumber } from "./whole-number.ts";

interface ProfilesOptions {
  readonly gpu?: string;
  readonly model?: string;
  readonly tp: number;
  readonly hosted?: string;
  readonly json?: boolean;
}

const help = `
Without options all are listed. Engines: GPU, model, how the step times were found, their error on data they were not fitted on, KV blocks of 16 tokens, and two steps as a
check: 32 sequences decoding at 1,000 tokens of context, and a prefill of 2,048 tokens. Hosted APIs: latencies, list prices, context, each figure's source with --json
or --hosted NAME; in a scenario: { kind: hosted, profile: NAME }. With --gpu and --model the profile a simulation would take is shown: an unknown
GPU or model takes the nearest, with a wider error. "Holds up to" is the largest step for which a profile was made: tokens, sequences (seq), summed context of
the decodes (ctx), longest context (max); larger ones are simulated, counted, and said in the result. Blocks by formula are no more than a guess: take num_gpu_blocks from the engine's log.

Example:
  $ headgate profiles --gpu "H100" --model llama-3.1-8b
  $ headgate profiles --hosted openai/gpt-4o`;

export function profilesCommand(): Command {
  return new Command("profiles")
    .description("List what is known of GPUs and models: step times, memory, sizes")
    .option("--gpu <name>", "GPU to look up")
    .option("--model <name>", "model to look up (default: Llama-3.1-8B)")
    .option("--tp <count>", "GPUs per replica (tensor parallel)", wholeNumber(1, 64), 1)
    .option("--hosted <name>", "hosted profile to look up")
    .option("--json", "print as JSON: { engines, hosted }, or those looked up")
    .addHelpText("after", help)
    .action(listProfiles);
}

function listProfiles(options: ProfilesOptions): void {
  const all = engineProfiles();
  if (options.hosted !== undefined) {
    showHosted(options.hosted, options.json === true);
    return;
  }
  if (options.gpu === undefined && options.model === undefined) {
    const hosted = providerProfiles();
    if (options.json === true) process.stdout.write(`${JSON.stringify({ engines: all.map(plainOf), hosted })}\n`);
    else process.stdout.write(`${engineTable(all.map(rowOf))}\n${hostedTable(hosted)}\n`);
    return;
  }
  const match = findProfile(all, options.gpu ?? "H100", options.model ?? "Llama-3.1-8B", options.tp);
  if (match === null) return;
  const { profile, exact, errorPercent } = match;
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify([plainOf(profile)])}\n`);
    return;
  }
  process.stdout.write(`${engineTable([rowOf(profile)])}\n`);
  const quality = exact ? "an exact match" : "the nearest there is";
  process.stdout.write(`${quality}: step times within about ${errorPercent} %\n${profile.provenance}\n`);
}

const plainOf = (profile: EngineProfile): object => ({
  ...profile,
  stepTime: { kind: profile.stepTime.kind, source: profile.stepTime.source },
  blocks: blocksOf(profile, 16),
});

function engineTable(rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: ["GPU", "model", "tp", "form", "source", "vLLM", "error", "KV blocks", "holds up to", "32 decodes", "2,048 prefill"],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

function showHosted(name: string, json: boolean): void {
  const profiles = providerProfiles();
  const found = profiles.find((profile) => profile.name === name);
  if (found === undefined) {
    const fix = suggestion(
      name,
      profiles.map((profile) => profile.name),
    );
    throw new InputError([{ file: "command line", line: null, column: null, field: "--hosted", message: `there is no profile ${name}`, fix }]);
  }
  if (json) process.stdout.write(`${JSON.stringify([found])}\n`);
  else {
    const sources = Object.entries(found.sources).map(([figure, source]) => `${figure}: ${source}`);
    process.stdout.write(`${[hostedTable([found]), ...sources, ...(found.note === undefined ? [] : [found.note])].join("\n")}\n`);
  }
}

function hostedTable(profiles: readonly ProviderProfile[]): string {
  const table = new Table({
    head: ["hosted", "first token p50, p95", "per token p50, p95", "context", "$ in, out per million", "RPM", "TPM"],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, firstTokenMs, perTokenMs, contextTokens, price, quota } of profiles) {
    const spread = ({ p50, p95 }: ProviderProfile["firstTokenMs"]): string => `${p50}, ${p95} ms`;
    const dollars = price === null ? "not by token" : `${price.input}, ${price.output}`;
    const per = (value: number | undefined): string => (value === undefined ? "" : value.toLocaleString("en"));
    const { requestsPerMinute, tokensPerMinute } = quota ?? {};
    table.push([name, spread(firstTokenMs), spread(perTokenMs), contextTokens.toLocaleString("en"), dollars, per(requestsPerMinute), per(tokensPerMinute)]);
  }
  return table.toString();
}

function rowOf(profile: EngineProfile): string[] {
  const { stepTime, gpu, model, tensorParallel, memory } = profile;
  const { kind, errorPercent, engineVersion } = stepTime.source;
  const step = createStepTime(stepTime);
  const time = (shape: Partial<StepShape>): string => `${(step.stepTime({ ...emptyShape(), ...shape }) / 1000).toFixed(1)} ms`;
  const decodes = time({ sequences: 32, decodes: 32, tokens: 32, decodeContext: 32_000, decodeContextMax: 1000 });
  const prefill = time({ sequences: 1, tokens: 2048, chunkAttention: 2048 * 1024 });
  const blocks = `${blocksOf(profile, 16)}${memory.blocksMeasured === null ? "" : " (log)"}`;
  return [
    gpu,
    model,
    String(tensorParallel),
    stepTime.kind,
    kind,
    engineVersion,
    `${errorPercent} %`,
    blocks,
    rangeOf(stepTime.kind === "linear" ? {} : stepTime.range),
    decodes,
    prefill,
  ];
}

function rangeOf(range: StepRangeSpec): string {
  const short = (value: number): string => (value >= 1_048_576 ? `${value / 1_048_576}M` : value >= 1024 ? `${value / 1024}k` : String(value));
  const parts = [
    ["", range.tokens],
    ["seq ", range.sequences],
    ["ctx ", range.decodeContext],
    ["max ", range.decodeContextMax],
  ] as const;
  return parts.flatMap(([name, bounds]) => (bounds === undefined ? [] : [`${name}${short(bounds[1])}`])).join(", ");
}
