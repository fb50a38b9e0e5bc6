import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript, MockToken } from "../answer-script.ts";
import type { CallNames, MockEnd } from "../dialects/mock-dialect.ts";
import type { MockBody } from "../mock-body.ts";
import { tokenIdOf, wordsOf } from "../prompt-tokens.ts";

export const fingerprint = "vllm-0.32.0-headgate-mock";

/** Why it ended, and the stop string or stop token that ended it. */
export function endOf(script: AnswerScript, reason: MockEnd, usage: Usage): { readonly reason: MockEnd; readonly stopReason: string | number | null } {
  if (script.stopped === null || usage.output < script.outputTokens) return { reason, stopReason: null };
  return { reason: "stop", stopReason: script.stopped.reason };
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
