import { jsonSample } from "../json-sample.ts";
import type { MockToolCall } from "../mock-body.ts";
import { type Fields, isFields } from "../../../router/core/fields.ts";

/** With what the schema requires. */
export function mockCall(name: unknown, schema: unknown): MockToolCall {
  const sample = jsonSample(schema);
  return { name: String(name), arguments: JSON.stringify(isFields(sample) ? sample : {}) };
}

/** Where tools are offered they are called, the first two of them, unless a tool has just been heard or none is wanted. */
export function chatCalls(fields: Fields, messages: readonly unknown[]): readonly MockToolCall[] {
  const last = messages.at(-1);
  if (fields["tool_choice"] === "none" || (isFields(last) && last["role"] === "tool")) return [];
  const tools: readonly unknown[] = Array.isArray(fields["tools"]) ? fields["tools"] : [];
  const offered = tools.flatMap((tool) =>
    isFields(tool) && isFields(tool["function"]) ? mockCall(tool["function"]["name"], tool["function"]["parameters"]) : [],
  );
  return offered.slice(0, fields["parallel_tool_calls"] === false ? 1 : 2);
}
