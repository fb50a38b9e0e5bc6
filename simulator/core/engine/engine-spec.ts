import type { StepTimeSource } from "./engine.ts";

/** A vLLM engine as plain data. Names in parentheses are vLLM's. */
export interface EngineSpec {
  /** Tokens per KV block (block_size). */
  readonly blockTokens: number;
  /** KV blocks, vLLM's null block included (num_gpu_blocks). */
  readonly blocks: number;
  /** max_num_seqs */
  readonly sequencesMax: number;
  /** Token budget of one step (max_num_batched_tokens). */
  readonly batchedTokensMax: number;
  /** max_model_len */
  readonly modelTokensMax: number;
  readonly stepTime: StepTimeSpec;
}

/** What a step takes, as plain data. */
export type StepTimeSpec = {
  readonly kind: "linear";
  /** Microseconds: per step, per prefill token, per sequence, per token of decode context, per unit of chunk x (past + chunk / 2). */
  readonly perStepUs: number;
  readonly perPrefillTokenUs: number;
  readonly perSequenceUs: number;
  readonly perContextTokenUs: number;
  readonly perChunkAttentionUs: number;
  readonly source: StepTimeSource;
};
