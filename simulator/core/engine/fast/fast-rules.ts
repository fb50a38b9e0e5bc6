import type { EngineOptions } from "../engine-spec.ts";

/** What the fast scheduler can do: all but speculation and pipeline stages. */
export interface FastRules extends Omit<
  EngineOptions,
  "speculation" | "pipelineStages" | "pipelineHopUs" | "dataParallel" | "disaggregation" | "scheduling" | "batching" | "wander"
> {
  readonly blockTokens: number;
  readonly blocks: number;
  readonly sequencesMax: number;
  readonly batchedTokensMax: number;
  readonly modelTokensMax: number;
}
