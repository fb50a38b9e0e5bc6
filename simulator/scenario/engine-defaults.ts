import type { EngineSpec } from "../core/engine/engine-spec.ts";

/**
 * One NVIDIA L4 (24 GB) with Llama 3.1 8B in bfloat16. Step times: the linear form fitted to measured operator times of an NVIDIA L40S (ai-dynamo/aiconfigurator,
 * Apache-2.0: vLLM 0.14 kernels; 257 step shapes, 3.8 % mean error against them: 21,770 us a step, 15.9 per prefill token, 27 per sequence, 0.1928 per token of
 * decode context, 0.02959 per unit of chunk attention), times 2.88, the ratio of the two cards' memory bandwidth (864 and 300 GB/s; that of their compute is 3.0).
 * KV blocks: 24 GB x 0.92 less weights and activations leave 4.2 GB, of 2 MiB a block. Sizes and budgets are vLLM's own defaults.
 */
export const engineDefaults = {
  blockTokens: 16,
  blocks: 2000,
  sequencesMax: 256,
  batchedTokensMax: 2048,
  stepTime: {
    kind: "linear",
    perStepUs: 62_700,
    perPrefillTokenUs: 46,
    perSequenceUs: 78,
    perContextTokenUs: 0.555,
    perChunkAttentionUs: 0.0852,
    source: { kind: "scaled", hardware: "NVIDIA L4 (scaled from L40S)", model: "Llama-3.1-8B bfloat16", engineVersion: "0.14", errorPercent: 15 },
  },
} as const satisfies Omit<EngineSpec, "modelTokensMax">;
