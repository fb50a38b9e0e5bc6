import { broken } from "../../../router/core/assert.ts";
import type { EngineEvent, SequenceId } from "./engine.ts";

/** What a scheduler is told of a sequence, and where the model will end it. */
export interface Submission {
  readonly id: SequenceId;
  readonly promptTokens: number;
  /** Where it ends by itself (EOS); Infinity: only by length. */
  readonly stopAfter: number;
  readonly outputTokensMax: number;
  readonly priority: number;
  readonly arrival: number;
  /** Chained ids of its full blocks: the prompt's, and the output's where they are known. */
  readonly keys: ArrayLike<number> | null;
}

export function submissionOf(event: Extract<EngineEvent, { kind: "sequence-submitted" }>, modelTokensMax: number): Submission {
  if (event.inputTokens < 1 || event.inputTokens >= modelTokensMax) broken("the prompt and one output fit the model's context");
  return {
    id: event.id,
    promptTokens: event.inputTokens,
    stopAfter: event.outputTokens < event.outputTokensMax ? Math.max(1, event.outputTokens) : Infinity,
    outputTokensMax: Math.max(1, event.outputTokensMax),
    priority: event.priority,
    arrival: event.arrival,
    keys: event.blocks,
  };
}
