import { broken } from "../../../router/core/assert.ts";
import { largeLater } from "../../../router/core/large-later.ts";
import type { EngineEvent, SequenceId } from "./engine.ts";

/** What a scheduler is told of a sequence, and where the model will end it. */
export interface Submission {
  id: SequenceId;
  promptTokens: number;
  /** Where it ends by itself (EOS); Infinity: only by length. */
  stopAfter: number;
  outputTokensMax: number;
  priority: number;
  arrival: number;
  /** Chained ids of its full blocks: the prompt's, and the output's where they are known. */
  keys: ArrayLike<number> | null;
}

export const blankSubmission = (): Submission =>
  largeLater<Submission>({ id: -1 as SequenceId, promptTokens: 0, stopAfter: 0, outputTokensMax: 0, priority: 0, arrival: 0, keys: null }, [
    "stopAfter",
    "arrival",
  ]);

/** @param into what is filled, by schedulers that do not keep it */
export function submissionOf(
  event: Extract<EngineEvent, { kind: "sequence-submitted" }>,
  modelTokensMax: number,
  into = blankSubmission(),
): Readonly<Submission> {
  if (event.inputTokens < 1 || event.inputTokens >= modelTokensMax) broken("the prompt and one output fit the model's context");
  into.id = event.id;
  into.promptTokens = event.inputTokens;
  into.stopAfter = event.outputTokens < event.outputTokensMax ? Math.max(1, event.outputTokens) : Infinity;
  into.outputTokensMax = Math.max(1, event.outputTokensMax);
  into.priority = event.priority;
  into.arrival = event.arrival;
  into.keys = event.blocks;
  return into;
}
