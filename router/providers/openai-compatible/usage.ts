import type { Usage } from "../../core/messages.ts";

/** OpenAI's `usage` object; null when it is none. */
export function readUsage(value: unknown): Usage | null {
  if (!isRecord(value)) return null;
  const input = tokens(value["prompt_tokens"]);
  const output = tokens(value["completion_tokens"]);
  if (input === null && output === null) return null;
  const promptDetails = isRecord(value["prompt_tokens_details"]) ? value["prompt_tokens_details"] : {};
  const outputDetails = isRecord(value["completion_tokens_details"]) ? value["completion_tokens_details"] : {};
  const pictureTokens = tokens(promptDetails["image_tokens"]);
  return {
    ...(pictureTokens === null ? {} : { pictureTokens }),
    input: input ?? 0,
    cachedRead: tokens(promptDetails["cached_tokens"]) ?? 0,
    cacheWrite: tokens(promptDetails["created_cache_tokens"]) ?? 0,
    output: output ?? 0,
    reasoning: tokens(outputDetails["reasoning_tokens"]) ?? 0,
  };
}

export function tokens(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
