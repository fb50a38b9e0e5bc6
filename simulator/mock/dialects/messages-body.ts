import { type AnswerWishes, type MockBody, plainWishes } from "../mock-body.ts";
import { type Fields, isFields } from "../../../router/core/fields.ts";
import { serialOf, textsIn, textsOfMessages, wordsIn } from "./body-fields.ts";
import { mockCall } from "./tool-calls.ts";

/** What of a body of Anthropic's messages API the mock needs, once it was found to be one. */
export function messagesBody(fields: Fields, messages: readonly unknown[], cap: number, wishes: AnswerWishes = plainWishes): MockBody {
  const texts = [...textsIn(fields["system"]), ...textsOfMessages(messages)];
  const stop: readonly unknown[] = Array.isArray(fields["stop_sequences"]) ? fields["stop_sequences"] : [];
  return {
    model: typeof fields["model"] === "string" ? fields["model"] : null,
    texts,
    inputTokens: Math.max(1, wordsIn(texts)),
    outputTokensMax: cap,
    outputTokensMin: 0,
    exactLength: false,
    stream: fields["stream"] === true,
    includeUsage: true,
    serial: serialOf(texts),
    calls: callsOf(fields, messages),
    answers: 1,
    wishes: { ...wishes, stop: stop.filter((word) => typeof word === "string") },
  };
}

function callsOf(fields: Fields, messages: readonly unknown[]): MockBody["calls"] {
  const choice = isFields(fields["tool_choice"]) ? fields["tool_choice"] : {};
  const last = messages.at(-1);
  const content: readonly unknown[] = isFields(last) && Array.isArray(last["content"]) ? last["content"] : [];
  if (choice["type"] === "none" || content.some((block) => isFields(block) && block["type"] === "tool_result")) return [];
  const tools: readonly unknown[] = Array.isArray(fields["tools"]) ? fields["tools"] : [];
  const offered = tools.flatMap((tool) => (isFields(tool) ? mockCall(tool["name"], tool["input_schema"]) : []));
  return offered.slice(0, choice["disable_parallel_tool_use"] === true ? 1 : 2);
}
