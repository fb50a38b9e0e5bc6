import type { Usage } from "../../../router/core/messages.ts";
import { type ChatBody, mockCall, type Parsed } from "../chat-body.ts";
import { refusalOf } from "../http-refusal.ts";
import { countWords } from "../word-count.ts";
import { isFields, parseFields, serialOf, textsIn } from "./body-fields.ts";
import { type AnswerForm, type CallNames, type MockDialect, type MockEnd, quotaLines, tokenText } from "./mock-dialect.ts";

const error = (status: number, type: string, message: string, retryAfterSeconds: number | null = null) =>
  refusalOf(status, { type: "error", error: { type, message }, request_id: "req_mock" }, retryAfterSeconds);

/** Anthropic's messages API. */
export const anthropicDialect: MockDialect = {
  keyHeader: "x-api-key",
  callAt: (path) => (path.split("?", 1)[0] === "/v1/messages" ? { model: null, stream: null } : null),
  parse,
  form,
  refusal: (why) => {
    switch (why.kind) {
      case "rate-limited":
        return error(429, "rate_limit_error", "This request would exceed your organization's rate limit.", why.retryAfterSeconds);
      case "context-exceeded":
        return error(400, "invalid_request_error", `prompt is too long: ${why.inputTokens} tokens > ${why.tokensMax} maximum`);
      case "overloaded":
        return error(529, "overloaded_error", "Overloaded");
      case "server-error":
        return error(500, "api_error", "Internal server error");
      case "content-filtered":
        return error(400, "invalid_request_error", "Output blocked by content filtering policy");
      case "no-key":
        return error(401, "authentication_error", "x-api-key header is required");
      case "unknown-model":
        return error(404, "not_found_error", `model: ${why.model}`);
      case "bad-request":
        return error(400, "invalid_request_error", why.message);
    }
  },
  quotaHeaders: (quota) =>
    quotaLines(quota, (what, { limit, remaining, reset }) => [
      `anthropic-ratelimit-${what}-limit`,
      String(limit),
      `anthropic-ratelimit-${what}-remaining`,
      String(remaining),
      `anthropic-ratelimit-${what}-reset`,
      new Date(Date.now() + Math.ceil(reset / 1000)).toISOString(),
    ]),
};

function parse(bytes: Buffer): Parsed {
  const fields = parseFields(bytes);
  const refuse = (message: string): Parsed => ({ kind: "refused", refusal: anthropicDialect.refusal({ kind: "bad-request", message }) });
  if (fields === null) return refuse("The request body is not valid JSON");
  const messages: readonly unknown[] = Array.isArray(fields["messages"]) ? fields["messages"] : [];
  if (messages.length === 0) return refuse("messages: at least one message is required");
  const cap = fields["max_tokens"];
  if (typeof cap !== "number" || cap < 1) return refuse("max_tokens: Field required");
  const texts = [...textsIn(fields["system"]), ...messages.flatMap((message) => (isFields(message) ? textsIn(message["content"]) : []))];
  const body: ChatBody = {
    model: typeof fields["model"] === "string" ? fields["model"] : null,
    inputTokens: Math.max(
      1,
      texts.reduce((words, text) => words + countWords(text), 0),
    ),
    outputTokensMax: cap,
    capField: "max_tokens",
    outputTokensMin: 0,
    exactLength: false,
    stream: fields["stream"] === true,
    includeUsage: true,
    serial: serialOf(texts),
    calls: callsOf(fields, messages),
  };
  return { kind: "body", body };
}

function callsOf(fields: Readonly<Record<string, unknown>>, messages: readonly unknown[]): ChatBody["calls"] {
  const choice = isFields(fields["tool_choice"]) ? fields["tool_choice"] : {};
  const last = messages.at(-1);
  const content: readonly unknown[] = isFields(last) && Array.isArray(last["content"]) ? last["content"] : [];
  if (choice["type"] === "none" || content.some((block) => isFields(block) && block["type"] === "tool_result")) return [];
  const tools: readonly unknown[] = Array.isArray(fields["tools"]) ? fields["tools"] : [];
  const offered = tools.flatMap((tool) => (isFields(tool) ? mockCall(tool["name"], tool["input_schema"]) : []));
  return offered.slice(0, choice["disable_parallel_tool_use"] === true ? 1 : 2);
}

const frame = (type: string, fields: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

function form({ id, model }: CallNames, { calls, inputTokens }: ChatBody): AnswerForm {
  const message = { id: `msg_${id}`, type: "message", role: "assistant", model };
  const started = { ...message, content: [], stop_reason: null, stop_sequence: null, usage: { ...usageOf(null, inputTokens), output_tokens: 1 } };
  const tools = calls.map((call, place) => ({ type: "tool_use", id: `toolu_${id}_${place}`, name: call.name, json: call.arguments }));
  const opened = tools.map(({ json: _json, ...tool }, index) => frame("content_block_start", { index, content_block: { ...tool, input: {} } }));
  const filled = tools.map(
    ({ json }, index) =>
      frame("content_block_delta", { index, delta: { type: "input_json_delta", partial_json: json } }) + frame("content_block_stop", { index }),
  );
  const text = tools.length === 0;
  const token = frame("content_block_delta", { index: 0, delta: { type: "text_delta", text: tokenText } });
  const textOpened = frame("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
  const reasonOf = (reason: MockEnd): string => (text ? (reason === "stop" ? "end_turn" : "max_tokens") : "tool_use");
  return {
    opening: Buffer.from(frame("message_start", { message: started }) + (text ? textOpened : (opened[0] ?? ""))),
    token: Buffer.from(text ? token : ""),
    last: (reason, usage) => {
      const rest = text
        ? token + frame("content_block_stop", { index: 0 })
        : filled.map((fill, place) => (place === 0 ? "" : (opened[place] ?? "")) + fill).join("");
      const delta = frame("message_delta", { delta: { stop_reason: reasonOf(reason), stop_sequence: null }, usage: { output_tokens: usage.output } });
      return Buffer.from(rest + delta + frame("message_stop", {}));
    },
    plain: (reason, usage) => {
      const content = text
        ? [{ type: "text", text: tokenText.repeat(usage.output) }]
        : tools.map(({ json, ...tool }) => ({ ...tool, input: JSON.parse(json) as unknown }));
      return JSON.stringify({ ...message, content, stop_reason: reasonOf(reason), stop_sequence: null, usage: usageOf(usage, inputTokens) });
    },
  };
}

function usageOf(usage: Usage | null, inputTokens: number): object {
  const read = usage?.cachedRead ?? 0;
  const written = usage?.cacheWrite ?? 0;
  return {
    input_tokens: (usage?.input ?? inputTokens) - read - written,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    output_tokens: usage?.output ?? 0,
  };
}
