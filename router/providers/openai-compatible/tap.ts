import type { Usage } from "../../core/messages.ts";
import { parsedPayload, payloadOf } from "../event-splitter.ts";
import type { Failure, StopReason } from "../provider-adapter.ts";
import { withServedTier } from "../served-tier.ts";
import { cut, type TapReader, type Verdict } from "../tap-stream.ts";
import { readErrorEvent } from "./failure.ts";
import { readReason } from "./response.ts";
import { isRecord, readUsage } from "./usage.ts";

/**
 * Chat and text completions, read while they pass. `[DONE]` after an error event, and an end without `[DONE]`, are failures.
 *
 * Once content has been seen, an event is parsed only if it holds a usage, a finish reason, or no choices; the test is on text that cannot stand inside a
 * JSON string, where its quotes would be escaped.
 */
export class CompletionTap implements TapReader {
  readonly #passUsage: boolean;
  readonly #readTier: boolean;
  contentEvents = 0;
  reason: StopReason = "stop";
  failure: Failure = cut;

  /** @param readTier the caller has named a service tier */
  constructor(passUsage: boolean, readTier: boolean) {
    this.#passUsage = passUsage;
    this.#readTier = readTier;
  }

  read(event: Buffer, onUsage: (usage: Usage) => void): Verdict {
    const text = event.toString("latin1");
    if (this.contentEvents > 0 && isPlainDelta(text)) {
      this.contentEvents += 1;
      return "pass";
    }
    const payload = payloadOf(event);
    if (payload === "[DONE]") return "last";
    if (payload === "") return "pass";
    return this.#readParsed(payload, onUsage);
  }

  ending(rest: Buffer): string | null {
    return payloadOf(rest) === "[DONE]" ? "data: [DONE]\n\n" : null;
  }

  #readParsed(payload: string, onUsage: (usage: Usage) => void): Verdict {
    const value = parsedPayload(payload);
    if (!isRecord(value)) return "pass";
    const error = value["error"];
    if (error !== undefined && error !== null) {
      this.failure = readErrorEvent(value);
      return "failed";
    }
    const usage = readUsage(value["usage"]);
    if (usage !== null) onUsage(this.#readTier ? withServedTier(usage, value["service_tier"]) : usage);
    const choices: readonly unknown[] = Array.isArray(value["choices"]) ? value["choices"] : [];
    if (choices.some(hasContent)) this.contentEvents += 1;
    for (const choice of choices) this.reason = (isRecord(choice) ? readReason(choice["finish_reason"]) : null) ?? this.reason;
    return usage !== null && choices.length === 0 && !this.#passUsage ? "hide" : "pass";
  }
}

function isPlainDelta(text: string): boolean {
  if (!text.includes('"choices":[{') || text.includes('"finish_reason":"')) return false;
  const usage = text.indexOf('"usage":');
  return usage === -1 || text.startsWith("null", usage + 8);
}

const contentFields = ["content", "reasoning", "reasoning_content", "refusal", "tool_calls", "function_call", "audio"];

/** Of chat chunks in `delta`, of text completions in `text`. */
function hasContent(choice: unknown): boolean {
  if (!isRecord(choice)) return false;
  if (isFilled(choice["text"])) return true;
  const { delta } = choice;
  return isRecord(delta) && contentFields.some((field) => isFilled(delta[field]));
}

function isFilled(value: unknown): boolean {
  if (typeof value === "string" || Array.isArray(value)) return value.length > 0;
  return typeof value === "object" && value !== null;
}
