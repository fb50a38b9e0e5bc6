import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript } from "../answer-script.ts";
import { type Fields, isFields } from "../../../router/core/fields.ts";
import { wordsIn } from "../dialects/body-fields.ts";
import { messagesBody } from "../dialects/messages-body.ts";
import { type AnswerForm, type CallNames, type MockEnd, type MockOperation, type MockRequest, namedEvent } from "../dialects/mock-dialect.ts";
import { badRequest, type HttpRefusal } from "../http-refusal.ts";
import { type MockBody, type MockServerFacts, type Parsed, plainWishes } from "../mock-body.ts";
import { endOf } from "./answer-parts.ts";
import { parserProblem } from "./chat-request.ts";
import { type FieldProblem, missing, notList, numberIn, problemOf } from "./field-problems.ts";
import { lengthProblem } from "./length-checks.ts";
import { readByRules, readVllmBody } from "./read-body.ts";
import { headerOf } from "./read-wishes.ts";
import type { VllmOptions } from "./vllm-options.ts";
import { inMessagesForm, vllmRefusal } from "./vllm-refusal.ts";

/** Anthropic's messages as vLLM 0.32 serves them: not all is as Anthropic's own (ids, a stop_sequence that is left out, how errors look). */
export function vllmMessages(options: VllmOptions): MockOperation {
  return {
    parse: (request) => parse(request, options),
    form,
    refusal: (why) => inMessagesForm(vllmRefusal(why)),
  };
}

/** The same body, counted only. */
export function vllmCountTokens(options: VllmOptions): MockOperation {
  return {
    parse: (request) => {
      const read = readVllmBody(request.bytes, request.headers);
      if (read.kind === "refused") return read;
      const messages: readonly unknown[] = Array.isArray(read.fields["messages"]) ? read.fields["messages"] : [];
      const tokens = tokensOf(read.fields, messages, options);
      const told = { input_tokens: tokens, context_management: { original_input_tokens: tokens } };
      return { kind: "told", model: messagesBody(read.fields, messages, 1).model, tell: () => told };
    },
    form,
    refusal: (why) => inMessagesForm(vllmRefusal(why)),
  };
}

function parse(request: MockRequest, options: VllmOptions): Parsed {
  const read = readByRules(request.bytes, request.headers, { problems: problemsOf });
  if (read.kind === "refused") return read;
  const { fields } = read;
  const messages = fields["messages"] as readonly unknown[];
  const cap = numberIn(fields, "max_tokens") ?? 1;
  const wishes = { ...plainWishes, requestId: headerOf(request.headers, "x-request-id") };
  const plain = messagesBody(fields, messages, cap, wishes);
  const body = { ...plain, inputTokens: tokensOf(fields, messages, options), calls: options.toolParser ? plain.calls : [] };
  return { kind: "body", body: { ...body, check: (server) => checked(fields, messages, body, cap, server, options) } };
}

function tokensOf(fields: Fields, messages: readonly unknown[], { templateTokens }: VllmOptions): number {
  const parts = messages.length + (fields["system"] === undefined ? 0 : 1);
  return wordsIn(messagesBody(fields, messages, 1).texts) + parts * templateTokens.message + templateTokens.end;
}

function problemsOf(fields: Fields): readonly FieldProblem[] {
  const { messages } = fields;
  const cap = fields["max_tokens"];
  const found: (FieldProblem | null)[] = [
    messages === undefined ? missing("body.messages", fields) : Array.isArray(messages) ? null : notList("body.messages", messages),
    cap === undefined || cap === null ? missing("body.max_tokens", fields) : problemOf("whole", "max_tokens", cap),
    problemOf("boolean", "stream", fields["stream"]),
    problemOf("number", "temperature", fields["temperature"]),
  ];
  if (typeof cap === "number" && cap <= 0) {
    const said = "max_tokens must be positive";
    found.push({ type: "value_error", place: "body.max_tokens", message: `Value error, ${said}`, input: cap, context: `{'error': ValueError('${said}')}` });
  }
  return found.filter((problem) => problem !== null);
}

function checked(
  fields: Fields,
  messages: readonly unknown[],
  { inputTokens, texts }: MockBody,
  cap: number,
  server: MockServerFacts,
  { toolParser, lettersPerTokenMax }: VllmOptions,
): HttpRefusal | null {
  const tools = Array.isArray(fields["tools"]) && fields["tools"].length > 0;
  const letters = texts.reduce((sum, text) => sum + text.length, 0);
  const problem =
    (tools && !toolParser ? parserProblem(asChatChoice(fields["tool_choice"])) : null) ??
    (messages.length === 0 ? badRequest("Cannot apply chat template to an empty conversation. Provide at least one message.", null) : null) ??
    lengthProblem(server, { tokens: inputTokens, letters }, { field: "max_tokens", tokens: cap }, lettersPerTokenMax);
  return problem === null ? null : inMessagesForm(problem);
}

function asChatChoice(choice: unknown): unknown {
  if (!isFields(choice) || choice["type"] === "auto") return "auto";
  if (choice["type"] === "tool") return { type: "function", function: { name: choice["name"] } };
  return choice["type"] === "any" ? "required" : "none";
}

const event = (type: string, fields: object): string => namedEvent(type, { type, ...fields });

function form({ id, model }: CallNames, body: MockBody, script: AnswerScript): AnswerForm {
  const { calls, inputTokens } = body;
  const message = { id: `chatcmpl-${id}`, type: "message", role: "assistant" };
  const started = { ...message, content: [], model, stop_reason: null, stop_sequence: null, usage: { input_tokens: inputTokens, output_tokens: 0 } };
  const blockOf = (place: number) => ({ type: "tool_use", id: `chatcmpl-tool-${id}${place}`, name: calls[place]?.name, input: {} });
  const delta = (index: number, fields: object): string => event("content_block_delta", { delta: fields, index });
  const token = (place: number): string => delta(0, { type: "text_delta", text: script.pieceAt(place) });
  const textStart = event("content_block_start", { content_block: { type: "text", text: "" }, index: 0 });
  const stop = (index: number): string => event("content_block_stop", { index });
  const called = calls.map(
    ({ arguments: json }, index) =>
      event("content_block_start", { content_block: blockOf(index), index }) + delta(index, { type: "input_json_delta", partial_json: json }) + stop(index),
  );
  const always = Buffer.from(calls.length > 0 ? "" : token(0));
  return {
    opening: Buffer.from(event("message_start", { message: started }) + (calls.length > 0 ? "" : textStart)),
    token: (place) => (script.uniform || calls.length > 0 ? always : Buffer.from(token(place))),
    last: (reason, usage) => {
      const rest = calls.length > 0 ? called.join("") : token(usage.output - 1) + stop(0);
      const { stop_reason, stop_sequence = null } = stopOf(body, script, reason, usage);
      return Buffer.from(rest + event("message_delta", { delta: { stop_reason, stop_sequence }, usage: usageOf(usage) }) + event("message_stop", {}));
    },
    plain: (reason, usage) => {
      const content =
        calls.length > 0
          ? calls.map((call, place) => ({ ...blockOf(place), input: JSON.parse(call.arguments) as unknown }))
          : [{ type: "text", text: script.text(usage.output) }];
      return JSON.stringify({ ...message, content, model, ...stopOf(body, script, reason, usage), usage: usageOf(usage) });
    },
  };
}

function stopOf({ calls }: MockBody, script: AnswerScript, reason: MockEnd, usage: Usage): { readonly stop_reason: string; readonly stop_sequence?: string } {
  const end = endOf(script, reason, usage);
  if (calls.length > 0) return { stop_reason: "tool_use" };
  if (typeof end.stopReason === "string") return { stop_reason: "stop_sequence", stop_sequence: end.stopReason };
  return { stop_reason: end.reason === "stop" ? "end_turn" : "max_tokens" };
}

function usageOf({ input, cachedRead, output }: Usage): object {
  return { input_tokens: input - cachedRead, output_tokens: output, cache_creation_input_tokens: 0, cache_read_input_tokens: cachedRead };
}
