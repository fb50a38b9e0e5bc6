import type { Usage } from "../../../core/messages.ts";
import { joinCallId } from "../../neutral/call-id.ts";
import type { AnswerPart, NeutralAnswer } from "../../neutral/neutral-answer.ts";
import { argumentsAt } from "../../neutral/untranslatable.ts";
import type { StopReason } from "../../provider-adapter.ts";
import type { AnswerAbout } from "../caller-dialect.ts";
import type { Fields } from "../../../core/fields.ts";

const stopReasons: Readonly<Record<StopReason, string>> = { stop: "end_turn", length: "max_tokens", tool: "tool_use", filter: "refusal" };

export const stopReasonOf = (reason: StopReason, stopText: string | null): string =>
  reason === "stop" && stopText !== null ? "stop_sequence" : stopReasons[reason];

export function writeMessage(answer: NeutralAnswer, { model }: AnswerAbout): object {
  const choice = answer.choices[0];
  const reason = choice?.reason ?? "stop";
  const stopText = choice?.stopText ?? null;
  return {
    id: answer.id,
    type: "message",
    role: "assistant",
    model,
    content: (choice?.parts ?? []).map(writeBlock),
    stop_reason: stopReasonOf(reason, stopText),
    stop_sequence: stopText,
    usage: writeUsage(answer.usage ?? { input: 0, cachedRead: 0, cacheWrite: 0, output: 0, reasoning: 0 }),
  };
}

function writeBlock(part: AnswerPart): object {
  switch (part.kind) {
    case "text":
      return { type: "text", text: part.text, citations: null };
    case "thinking":
      return { type: "thinking", thinking: part.text, signature: part.signature ?? "" };
    case "tool-call":
      return { type: "tool_use", id: joinCallId(part.id, part.signature), name: part.name, input: inputOf(part.arguments) };
  }
}

/** What a model wrote need not be JSON. */
function inputOf(text: string): Fields {
  try {
    return argumentsAt(text, "arguments");
  } catch {
    return { arguments: text };
  }
}

/** Anthropic counts what came from its cache, and what went there, apart from the rest of the prompt. */
export function writeUsage({ input, cachedRead, cacheWrite, output }: Usage): object {
  return {
    input_tokens: Math.max(0, input - cachedRead - cacheWrite),
    cache_read_input_tokens: cachedRead,
    cache_creation_input_tokens: cacheWrite,
    output_tokens: output,
  };
}
