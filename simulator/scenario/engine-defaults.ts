import type { EngineSpec } from "../core/engine/engine-spec.ts";

/**
 * One NVIDIA L4 (24 GB) with an 8-billion-parameter model in bfloat16, scaled from datasheet figures: 300 GB/s read 16 GB of weights in 54 ms a step, 121 Tflop/s at
 * 45 % do 2 x 8e9 operations a token in 300 us; 24 GB x 0.92 less weights and activations leave 4.4 GB, of 2 MiB a block. Sizes and budgets are vLLM's own defaults.
 */
export const engineDefaults = {
  blockTokens: 16,
  blocks: 2100,
  sequencesMax: 256,
  batchedTokensMax: 2048,
  stepTime: {
    kind: "linear",
    perStepUs: 54_000,
    perPrefillTokenUs: 300,
    perSequenceUs: 60,
    perContextTokenUs: 0.44,
    perChunkAttentionUs: 0.008,
    source: { kind: "roofline", hardware: "NVIDIA L4", model: "8B bfloat16", engineVersion: "any", errorPercent: 30 },
  },
} as const satisfies Omit<EngineSpec, "modelTokensMax">;
