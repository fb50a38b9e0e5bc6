import { isFields } from "../../../router/core/fields.ts";
import { textsOfMessages, wordsIn } from "../dialects/body-fields.ts";
import { type MockDialect, type MockOperation, type MockRequest, noHeaders } from "../dialects/mock-dialect.ts";
import { type Parsed, refused, sequencesOf } from "../mock-body.ts";
import { vllmChatChoices, vllmChatForm } from "./chat-form.ts";
import { chatBody, readVllmChat } from "./chat-request.ts";
import { vllmCompletionChoices, vllmCompletionForm } from "./completion-form.ts";
import { readVllmCompletion } from "./completion-request.ts";
import { invalidFields, missing } from "./field-problems.ts";
import { vllmCountTokens, vllmMessages } from "./messages-operation.ts";
import { readVllmBody } from "./read-body.ts";
import { vllmResponses } from "./responses-operation.ts";
import { detokenizeOperation, tokenizeOperation } from "./token-pages.ts";
import { defaultVllmOptions, type VllmOptions } from "./vllm-options.ts";
import { vllmRefusal } from "./vllm-refusal.ts";
import { vllmSurface } from "./vllm-surface.ts";

/** A vLLM 0.32 server, as recorded field by field (test/conformance/vllm-wire.test.ts). */
export function vllmDialect(options: VllmOptions = defaultVllmOptions): MockDialect {
  const operations = operationsOf(options);
  return {
    keyHeader: null,
    callAt: (path) => {
      const operation = operations.get(path.split("?", 1)[0] ?? path);
      return operation === undefined ? null : { operation, model: null, stream: null };
    },
    quotaHeaders: () => noHeaders,
    surface: () => vllmSurface(options, [...operations.keys()]),
  };
}

function operationsOf(options: VllmOptions): ReadonlyMap<string, MockOperation> {
  const chat: MockOperation = {
    parse: (request) => readVllmChat(request, options),
    form: (names, body, script) => vllmChatForm(names, body, script, options),
    choices: (names, body, scripts) => vllmChatChoices(names, body, scripts, options),
    refusal: vllmRefusal,
  };
  const completion: MockOperation = {
    parse: (request) => readVllmCompletion(request, options),
    form: (names, body, script) => vllmCompletionForm(names, body, script, options),
    choices: (names, body, scripts) => vllmCompletionChoices(names, body, scripts, options),
    refusal: vllmRefusal,
  };
  return new Map<string, MockOperation>([
    ["/v1/chat/completions", chat],
    ["/v1/chat/completions/batch", { ...chat, parse: (request) => readBatch(request, options) }],
    ["/invocations", chat],
    ["/v1/completions", completion],
    ["/v1/responses", vllmResponses(options)],
    ["/v1/messages", vllmMessages(options)],
    ["/v1/messages/count_tokens", vllmCountTokens(options)],
    ["/tokenize", tokenizeOperation(options)],
    ["/detokenize", detokenizeOperation(options)],
  ]);
}

/** Conversations side by side, one answer to each. */
function readBatch(request: MockRequest, options: VllmOptions): Parsed {
  const read = readVllmBody(request.bytes, request.headers);
  if (read.kind === "refused") return read;
  const { fields } = read;
  if (!Array.isArray(fields["messages"])) return refused(invalidFields([missing("body.messages", fields)]));
  const conversations = fields["messages"].map((messages: unknown): readonly unknown[] => (Array.isArray(messages) ? messages : []));
  const messages = conversations.flat().filter(isFields);
  const body = chatBody(fields, messages, request, options);
  const { message, end } = options.templateTokens;
  const prompts = conversations.map((conversation) => {
    const texts = textsOfMessages(conversation);
    return { texts, inputTokens: Math.max(1, wordsIn(texts) + conversation.length * message + end) };
  });
  const inputTokens = prompts.reduce((sum, prompt) => sum + prompt.inputTokens, 0);
  const wishes = { ...body.wishes, roughUsage: true };
  return {
    kind: "body",
    body: { ...body, inputTokens, answers: prompts.length, ...(prompts.length > 1 ? { sequences: sequencesOf(prompts, 1) } : {}), wishes },
  };
}
