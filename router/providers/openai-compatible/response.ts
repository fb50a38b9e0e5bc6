import { textOr } from "../neutral/untranslatable.ts";
import type { Usage } from "../../core/messages.ts";
import type { AnswerPart, NeutralAnswer, NeutralChoice, TokenLogprob } from "../neutral/neutral-answer.ts";
import type { StopReason } from "../provider-adapter.ts";
import { readUsage } from "./usage.ts";
import { type Fields, isFields } from "../../core/fields.ts";

const usageMark = Buffer.from('"usage":{');

/** The last `usage` of a plain answer is read without the rest, where it can be told apart; else the answer is parsed. */
export function usageOfAnswer(body: Buffer, read: (value: unknown) => Usage | null): Usage | null {
  return usageAtMark(body, read) ?? usageOfParsed(body, read);
}

function usageAtMark(body: Buffer, read: (value: unknown) => Usage | null): Usage | null {
  // Within a JSON string the quotes would be escaped, so this can only be a key.
  const at = body.lastIndexOf(usageMark);
  if (at === -1) return null;
  const start = at + usageMark.length - 1;
  let depth = 0;
  for (let place = start; place < body.length; place++) {
    if (body[place] === 0x7b) depth += 1;
    else if (body[place] === 0x7d && --depth === 0) return parsedUsage(body.toString("utf8", start, place + 1), read);
  }
  return null;
}

function parsedUsage(text: string, read: (value: unknown) => Usage | null): Usage | null {
  try {
    return read(JSON.parse(text));
  } catch {
    return null;
  }
}

function usageOfParsed(body: Buffer, read: (value: unknown) => Usage | null): Usage | null {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return isFields(value) ? read(value["usage"]) : null;
  } catch {
    return null;
  }
}

/** A chat completion; null: it is none. */
export function readChatAnswer(value: unknown): NeutralAnswer | null {
  if (!isFields(value) || !Array.isArray(value["choices"])) return null;
  const choices: readonly unknown[] = value["choices"];
  return { id: textOr(value["id"]), choices: choices.map(readChoice), usage: readUsage(value["usage"]) };
}

function readChoice(value: unknown): NeutralChoice {
  const choice = isFields(value) ? value : {};
  const message = isFields(choice["message"]) ? choice["message"] : {};
  const stop = choice["stop_reason"];
  return {
    parts: readParts(message),
    reason: readReason(choice["finish_reason"]) ?? "stop",
    stopText: typeof stop === "string" ? stop : null,
    logprobs: readLogprobs(choice["logprobs"]),
  };
}

function readParts(message: Fields): readonly AnswerPart[] {
  const thought = textOr(message["reasoning"] ?? message["reasoning_content"]);
  const text = textOr(message["content"] ?? message["refusal"]);
  const parts: AnswerPart[] = [];
  if (thought !== "") parts.push({ kind: "thinking", text: thought, signature: null });
  if (text !== "") parts.push({ kind: "text", text });
  return [...parts, ...readCalls(message["tool_calls"])];
}

function readCalls(value: unknown): readonly AnswerPart[] {
  const parts: AnswerPart[] = [];
  const calls: readonly unknown[] = Array.isArray(value) ? value : [];
  for (const call of calls) {
    const called = isFields(call) && isFields(call["function"]) ? call["function"] : null;
    if (!isFields(call) || called === null) continue;
    parts.push({
      kind: "tool-call",
      id: textOr(call["id"]),
      name: textOr(called["name"]),
      arguments: typeof called["arguments"] === "string" ? called["arguments"] : "{}",
      signature: null,
    });
  }
  return parts;
}

/** The shape is passed on as it came. */
export function readLogprobs(value: unknown): readonly TokenLogprob[] | null {
  return isFields(value) && Array.isArray(value["content"]) ? (value["content"] as TokenLogprob[]) : null;
}

export function readReason(reason: unknown): StopReason | null {
  switch (reason) {
    case "stop":
      return "stop";
    case "length":
      return "length";
    case "tool_calls":
    case "function_call":
      return "tool";
    case "content_filter":
      return "filter";
    default:
      return null;
  }
}
