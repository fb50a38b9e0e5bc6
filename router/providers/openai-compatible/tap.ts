import { parsedPayload, payloadOf } from "../event-splitter.ts";
import { isWord } from "../json-skip.ts";
import type { Failure, StopReason } from "../provider-adapter.ts";
import { withServedTier } from "../served-tier.ts";
import { cut, type TapReader, type UsageListener, type Verdict } from "../tap-stream.ts";
import { readErrorEvent } from "./failure.ts";
import { readReason } from "./response.ts";
import { readUsage } from "./usage.ts";
import { isFields } from "../../core/fields.ts";

/**
 * Chat and text completions, read while they pass. `[DONE]` after an error event, and an end without `[DONE]`, are failures.
 *
 * Once content has been seen, an event is parsed only if it holds a usage, a finish reason, or no choices; the test is on text that cannot stand inside a
 * JSON string, where its quotes would be escaped.
 */
export class CompletionTap implements TapReader {
  readonly #passUsage: boolean;
  readonly #asksTier: boolean;
  contentEvents = 0;
  reason: StopReason = "stop";
  failure: Failure = cut;

  /** @param asksTier the caller has named a service tier */
  constructor(passUsage: boolean, asksTier: boolean) {
    this.#passUsage = passUsage;
    this.#asksTier = asksTier;
  }

  read(data: Buffer, start: number, end: number, told: UsageListener): Verdict {
    if (this.contentEvents > 0 && isPlainDelta(data, start, end)) {
      this.contentEvents += 1;
      return "pass";
    }
    const payload = payloadOf(data.subarray(start, end));
    if (payload === "[DONE]") return "last";
    if (payload === "") return "pass";
    return this.#readParsed(payload, told);
  }

  ending(rest: Buffer): string | null {
    return payloadOf(rest) === "[DONE]" ? "data: [DONE]\n\n" : null;
  }

  #readParsed(payload: string, told: UsageListener): Verdict {
    const value = parsedPayload(payload);
    if (!isFields(value)) return "pass";
    const error = value["error"];
    if (error !== undefined && error !== null) {
      this.failure = readErrorEvent(value);
      return "failed";
    }
    const usage = readUsage(value["usage"]);
    if (usage !== null) told.usage(withServedTier(usage, value["service_tier"], this.#asksTier));
    const choices: readonly unknown[] = Array.isArray(value["choices"]) ? value["choices"] : [];
    if (choices.some(hasContent)) this.contentEvents += 1;
    for (const choice of choices) this.reason = (isFields(choice) ? readReason(choice["finish_reason"]) : null) ?? this.reason;
    return usage !== null && choices.length === 0 && !this.#passUsage ? "hide" : "pass";
  }
}

const quote = 0x22;
const letter = { c: 0x63, f: 0x66, u: 0x75 };
const someChoices = Buffer.from('"choices":[{');
const someReason = Buffer.from('"finish_reason":"');
const usageKey = Buffer.from('"usage":');
const noUsage = Buffer.from('"usage":null');

function isPlainDelta(data: Buffer, start: number, end: number): boolean {
  let hasChoices = false;
  for (let at = start; at < end; at += 1) {
    if (data[at] !== quote) continue;
    const next = data[at + 1];
    if (next === letter.c) hasChoices ||= standsAt(data, at, someChoices);
    else if (next === letter.f && standsAt(data, at, someReason)) return false;
    else if (next === letter.u && standsAt(data, at, usageKey) && !standsAt(data, at, noUsage)) return false;
  }
  return hasChoices;
}

const standsAt = (data: Buffer, at: number, word: Uint8Array): boolean => isWord(data, at, at + word.length, word);

const contentFields = ["content", "reasoning", "reasoning_content", "refusal", "tool_calls", "function_call", "audio"];

/** Of chat chunks in `delta`, of text completions in `text`. */
function hasContent(choice: unknown): boolean {
  if (!isFields(choice)) return false;
  if (isFilled(choice["text"])) return true;
  const { delta } = choice;
  return isFields(delta) && contentFields.some((field) => isFilled(delta[field]));
}

function isFilled(value: unknown): boolean {
  if (typeof value === "string" || Array.isArray(value)) return value.length > 0;
  return typeof value === "object" && value !== null;
}
