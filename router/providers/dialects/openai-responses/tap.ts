import type { Usage } from "../../../core/messages.ts";
import { parsedPayload, payloadOf } from "../../event-splitter.ts";
import { readErrorEvent } from "../../openai-compatible/failure.ts";
import { believed, tokens } from "../../openai-compatible/usage.ts";
import type { Failure, StopReason } from "../../provider-adapter.ts";
import { withServedTier } from "../../served-tier.ts";
import { cut, type TapReader, type UsageListener, type Verdict } from "../../tap-stream.ts";
import { isFields } from "../../../core/fields.ts";

const delta = /^event: response\.(output_text|reasoning_text|reasoning_summary_text|refusal|function_call_arguments)\.delta/;

/** `usage` of a response; null: it is none. */
export function readResponseUsage(value: unknown): Usage | null {
  if (!isFields(value)) return null;
  const input = tokens(value["input_tokens"]);
  const output = tokens(value["output_tokens"]);
  if (input === null && output === null) return null;
  const inputDetails = isFields(value["input_tokens_details"]) ? value["input_tokens_details"] : {};
  const outputDetails = isFields(value["output_tokens_details"]) ? value["output_tokens_details"] : {};
  return believed({
    input: input ?? 0,
    cachedRead: tokens(inputDetails["cached_tokens"]) ?? 0,
    cacheWrite: tokens(inputDetails["cache_write_tokens"]) ?? 0,
    output: output ?? 0,
    reasoning: tokens(outputDetails["reasoning_tokens"]) ?? 0,
  });
}

/** A response's events, read while they pass. */
export class ResponseTap implements TapReader {
  readonly #asksTier: boolean;
  contentEvents = 0;
  reason: StopReason = "stop";
  failure: Failure = cut;

  /** @param asksTier the caller has named a service tier */
  constructor(asksTier: boolean) {
    this.#asksTier = asksTier;
  }

  read(data: Buffer, start: number, end: number, told: UsageListener): Verdict {
    if (delta.test(data.toString("latin1", start, Math.min(end, start + 80)))) {
      this.contentEvents += 1;
      return "pass";
    }
    const value = parsedPayload(payloadOf(data.subarray(start, end)));
    if (!isFields(value)) return "pass";
    const response = isFields(value["response"]) ? value["response"] : {};
    switch (value["type"]) {
      case "response.completed":
      case "response.incomplete": {
        const usage = readResponseUsage(response["usage"]);
        if (usage !== null) told.usage(withServedTier(usage, response["service_tier"], this.#asksTier));
        if (value["type"] === "response.incomplete") this.reason = "length";
        return "last";
      }
      case "response.failed":
        this.failure = readErrorEvent({ error: response["error"] });
        return "failed";
      case "error":
        this.failure = readErrorEvent({ error: isFields(value["error"]) ? value["error"] : value });
        return "failed";
      default:
        return "pass";
    }
  }

  ending(): string | null {
    return null;
  }
}
