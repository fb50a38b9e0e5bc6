import { type Fields, isFields } from "../../../router/core/fields.ts";
import { serialOf, textsOfMessages, wordsIn } from "../dialects/body-fields.ts";
import { chatCalls, mockCall } from "../dialects/tool-calls.ts";
import type { MockRequest } from "../dialects/mock-dialect.ts";
import { badRequest, type HttpRefusal } from "../http-refusal.ts";
import { type MockBody, type MockServerFacts, type MockToolCall, type Parsed, sequencesOf } from "../mock-body.ts";
import { type FieldProblem, fieldsIn, flagIn, missing, notList, notLiteral, notText, numberIn, kindProblems } from "./field-problems.ts";
import { lengthProblem } from "./length-checks.ts";
import { messageProblems } from "./messages-union.ts";
import { readByRules } from "./read-body.ts";
import { readWishes, unknownSchemaType } from "./read-wishes.ts";
import { answersIn, samplingProblem } from "./sampling-checks.ts";
import type { VllmOptions } from "./vllm-options.ts";

/** A chat completion as vLLM 0.32 reads it: what is wrong with it is said in its words, in its order. */
export function readVllmChat(request: MockRequest, options: VllmOptions): Parsed {
  const read = readByRules(request.bytes, request.headers, { problems: chatProblems, contradiction: chatContradiction });
  if (read.kind === "refused") return read;
  const { fields } = read;
  return { kind: "body", body: chatBody(fields, fields["messages"] as readonly unknown[], request, options) };
}

export function chatBody(fields: Fields, messages: readonly unknown[], request: MockRequest, options: VllmOptions): MockBody {
  const wishes = readWishes(fields, request.headers);
  const texts = textsOfMessages(messages);
  const inputTokens = promptTokens(fields, messages, texts, options);
  const outputTokensMax = numberIn(fields, "max_completion_tokens") ?? numberIn(fields, "max_tokens");
  const outputTokensMin = numberIn(fields, "min_tokens") ?? 0;
  const answers = answersIn(fields);
  return {
    model: typeof fields["model"] === "string" ? fields["model"] : null,
    texts,
    inputTokens,
    outputTokensMax,
    outputTokensMin,
    exactLength: outputTokensMax !== null && (wishes.ignoreEnd || outputTokensMin === outputTokensMax),
    stream: flagIn(fields, "stream"),
    batch: fields["service_tier"] === "flex",
    includeUsage: fieldsIn(fields, "stream_options")?.["include_usage"] === true,
    serial: serialOf(texts),
    calls: options.toolParser ? callsOf(fields, messages, wishes.text) : [],
    answers,
    ...(answers > 1 ? { sequences: sequencesOf([{ texts, inputTokens }], answers) } : {}),
    wishes: {
      ...wishes,
      logprobs: flagIn(fields, "logprobs") ? (numberIn(fields, "top_logprobs") ?? 0) : null,
      promptLogprobs: wishes.promptLogprobs ?? (wishes.echo && !flagIn(fields, "stream") ? 0 : null),
    },
    check: (server) => chatProblem(fields, messages, server, inputTokens, options),
  };
}

/** Those that the answer's text is fixed to, or those that the mock makes. */
function callsOf(fields: Fields, messages: readonly unknown[], text: string | null): readonly MockToolCall[] {
  const forced = text === null ? null : forcedCall(text);
  return forced === null ? chatCalls(fields, messages) : [forced];
}

function promptTokens(fields: Fields, messages: readonly unknown[], texts: readonly string[], { templateTokens }: VllmOptions): number {
  const end = fields["add_generation_prompt"] === false ? 0 : templateTokens.end;
  const tokens = Math.max(1, wordsIn(texts) + templateTokens.message * messages.length + end);
  return Math.min(tokens, numberIn(fields, "truncate_prompt_tokens") ?? tokens);
}

const chatFields = [
  ["logprobs", "boolean"],
  ["top_logprobs", "whole"],
  ["max_tokens", "whole"],
  ["max_completion_tokens", "whole"],
  ["n", "whole"],
  ["presence_penalty", "number"],
  ["frequency_penalty", "number"],
  ["seed", "whole"],
  ["stream", "boolean"],
  ["temperature", "number"],
  ["top_p", "number"],
  ["min_tokens", "whole"],
  ["priority", "whole"],
] as const;

function chatProblems(fields: Fields): readonly FieldProblem[] {
  const { messages } = fields;
  const found: FieldProblem[] = [];
  if (messages === undefined) found.push(missing("body.messages", fields));
  else if (!Array.isArray(messages)) found.push(notList("body.messages", messages));
  else found.push(...messageProblems(messages));
  return [...found, ...kindProblems(chatFields, fields), ...formatProblems(fields["response_format"]), ...stopProblems(fields["stop"])];
}

function formatProblems(format: unknown): readonly FieldProblem[] {
  if (!isFields(format) || ["text", "json_object", "json_schema", "structural_tag"].includes(String(format["type"]))) return [];
  const place = "body.response_format.type";
  const tag = notLiteral(place, "'structural_tag'", format["type"]);
  return [
    notLiteral(place, "'text', 'json_object' or 'json_schema'", format["type"]),
    tag,
    missing("body.response_format.format", format),
    tag,
    missing("body.response_format.structures", format),
    missing("body.response_format.triggers", format),
  ];
}

const stopsMax = 4;
function stopProblems(stop: unknown): readonly FieldProblem[] {
  if (!Array.isArray(stop) || stop.length <= stopsMax) return [];
  const message = `List should have at most ${stopsMax} items after validation, not ${stop.length}`;
  const context = `{'field_type': 'List', 'max_length': ${stopsMax}, 'actual_length': ${stop.length}}`;
  return [notText("body.stop", stop), { type: "too_long", place: "body.stop", message, input: stop, context }];
}

/** Fields that do not go together. */
function chatContradiction(fields: Fields): HttpRefusal | null {
  const wrong = (name: string, message: string): HttpRefusal => badRequest(`${message} (parameter=${name})`, name);
  if (!flagIn(fields, "stream") && isFields(fields["stream_options"])) return wrong("stream_options", "Stream options can only be defined when `stream=True`.");
  if (numberIn(fields, "top_logprobs") !== null && !flagIn(fields, "logprobs"))
    return wrong("top_logprobs", "when using `top_logprobs`, `logprobs` must be set to true.");
  const format = fieldsIn(fields, "response_format");
  if (format?.["type"] === "json_schema" && !isFields(format["json_schema"]))
    return wrong("response_format", "When response_format type is 'json_schema', the 'json_schema' field must be provided.");
  const choice = fields["tool_choice"] ?? "none";
  const tools: readonly unknown[] = Array.isArray(fields["tools"]) ? fields["tools"] : [];
  if (choice !== "none" && tools.length === 0) return wrong("tool_choice", "When using `tool_choice`, `tools` must be set.");
  const name = toolNamed(choice);
  const known = tools.some((tool) => isFields(tool) && fieldsIn(tool, "function")?.["name"] === name);
  if (name !== null && !known) return wrong("tool_choice", "The tool specified in `tool_choice` does not match any of the specified `tools`");
  return null;
}

const toolNamed = (choice: unknown): string | null => (isFields(choice) ? String(fieldsIn(choice, "function")?.["name"]) : null);

function chatProblem(fields: Fields, messages: readonly unknown[], server: MockServerFacts, tokens: number, options: VllmOptions): HttpRefusal | null {
  const tools = Array.isArray(fields["tools"]) && fields["tools"].length > 0;
  if (tools && !options.toolParser) {
    const problem = parserProblem(fields["tool_choice"] ?? "auto");
    if (problem !== null) return problem;
  }
  const pictures = messages.some((message) => isFields(message) && Array.isArray(message["content"]) && message["content"].some(isPicture));
  if (pictures && !options.multimodal) return badRequest(`${server.model} is not a multimodal model`, null);
  if (messages.length === 0) return badRequest("Cannot apply chat template to an empty conversation. Provide at least one message.", null);
  const type = unknownSchemaType(fields);
  if (type !== null) return badRequest(`Grammar error: Invalid type: ${type}`, null);
  const field = numberIn(fields, "max_completion_tokens") === null ? "max_tokens" : "max_completion_tokens";
  const cap = numberIn(fields, field);
  const letters = textsOfMessages(messages).reduce((sum, text) => sum + text.length, 0);
  return (
    lengthProblem(server, { tokens, letters }, cap === null ? null : { field, tokens: cap }, options.lettersPerTokenMax) ??
    samplingProblem(fields, options.vocabularySize)
  );
}

const isPicture = (part: unknown): boolean => isFields(part) && part["type"] === "image_url";

/** A server without a parser for its model's tool calls can offer none. */
export function parserProblem(choice: unknown): HttpRefusal | null {
  if (choice === "none") return null;
  if (choice === "auto") return badRequest('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', null);
  const shown = typeof choice === "string" ? `"${choice}"` : `function "${toolNamed(choice) ?? ""}"`;
  return badRequest(`tool_choice=${shown} requires --tool-call-parser to be set`, null);
}

/** Where the answer's text is fixed to one that calls a tool (in the form of Hermes). */
function forcedCall(text: string): MockToolCall | null {
  const inner = /^<tool_call>\s*(\{[^]*\})\s*<\/tool_call>$/.exec(text)?.[1];
  if (inner === undefined) return null;
  try {
    const call = JSON.parse(inner) as { readonly name?: unknown; readonly arguments?: unknown };
    return { ...mockCall(call.name, {}), arguments: JSON.stringify(call.arguments ?? {}) };
  } catch {
    return null;
  }
}
