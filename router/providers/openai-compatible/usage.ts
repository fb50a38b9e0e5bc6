import { tokensMax } from "../../core/accounting/request-bounds.ts";
import type { Usage } from "../../core/messages.ts";
import { isFields } from "../../core/fields.ts";

/** OpenAI's `usage` object; null: it is none, or beyond all measure. */
export function readUsage(value: unknown): Usage | null {
  if (!isFields(value)) return null;
  const input = tokens(value["prompt_tokens"]);
  const output = tokens(value["completion_tokens"]);
  if (input === null && output === null) return null;
  const ofPrompt = value["prompt_tokens_details"];
  const ofOutput = value["completion_tokens_details"];
  const usage: Usage = {
    input: input ?? 0,
    cachedRead: detail(ofPrompt, "cached_tokens") ?? 0,
    // The second is vLLM's word for it.
    cacheWrite: detail(ofPrompt, "cache_write_tokens") ?? detail(ofPrompt, "created_cache_tokens") ?? 0,
    output: output ?? 0,
    reasoning: detail(ofOutput, "reasoning_tokens") ?? 0,
  };
  const pictureTokens = detail(ofPrompt, "image_tokens");
  return believed(pictureTokens === null ? usage : { pictureTokens, ...usage });
}

/** Null: no request can have used so much. */
export function believed(usage: Usage): Usage | null {
  const { input, output, cachedRead, cacheWrite, reasoning, pictureTokens = 0 } = usage;
  return Math.max(input, output, cachedRead + cacheWrite, reasoning, pictureTokens) <= tokensMax ? usage : null;
}

function detail(details: unknown, name: string): number | null {
  return isFields(details) ? tokens(details[name]) : null;
}

export function tokens(value: unknown): number | null {
  // Not -0, which is another number to whoever compares states.
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? Math.abs(value) : null;
}
