import type { MockToken } from "./answer-script.ts";
import { tokenIdOf } from "./prompt-tokens.ts";

/** Log probabilities as OpenAI's and vLLM's answers tell them. The numbers are made up: the first of the alternatives is the token itself, each further one less likely. */
const logprobOf = (rank: number): number => -0.5 - 0.25 * rank;

const alternatives = (text: string, count: number): readonly string[] => Array.from({ length: count }, (_, rank) => (rank === 0 ? text : ` other${rank}`));

const told = (token: string, rank: number) => ({ token, logprob: logprobOf(rank), bytes: [...Buffer.from(token)] });

export function chatLogprobs(tokens: readonly MockToken[], count: number): object {
  return { content: tokens.map(({ text }) => ({ ...told(text, 0), top_logprobs: alternatives(text, count).map(told) })) };
}

/** @param echoed words of the prompt that stand in front */
export function completionLogprobs(tokens: readonly MockToken[], count: number, offset: number, echoed: readonly string[] = []): object {
  const texts = [...echoed, ...tokens.map(({ text }) => text)];
  let at = offset;
  const offsets = texts.map((text) => (at += text.length) - text.length);
  const best = (text: string): object => Object.fromEntries(alternatives(text, Math.max(1, count)).map((other, rank) => [other, logprobOf(rank)]));
  const first = echoed.length > 0;
  return {
    text_offset: offsets,
    token_logprobs: texts.map((_, place) => (first && place === 0 ? null : logprobOf(0))),
    tokens: texts,
    top_logprobs: texts.map((text, place) => (first && place === 0 ? null : best(text))),
  };
}

/** Of the words of a prompt; the first has none. */
export function promptLogprobs(words: readonly string[], count: number, vocabularySize: number): readonly (object | null)[] {
  return words.map((word, place) => {
    if (place === 0) return null;
    const others = alternatives(` ${word}`, Math.max(1, count));
    const rows = others.map(
      (text, rank) => [tokenIdOf(text.trim(), vocabularySize), { logprob: logprobOf(rank), rank: rank + 1, decoded_token: text }] as const,
    );
    return Object.fromEntries(rows);
  });
}
