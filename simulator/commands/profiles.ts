import process from "node:process";
import Table from "cli-table3";
import { Command } from "commander";
import type { StepShape } from "../core/engine/engine.ts";
import { createStepTime } from "../core/step-time/create-step-time.ts";
import { emptyShape } from "../core/step-time/step-range.ts";
import { blocksOf, engineProfiles, findProfile } from "../scenario/engine-profile.ts";
import type { EngineProfile } from "../scenario/engine-profile.ts";

interface ProfilesOptions {
  readonly gpu?: string;
  readonly model?: string;
  readonly tp?: string;
  readonly json?: boolean;
}

const help = `
Without options all are listed: GPU, model, how the step times were found, their error on data they were not fitted on, KV blocks of 16 tokens, and two steps as a
check: 32 sequences decoding at 1,000 tokens of context, and a prefill of 2,048 tokens. With --gpu and --model the profile a simulation would take is shown: an unknown
GPU or model takes the nearest, with a wider error. Blocks by formula are no more than a guess: take num_gpu_blocks from the engine's log.

Example:
  $ headgate profiles --gpu "H100" --model llama-3.1-8b`;

export function profilesCommand(): Command {
  return new Command("profiles")
    .description("List what is known of GPUs and models: step times, memory, sizes")
    .option("--gpu <name>", "GPU to look up")
    .option("--model <name>", "model to look up (default: Llama-3.1-8B)")
    .option("--tp <count>", "GPUs per replica (tensor parallel)", "1")
    .option("--json", "print as JSON")
    .addHelpText("after", help)
    .action(listProfiles);
}

function listProfiles(options: ProfilesOptions): void {
  const all = engineProfiles();
  if (options.gpu === undefined && options.model === undefined) {
    print(all, all.map(rowOf), options.json === true);
    return;
  }
  const match = findProfile(all, options.gpu ?? "H100", options.model ?? "Llama-3.1-8B", Number(options.tp ?? 1));
  if (match === null) return;
  const { profile, exact, errorPercent } = match;
  print([profile], [rowOf(profile)], options.json === true);
  if (options.json === true) return;
  const quality = exact ? "an exact match" : "the nearest there is";
  process.stdout.write(`${quality}: step times within about ${errorPercent} %\n${profile.provenance}\n`);
}

function print(profiles: readonly EngineProfile[], rows: readonly (readonly string[])[], json: boolean): void {
  if (json) {
    const plain = profiles.map((profile) => ({
      ...profile,
      stepTime: { kind: profile.stepTime.kind, source: profile.stepTime.source },
      blocks: blocksOf(profile, 16),
    }));
    process.stdout.write(`${JSON.stringify(plain)}\n`);
    return;
  }
  const table = new Table({
    head: ["GPU", "model", "tp", "form", "source", "vLLM", "error", "KV blocks", "32 decodes", "2,048 prefill"],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push([...row]);
  process.stdout.write(`${table.toString()}\n`);
}

function rowOf(profile: EngineProfile): string[] {
  const { stepTime, gpu, model, tensorParallel, memory } = profile;
  const { kind, errorPercent, engineVersion } = stepTime.source;
  const step = createStepTime(stepTime);
  const time = (shape: Partial<StepShape>): string => `${(step.stepTime({ ...emptyShape(), ...shape }) / 1000).toFixed(1)} ms`;
  const decodes = time({ sequences: 32, decodes: 32, tokens: 32, decodeContext: 32_000, decodeContextMax: 1000 });
  const prefill = time({ sequences: 1, tokens: 2048, chunkAttention: 2048 * 1024 });
  const blocks = `${blocksOf(profile, 16)}${memory.blocksMeasured === null ? "" : " (log)"}`;
  return [gpu, model, String(tensorParallel), stepTime.kind, kind, engineVersion, `${errorPercent} %`, blocks, decodes, prefill];
}
