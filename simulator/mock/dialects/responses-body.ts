import { type AnswerWishes, type MockBody, plainWishes } from "../mock-body.ts";
import { type Fields, isFields } from "../../../router/core/fields.ts";
import { serialOf, textsIn, wordsIn } from "./body-fields.ts";
import { inputItems } from "./stored-responses.ts";
import { mockCall } from "./tool-calls.ts";

/** What of a body of OpenAI's responses API the mock needs. @param earlier items of the conversation that it goes on with */
export function responsesBody(fields: Fields, wishes: AnswerWishes = plainWishes, earlier: readonly Fields[] = []): MockBody {
  const items = inputItems(fields["input"]);
  const texts = [...textsIn(fields["instructions"]), ...[...earlier, ...items].flatMap((item) => textsIn(item["content"] ?? item["output"]))];
  return {
    model: typeof fields["model"] === "string" ? fields["model"] : null,
    texts,
    inputTokens: Math.max(1, wordsIn(texts)),
    outputTokensMax: typeof fields["max_output_tokens"] === "number" ? fields["max_output_tokens"] : null,
    outputTokensMin: 0,
    exactLength: false,
    stream: fields["stream"] === true,
    batch: fields["service_tier"] === "flex",
    includeUsage: true,
    serial: serialOf(texts),
    calls: callsOf(fields, items),
    answers: 1,
    wishes: { ...wishes, repeated: fields },
  };
}

function callsOf(fields: Fields, items: readonly Fields[]): MockBody["calls"] {
  const last = items.at(-1);
  if (fields["tool_choice"] === "none" || last?.["type"] === "function_call_output") return [];
  const tools: readonly unknown[] = Array.isArray(fields["tools"]) ? fields["tools"] : [];
  const offered = tools.flatMap((tool) => (isFields(tool) && tool["type"] === "function" ? mockCall(tool["name"], tool["parameters"]) : []));
  return offered.slice(0, fields["parallel_tool_calls"] === false ? 1 : 2);
}
