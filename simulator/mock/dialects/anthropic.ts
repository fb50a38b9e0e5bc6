import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript } from "../answer-script.ts";
import { type HttpRefusal, refusalOf } from "../http-refusal.ts";
import type { MockBody, Parsed } from "../mock-body.ts";
import { refused } from "../mock-body.ts";
import { keyHeaders } from "../jobs/job-run.ts";
import { AnthropicJobs } from "../jobs/anthropic-jobs.ts";
import { hostedSurface, jsonPage, type MockSurface } from "../mock-surface.ts";
import type { Fields } from "../../../router/core/fields.ts";
import { parseFields } from "./body-fields.ts";
import { messagesBody } from "./messages-body.ts";
import {
  type AnswerForm,
  type CallNames,
  type MockDialect,
  type MockEnd,
  type MockOperation,
  type MockRefusal,
  type MockRequest,
  namedEvent,
  quotaLines,
} from "./mock-dialect.ts";

const error = (status: number, type: string, message: string, retryAfterSeconds: number | null = null) =>
  refusalOf(status, { type: "error", error: { type, message }, request_id: "req_mock" }, retryAfterSeconds);

const messagesOperation: MockOperation = { parse, form, refusal };
const countOperation: MockOperation = { parse: parseCount, form, refusal };

/** Anthropic's messages API. */
export const anthropicDialect: MockDialect = {
  keyHeader: "x-api-key",
  callAt: (path) => {
    const [place] = path.split("?", 1);
    if (place === "/v1/messages") return { operation: messagesOperation, model: null, stream: null };
    return place === "/v1/messages/count_tokens" ? { operation: countOperation, model: null, stream: null } : null;
  },
  surface: jobSurface,
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

function jobSurface(): MockSurface {
  const jobs = new AnthropicJobs();
  const { status, body } = refusal({ kind: "no-key" });
  const noKey = { ...jsonPage({}, status), body };
  return hostedSurface({ pagesAt: (path) => jobs.pagesAt(path), hasKey: (headers) => Object.keys(keyHeaders(headers)).length > 0, noKey });
}

function refusal(why: MockRefusal): HttpRefusal {
  switch (why.kind) {
    case "rate-limited":
      return error(429, "rate_limit_error", "This request would exceed your organization's rate limit.", why.retryAfterSeconds);
    case "context-exceeded":
      return error(400, "invalid_request_error", `prompt is too long: ${why.inputTokens} tokens > ${why.tokensMax} maximum`);
    case "overloaded":
    case "backlog-full":
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
}

type ReadMessages = { readonly kind: "messages"; readonly fields: Fields; readonly messages: readonly unknown[] } | Extract<Parsed, { kind: "refused" }>;

function readMessages(bytes: Buffer): ReadMessages {
  const fields = parseFields(bytes);
  const refuse = (message: string): ReadMessages => ({ kind: "refused", refusal: refusal({ kind: "bad-request", message }) });
  if (fields === null) return refuse("The request body is not valid JSON");
  const messages: readonly unknown[] = Array.isArray(fields["messages"]) ? fields["messages"] : [];
  return messages.length === 0 ? refuse("messages: at least one message is required") : { kind: "messages", fields, messages };
}

function parse({ bytes }: MockRequest): Parsed {
  const read = readMessages(bytes);
  if (read.kind === "refused") return read;
  const cap = read.fields["max_tokens"];
  if (typeof cap !== "number" || cap < 1) return refused(refusal({ kind: "bad-request", message: "max_tokens: Field required" }));
  return { kind: "body", body: messagesBody(read.fields, read.messages, cap) };
}

function parseCount({ bytes }: MockRequest): Parsed {
  const read = readMessages(bytes);
  if (read.kind === "refused") return read;
  const { model, inputTokens } = messagesBody(read.fields, read.messages, 1);
  return { kind: "told", model, tell: () => ({ input_tokens: inputTokens }) };
}

const frame = (type: string, fields: object): string => namedEvent(type, { type, ...fields });

function form({ id, model }: CallNames, { calls, inputTokens }: MockBody, script: AnswerScript): AnswerForm {
  const message = { id: `msg_${id}`, type: "message", role: "assistant", model };
  const started = { ...message, content: [], stop_reason: null, stop_sequence: null, usage: { ...usageOf(null, inputTokens), output_tokens: 1 } };
  const tools = calls.map((call, place) => ({ type: "tool_use", id: `toolu_${id}_${place}`, name: call.name, json: call.arguments }));
  const opened = tools.map(({ json: _json, ...tool }, index) => frame("content_block_start", { index, content_block: { ...tool, input: {} } }));
  const filled = tools.map(
    ({ json }, index) =>
      frame("content_block_delta", { index, delta: { type: "input_json_delta", partial_json: json } }) + frame("content_block_stop", { index }),
  );
  const text = tools.length === 0;
  const token = (place: number): string => frame("content_block_delta", { index: 0, delta: { type: "text_delta", text: script.pieceAt(place) } });
  const always = Buffer.from(text ? token(0) : "");
  const textOpened = frame("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
  const stopOf = (reason: MockEnd, usage: Usage): { readonly stop_reason: string; readonly stop_sequence: string | number | null } => {
    const stopped = usage.output >= script.outputTokens ? (script.stopped?.reason ?? null) : null;
    if (stopped !== null) return { stop_reason: "stop_sequence", stop_sequence: stopped };
    return { stop_reason: text ? (reason === "stop" ? "end_turn" : "max_tokens") : "tool_use", stop_sequence: null };
  };
  return {
    opening: Buffer.from(frame("message_start", { message: started }) + (text ? textOpened : (opened[0] ?? ""))),
    token: (place) => (script.uniform || !text ? always : Buffer.from(token(place))),
    last: (reason, usage) => {
      const rest = text
        ? token(usage.output - 1) + frame("content_block_stop", { index: 0 })
        : filled.map((fill, place) => (place === 0 ? "" : (opened[place] ?? "")) + fill).join("");
      const delta = frame("message_delta", { delta: stopOf(reason, usage), usage: { output_tokens: usage.output } });
      return Buffer.from(rest + delta + frame("message_stop", {}));
    },
    plain: (reason, usage) => {
      const content = text
        ? [{ type: "text", text: script.text(usage.output) }]
        : tools.map(({ json, ...tool }) => ({ ...tool, input: JSON.parse(json) as unknown }));
      return JSON.stringify({ ...message, content, ...stopOf(reason, usage), usage: usageOf(usage, inputTokens) });
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
