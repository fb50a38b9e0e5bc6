import type { Usage } from "../../../router/core/messages.ts";

export const fingerprint = "fp_headgate_mock";

export const optionalWhole = (value: unknown): number | null => (typeof value === "number" ? value : null);

const answersMax = 128;

/** @returns how many are asked for, or what is wrong with that */
export function answersIn(n: unknown): number | string {
  const answers = optionalWhole(n) ?? 1;
  if (answers < 1) return `Invalid 'n': integer below minimum value. Expected a value >= 1, but got ${answers} instead.`;
  return answers > answersMax ? `Invalid 'n': integer above maximum value. Expected a value <= ${answersMax}, but got ${answers} instead.` : answers;
}

export function stopsOf(stop: unknown): readonly string[] {
  if (typeof stop === "string") return [stop];
  return Array.isArray(stop) ? stop.filter((word) => typeof word === "string") : [];
}

/** The tier that a call is served in: the one that it asks for, where there is such a one. */
export const servedTier = (asked: unknown): string => (asked === "flex" || asked === "priority" ? asked : asked === "fast" ? "priority" : "default");

/** Of chat and text completions. */
export function usageOf({ input, cachedRead, cacheWrite, output, reasoning }: Usage, answers: number): object {
  const generated = output * answers;
  return {
    prompt_tokens: input,
    completion_tokens: generated,
    total_tokens: input + generated,
    prompt_tokens_details: { cached_tokens: cachedRead, cache_write_tokens: cacheWrite, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  };
}
