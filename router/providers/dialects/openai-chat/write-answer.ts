import type { Usage } from "../../../core/messages.ts";
import { joinCallId } from "../../neutral/call-id.ts";
import type { NeutralAnswer, NeutralChoice } from "../../neutral/neutral-answer.ts";
import type { StopReason } from "../../provider-adapter.ts";
import type { AnswerAbout } from "../caller-dialect.ts";

export const finishReasons: Readonly<Record<StopReason, string>> = { stop: "stop", length: "length", tool: "tool_calls", filter: "content_filter" };

export function writeChatAnswer(answer: NeutralAnswer, { model, createdSeconds }: AnswerAbout): object {
  const { usage } = answer;
  return {
    id: answer.id,
    object: "chat.completion",
    created: createdSeconds,
    model,
    choices: answer.choices.map(writeChoice),
    ...(usage === null ? {} : { usage: writeUsage(usage) }),
  };
}

function writeChoice({ parts, reason, logprobs }: NeutralChoice, index: number): object {
  const text = parts.flatMap((part) => (part.kind === "text" ? part.text : [])).join("");
  const thought = parts.flatMap((part) => (part.kind === "thinking" ? part.text : [])).join("");
  const calls = parts.flatMap((part) =>
    part.kind === "tool-call" ? { id: joinCallId(part.id, part.signature), type: "function", function: { name: part.name, arguments: part.arguments } } : [],
  );
  const message = {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    refusal: null,
    ...(thought === "" ? {} : { reasoning_content: thought }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return { index, message, logprobs: logprobs === null ? null : { content: logprobs, refusal: null }, finish_reason: finishReasons[reason] };
}

export function writeUsage({ input, cachedRead, cacheWrite, output, reasoning }: Usage): object {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cachedRead, ...(cacheWrite === 0 ? {} : { cache_write_tokens: cacheWrite }) },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}
