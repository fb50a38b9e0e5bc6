import type { Usage } from "../../../core/messages.ts";
import { joinCallId } from "../../neutral/call-id.ts";
import type { AnswerPart, NeutralAnswer } from "../../neutral/neutral-answer.ts";
import type { StopReason } from "../../provider-adapter.ts";
import type { AnswerAbout } from "../caller-dialect.ts";

export function writeResponse(answer: NeutralAnswer, about: AnswerAbout): object {
  const choice = answer.choices[0];
  const output = (choice?.parts ?? []).map((part, place) => outputItem(part, `${answer.id}_${place}`));
  return responseOf(answer.id, about, output, choice?.reason ?? "stop", answer.usage);
}

/** @param reason null: it is still being made */
export function responseOf(
  id: string,
  { model, createdSeconds }: AnswerAbout,
  output: readonly object[],
  reason: StopReason | null,
  usage: Usage | null,
): object {
  const incomplete = reason === "length" ? { reason: "max_output_tokens" } : reason === "filter" ? { reason: "content_filter" } : null;
  return {
    id: id.startsWith("resp_") ? id : `resp_${id}`,
    object: "response",
    created_at: createdSeconds,
    status: reason === null ? "in_progress" : incomplete === null ? "completed" : "incomplete",
    background: false,
    error: null,
    incomplete_details: incomplete,
    instructions: null,
    max_output_tokens: null,
    metadata: {},
    model,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    store: false,
    temperature: null,
    tool_choice: "auto",
    tools: [],
    top_p: null,
    usage: usage === null ? null : usageOf(usage),
  };
}

export function outputItem(part: AnswerPart, id: string): object {
  switch (part.kind) {
    case "text":
      return { id: `msg_${id}`, type: "message", role: "assistant", status: "completed", content: [textPart(part.text)] };
    case "thinking":
      return { id: `rs_${id}`, type: "reasoning", summary: [{ type: "summary_text", text: part.text }] };
    case "tool-call":
      return {
        id: `fc_${id}`,
        type: "function_call",
        call_id: joinCallId(part.id, part.signature),
        name: part.name,
        arguments: part.arguments,
        status: "completed",
      };
  }
}

export const textPart = (text: string): object => ({ type: "output_text", text, annotations: [], logprobs: [] });

function usageOf({ input, cachedRead, output, reasoning }: Usage): object {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cachedRead },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}
