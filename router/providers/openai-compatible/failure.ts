import type { Duration } from "../../core/machine.ts";
import type { FailureKind } from "../../core/messages.ts";
import { micros } from "../../core/time.ts";
import type { Failure, ResponseHeaders } from "../provider-adapter.ts";
import { isFields } from "../../core/fields.ts";

const messageLengthMax = 1000;
const retryAfterMaxMs = 24 * 3600 * 1000;

const contextMessage =
  /maximum context length|context[ _]length|context window|prompt is too long|maximum number of tokens allowed|max_model_len|input is too long/i;
const filterMessage = /content[ _](filter|policy|management)|ResponsibleAIPolicyViolation/i;
/** What vLLM answers with status 500 between SIGTERM and its end: it is leaving, not broken. */
const drainingMessage = /cannot schedule new futures after shutdown/;

/** @param nowMs wall clock, for a Retry-After that is a date */
export function readFailure(status: number, headers: ResponseHeaders, body: Uint8Array, nowMs: number): Failure {
  const error = readErrorText(body);
  return { kind: failureKindOf(status, error), retryAfter: readRetryAfter(headers, nowMs), billed: "no", message: error.message };
}

/** An error event inside a stream that began with status 200. */
export function readErrorEvent(value: unknown): Failure {
  const error = errorObject(value);
  const status = Number(error.code);
  const kind = Number.isInteger(status) && status >= 400 ? failureKindOf(status, error) : failureKindOf(statusOfType(error), error);
  return { kind, retryAfter: null, billed: "maybe", message: error.message };
}

export interface ErrorText {
  readonly message: string;
  readonly type: string;
  readonly code: string;
}

export function failureKindOf(status: number, error: ErrorText): FailureKind {
  if (status === 429) return "rate-limited";
  if (status === 503 || status === 529 || status === 408 || status === 425) return "overloaded";
  if (status === 401 || status === 402 || status === 403) return "unauthorised";
  if (error.code === "insufficient_quota") return "rate-limited";
  if (status === 404) return "not-found";
  if (status >= 400 && status < 500) return clientFault(status, error);
  return drainingMessage.test(error.message) ? "draining" : "server-error";
}

function clientFault(status: number, error: ErrorText): FailureKind {
  if (error.code === "context_length_exceeded" || status === 413 || contextMessage.test(error.message)) return "context-exceeded";
  if (filterMessage.test(error.code) || filterMessage.test(error.type) || filterMessage.test(error.message)) return "content-filtered";
  return "bad-request";
}

function statusOfType(error: ErrorText): number {
  if (/rate_limit/i.test(error.type)) return 429;
  if (/overloaded|unavailable/i.test(error.type)) return 503;
  if (/invalid_request|BadRequest/i.test(error.type)) return 400;
  return 500;
}

export function readErrorText(body: Uint8Array): ErrorText {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
  try {
    return errorObject(JSON.parse(text));
  } catch {
    return { message: text.slice(0, messageLengthMax), type: "", code: "" };
  }
}

/** OpenAI: `{error: {message, type, code}}`; vLLM also `{error: "text"}` and `{detail: "text"}`. */
function errorObject(value: unknown): ErrorText {
  // Gemini streams and some proxies wrap it in a list.
  if (Array.isArray(value)) return errorObject(value[0]);
  const outer = isFields(value) ? value : {};
  const error = isFields(outer["error"]) ? outer["error"] : outer;
  const message = [error["message"], outer["error"], outer["detail"], outer["message"]].find((part) => typeof part === "string") ?? "";
  return { message: String(message).slice(0, messageLengthMax), type: scalar(error["type"] ?? error["status"]), code: scalar(error["code"]) };
}

function scalar(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** `retry-after-ms`, `retry-after` in seconds or as an HTTP date; null when none can be read. */
export function readRetryAfter(headers: ResponseHeaders, nowMs: number): Duration | null {
  const fine = Number(single(headers["retry-after-ms"]) ?? Number.NaN);
  if (Number.isFinite(fine)) return bounded(fine);
  const text = single(headers["retry-after"])?.trim();
  if (text === undefined || text === "") return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return bounded(seconds * 1000);
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : bounded(date - nowMs);
}

function bounded(waitMs: number): Duration {
  return micros(Math.ceil(Math.min(Math.max(waitMs, 0), retryAfterMaxMs) * 1000));
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
