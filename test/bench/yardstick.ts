import type { EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { BenchRequests } from "./bench-workload.ts";

/** The prototype's engine. A step: 6 ms + 33 us a prefill token + 40 us a sequence + 0.045 us a context token + 0.001 us chunk x (past + chunk / 2). */
export const yardstickSpec: EngineSpec = {
  blockTokens: 16,
  blocks: 27_000,
  sequencesMax: 256,
  batchedTokensMax: 8192,
  modelTokensMax: 131_072,
  stepTime: {
    kind: "linear",
    perStepUs: 6000,
    perPrefillTokenUs: 33,
    perSequenceUs: 40,
    perContextTokenUs: 0.045,
    perChunkAttentionUs: 0.001,
    source: { kind: "fitted", hardware: "the prototype's", model: "none", engineVersion: "none", errorPercent: 0 },
  },
};

/** Mooncake's with the KV of DynoSim's default worker, 16,384 blocks of 64 tokens, so that the two do the same. */
export function engineFor({ kind }: BenchRequests): EngineSpec {
  return kind === "mooncake" ? { ...yardstickSpec, blockTokens: 64, blocks: 16_384 } : yardstickSpec;
}
