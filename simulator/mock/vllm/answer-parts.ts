import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript, MockToken } from "../answer-script.ts";
import type { CallNames, MockEnd, SequenceEnd } from "../dialects/mock-dialect.ts";
import type { MockBody } from "../mock-body.ts";
import { tokenIdOf, wordsOf } from "../prompt-tokens.ts";

export const fingerprint = "vllm-0.32.0-headgate-mock";

/** Why it ended, and the stop string or stop token that ended it. */
export function endOf(script: AnswerScript, reason: MockEnd, usage: Usage): { readonly reason: MockEnd; readonly stopReason: string | number | null } {
  if (script.stopped === null || usage.output < script.outputTokens) return { reason, stopReason: null };
  return { reason: "stop", stopReason: script.stopped.reason };
}

/** How one choice ended, with what it says. */
export interface ScriptedEnd extends SequenceEnd {
  readonly script: AnswerScript;
}

export function scriptedEnds(scripts: readonly AnswerScript[], ends: readonly SequenceEnd[]): readonly ScriptedEnd[] {
  return scripts.flatMap((script, choice) => (ends[choice] === undefined ? [] : { script, ...ends[choice] }));
}

/** The call as far as it is this choice's. */
export function bodyOfChoice(body: MockBody, choice: number): MockBody {
  const { texts, inputTokens } = body.sequences?.[choice] ?? body;
  return { ...body, texts, inputTokens };
}

export function tokensOf(script: AnswerScript, count: number): readonly MockToken[] {
  return Array.from({ length: count }, (_, index) => script.tokenAt(index));
}

export function promptTokenIds({ texts }: MockBody, vocabularySize: number): readonly number[] {
  return wordsOf(texts).map((word) => tokenIdOf(word, vocabularySize));
}

export interface ToldUsage {
  readonly prompt_tokens: number;
  readonly total_tokens: number;
  readonly completion_tokens: number;
}

export function toldUsage(input: number, output: number): ToldUsage {
  return { prompt_tokens: input, total_tokens: input + output, completion_tokens: output };
}

/** Tokens of a chat's whole blocks that were not in the cache before. */
export function createdTokens(usage: Usage, { blockTokens }: CallNames): number {
  return blockTokens === 0 ? usage.cacheWrite : usage.input - (usage.input % blockTokens) - usage.cachedRead;
}
