import type { Usage } from "../../core/messages.ts";
import { withServedTier } from "../served-tier.ts";
import { believed, tokens } from "../openai-compatible/usage.ts";
import { isFields } from "../../core/fields.ts";

/** Anthropic's `usage`, where what came from the cache and what went there stand beside the rest of the prompt, not within it. Null: it is none. */
export function readMessageUsage(value: unknown): Usage | null {
  if (!isFields(value)) return null;
  const output = tokens(value["output_tokens"]);
  const fresh = tokens(value["input_tokens"]);
  if (output === null && fresh === null) return null;
  const cachedRead = tokens(value["cache_read_input_tokens"]) ?? 0;
  const cacheWrite = tokens(value["cache_creation_input_tokens"]) ?? 0;
  const details = isFields(value["output_tokens_details"]) ? value["output_tokens_details"] : {};
  const reasoning = tokens(details["reasoning_tokens"]) ?? tokens(details["thinking_tokens"]) ?? 0;
  const usage = believed({ input: (fresh ?? 0) + cachedRead + cacheWrite, cachedRead, cacheWrite, output: output ?? 0, reasoning });
  return usage === null ? null : withServedTier(usage, value["service_tier"], false);
}

/** The last `message_delta` has the totals; what it leaves out stands in `message_start`. */
export function mergedUsage(start: Usage | null, last: unknown): Usage | null {
  const end = readMessageUsage(last);
  if (end === null || start === null) return end ?? start;
  const inputTold = isFields(last) && typeof last["input_tokens"] === "number";
  return inputTold ? { ...(start.tier === undefined ? {} : { tier: start.tier }), ...end } : { ...start, output: end.output, reasoning: end.reasoning };
}
