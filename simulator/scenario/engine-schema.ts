import { z } from "zod";
import { micros } from "../../router/core/time.ts";
import { choice, count, duration, flag, number, text } from "../../router/config/scalars.ts";
import { engineDefaults } from "./engine-defaults.ts";

/** What a scenario says of a vLLM replica. docs/engine.md explains each key and names its source. */

const microseconds = (what: string) => number(`${what}, microseconds`, { min: 0, max: 60_000_000, whole: false });
const share = (what: string) => number(what, { min: 0, max: 1, whole: false });

const step = engineDefaults.stepTime;
const stepTime = z
  .strictObject({
    perStepUs: microseconds("Every step").prefault(step.perStepUs),
    perPrefillTokenUs: microseconds("Per prefill token").prefault(step.perPrefillTokenUs),
    perSequenceUs: microseconds("Per sequence").prefault(step.perSequenceUs),
    perContextTokenUs: microseconds("Per token of decode context").prefault(step.perContextTokenUs),
    perChunkAttentionUs: microseconds("Per unit of chunk x (past + chunk / 2)").prefault(step.perChunkAttentionUs),
    source: z
      .strictObject({
        kind: choice("How the figures were found", ["measured", "fitted", "scaled", "roofline"]),
        hardware: text("GPU"),
        model: text("Model"),
        engineVersion: text("vLLM version"),
        errorPercent: number("Error of a step", { min: 0, max: 1000, whole: false }),
      })
      .prefault(step.source)
      .meta({ description: "Where the figures come from" }),
  })
  .meta({ description: "What one engine step takes, as a weighted sum; beats the profile's" });

const speculation = z
  .strictObject({
    method: choice("Who drafts", ["ngram", "eagle", "draft-model"]),
    draftTokens: count("num_speculative_tokens", 1, 32),
    acceptance: share("Chance that a draft is accepted, given that all before it were"),
    costRatio: share(
      "What one pass of the drafting model takes, as a share of the target's; absent: 0 of ngram, 0.05 of eagle, 0.1 of a draft model",
    ).optional(),
  })
  .meta({ description: "Speculative decoding (speculative_config); absent: none" });

const dataParallel = z
  .strictObject({
    ranks: count("data_parallel_size", 1, 256),
    lockstep: flag("Mixture-of-experts model: ranks step together, idle ones run dummy steps").prefault(false),
  })
  .meta({ description: "Several schedulers, each with KV blocks of its own, behind one front end; absent: one" });

const disaggregation = z
  .strictObject({
    prefillEngines: count("Engines that compute prompts", 1, 1000).prefault(1),
    decodeEngines: count("Engines that generate", 1, 1000).prefault(1),
    gigabytesPerSecond: number("Bandwidth of the KV transfer, per GPU", { min: 0.001, max: 100_000, whole: false }).prefault(25),
    latency: duration("Before its first byte: handshake, and the proxy's second call", micros(0)).prefault("5ms"),
    kvBytesPerToken: count("KV cache of one token on one GPU, bytes; absent: the profile's, or that of Llama-3.1-8B", 1, 1_000_000_000).optional(),
  })
  .meta({ description: "Prefill and decode on engines of their own, the KV cache carried over between them; absent: together" });

const deviationPercent = (what: string) => number(what, { min: 0, max: 100, whole: false });
const wander = z
  .strictObject({
    percent: deviationPercent("Standard deviation of the machine's speed around its mean, percent"),
    correlation: duration("It is about the same for so long", micros(1000)).prefault("1s"),
    scatterPercent: deviationPercent("What each step scatters by itself beside it, percent").prefault(0),
  })
  .meta({ description: "The machine's speed is not steady (shared hosts, other jobs); mean step times stay; absent: it is steady" });

/** EngineOptions by their names; absent: the default of engine-spec.ts. */
const optionFields = {
  asyncScheduling: flag("async_scheduling").optional(),
  policy: choice("scheduling_policy", ["fcfs", "priority"]).optional(),
  prefixCaching: flag("enable_prefix_caching").optional(),
  chunkedPrefill: flag("enable_chunked_prefill").optional(),
  longPrefillTokensMax: count("long_prefill_token_threshold; 0: none", 0, 10_000_000).optional(),
  longPrefillAdaptive: flag("The threshold is at least the token budget shared by all requests").optional(),
  reserveFullSequence: flag("scheduler_reserve_full_isl: a request comes in only when all of it fits").optional(),
  watermark: share("Share of the KV blocks kept free at admissions").optional(),
  activeSequencesMax: count("max_num_active_seqs; absent: as sequencesMax", 1, 100_000).optional(),
  pipelineStages: count("pipeline_parallel_size", 1, 64).optional(),
  pipelineHopUs: microseconds("A step's activations from one pipeline stage to the next").optional(),
  dataParallel: dataParallel.optional(),
  batching: choice("continuous, or the baseline without paging, where nothing joins a running batch", ["continuous", "static"]).optional(),
  scheduling: z
    .strictObject({ perStepUs: microseconds("Every step"), perSequenceUs: microseconds("Per sequence of the step") })
    .optional()
    .meta({ description: "CPU time of putting a step together; hidden behind the running step where scheduling is asynchronous" }),
};
export const engineOptionNames = Object.keys(optionFields) as readonly (keyof typeof optionFields)[];

const engine = z
  .strictObject({
    blockTokens: count("Tokens per KV block (vLLM: block_size)", 1, 1024).prefault(engineDefaults.blockTokens),
    blocks: count("KV blocks (num_gpu_blocks: from the engine's log, never guessed); absent: the profile's", 2, 100_000_000).optional(),
    sequencesMax: count("max_num_seqs; absent: vLLM's default on the GPU", 1, 100_000).optional(),
    batchedTokensMax: count("max_num_batched_tokens; absent: vLLM's default on the GPU", 1, 10_000_000).optional(),
    modelTokensMax: count("max_model_len; absent: the deployment's context", 2, 100_000_000).optional(),
    ...optionFields,
    speculation: speculation.optional(),
    disaggregation: disaggregation.optional(),
    stepTime: stepTime.optional(),
    calibration: z
      .strictObject({
        scale: number("All step times are so many times the profile's", { min: 0.01, max: 100, whole: false }).prefault(1),
        perStepUs: microseconds("And every step takes so much longer").prefault(0),
        wander: wander.optional(),
      })
      .optional()
      .meta({ description: "Fitted on a short run of the engine at hand" }),
  })
  .meta({ description: "The vLLM engine of each replica" });

/** vLLM's own. */
export const gpuMemoryUtilizationDefault = 0.92;

export const vllmSchema = z.strictObject({
  kind: z.literal("vllm"),
  gpu: text("GPU by name, as `headgate profiles` lists them; an unknown one takes the nearest. Absent: an NVIDIA L4, linear step times").optional(),
  model: text("Model that the GPU runs; absent: Llama-3.1-8B").optional(),
  tensorParallel: count("GPUs per replica (tensor_parallel_size)", 1, 64).prefault(1),
  gpuMemoryUtilization: number("gpu_memory_utilization", { min: 0.05, max: 1, whole: false }).prefault(gpuMemoryUtilizationDefault),
  engine: engine.prefault({}),
  frontEnd: z
    .strictObject({
      before: duration("Receipt to the engine's queue", micros(0)).prefault("8ms"),
      after: duration("Token to its byte on the wire", micros(0)).prefault("3ms"),
      perPromptTokenUs: microseconds("On the way in, for each token of the prompt").optional(),
      perSequenceUs: microseconds("On the way out, for each sequence that is running").optional(),
    })
    .prefault({})
    .meta({ description: "What the API server adds before and after the engine" }),
});

export type VllmEntry = z.output<typeof vllmSchema>;
