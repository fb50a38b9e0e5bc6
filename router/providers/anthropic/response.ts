import { textOr } from "../neutral/untranslatable.ts";
import type { AnswerPart, NeutralAnswer } from "../neutral/neutral-answer.ts";
import type { StopReason } from "../provider-adapter.ts";
import { readMessageUsage } from "./usage.ts";
import { isFields } from "../../core/fields.ts";

/** A message; null: it is none. */
export function readMessageAnswer(value: unknown): NeutralAnswer | null {
  if (!isFields(value) || !Array.isArray(value["content"])) return null;
  const content: readonly unknown[] = value["content"];
  const stopText = typeof value["stop_sequence"] === "string" ? value["stop_sequence"] : null;
  const choice = {
    parts: content.flatMap((block) => readBlock(block) ?? []),
    reason: readStopReason(value["stop_reason"]) ?? "stop",
    stopText,
    logprobs: null,
  };
  return { id: textOr(value["id"]), choices: [choice], usage: readMessageUsage(value["usage"]) };
}

/** Null: what has no place in another dialect, such as a server tool's own doings. */
function readBlock(block: unknown): AnswerPart | null {
  if (!isFields(block)) return null;
  switch (block["type"]) {
    case "text":
      return { kind: "text", text: textOr(block["text"]) };
    case "thinking":
      return { kind: "thinking", text: textOr(block["thinking"]), signature: typeof block["signature"] === "string" ? block["signature"] : null };
    case "tool_use":
      return {
        kind: "tool-call",
        id: textOr(block["id"]),
        name: textOr(block["name"]),
        arguments: JSON.stringify(block["input"] ?? {}),
        signature: null,
      };
    default:
      return null;
  }
}

export function readStopReason(reason: unknown): StopReason | null {
  switch (reason) {
    case "end_turn":
    case "stop_sequence":
    case "pause_turn":
      return "stop";
    case "max_tokens":
    case "model_context_window_exceeded":
      return "length";
    case "tool_use":
      return "tool";
    case "refusal":
      return "filter";
    default:
      return null;
  }
}
