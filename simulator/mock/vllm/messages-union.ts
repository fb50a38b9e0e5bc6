import { isFields } from "../../../router/core/fields.ts";
import { type FieldProblem, missing, notLiteral, notText } from "./field-problems.ts";

/**
 * What vLLM 0.32 says of a chat message that is none: it could have been any of eight kinds, and of each it says why it is not. The name of the
 * eighth kind's second field is not in the recordings, which show ten problems at most.
 */
interface MessageKind {
  readonly name: string;
  readonly role: string | null;
  readonly content: "text" | "maybe";
  readonly also: readonly string[];
}

const kinds: readonly MessageKind[] = [
  { name: "ChatCompletionDeveloperMessageParam", role: "developer", content: "text", also: [] },
  { name: "ChatCompletionSystemMessageParam", role: "system", content: "text", also: [] },
  { name: "ChatCompletionUserMessageParam", role: "user", content: "text", also: [] },
  { name: "ChatCompletionAssistantMessageParam", role: "assistant", content: "maybe", also: [] },
  { name: "ChatCompletionToolMessageParam", role: "tool", content: "text", also: ["tool_call_id"] },
  { name: "ChatCompletionFunctionMessageParam", role: "function", content: "maybe", also: ["name"] },
  { name: "CustomChatCompletionMessageParam", role: null, content: "text", also: [] },
];

export function messageProblems(messages: readonly unknown[]): readonly FieldProblem[] {
  return messages.flatMap((message, index) => (isMessage(message) ? [] : problemsOf(message, `body.messages.${index}`)));
}

function isMessage(message: unknown): boolean {
  if (!isFields(message) || typeof message["role"] !== "string") return false;
  const content = message["content"] ?? null;
  if (content === null) return ["assistant", "function"].includes(message["role"]) || Array.isArray(message["tool_calls"]);
  return typeof content === "string" || Array.isArray(content);
}

function problemsOf(message: unknown, place: string): readonly FieldProblem[] {
  const fields = isFields(message) ? message : {};
  const named = kinds.flatMap((kind): readonly FieldProblem[] => {
    const at = (field: string): string => `${place}.${kind.name}.${field}`;
    const content = contentProblems(kind, fields["content"], at("content"));
    const role = roleProblems(kind, fields["role"], at("role"), message);
    const also = kind.also.filter((field) => fields[field] === undefined).map((field) => missing(at(field), message));
    return kind.name === "ChatCompletionFunctionMessageParam" ? [...also, ...role] : [...content, ...role, ...also];
  });
  return [...named, missing(`${place}.Message.author`, message), missing(`${place}.Message.content`, message)];
}

function contentProblems({ content }: MessageKind, value: unknown, place: string): readonly FieldProblem[] {
  if (content !== "text" || typeof value === "string" || Array.isArray(value)) return [];
  return [notText(place, value ?? null), { type: "iterable_type", place, message: "Input should be iterable", input: value ?? null }];
}

function roleProblems({ role }: MessageKind, value: unknown, place: string, message: unknown): readonly FieldProblem[] {
  if (value === undefined) return [missing(place, message)];
  if (role === null) return typeof value === "string" ? [] : [notText(place, value)];
  return value === role ? [] : [notLiteral(place, `'${role}'`, value)];
}
