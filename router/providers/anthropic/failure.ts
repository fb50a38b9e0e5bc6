import type { FailureKind } from "../../core/messages.ts";
import { failureKindOf, readErrorText, readRetryAfter } from "../openai-compatible/failure.ts";
import type { Failure, ResponseHeaders } from "../provider-adapter.ts";

/** `{type: "error", error: {type, message}}`. */
export function readMessageFailure(status: number, headers: ResponseHeaders, body: Uint8Array, nowMs: number): Failure {
  const error = readErrorText(body);
  return { kind: failureKindOf(status, error), retryAfter: readRetryAfter(headers, nowMs), billed: "no", message: error.message };
}

const kinds: Readonly<Record<string, FailureKind>> = {
  invalid_request_error: "bad-request",
  authentication_error: "unauthorised",
  permission_error: "unauthorised",
  billing_error: "unauthorised",
  not_found_error: "not-found",
  request_too_large: "context-exceeded",
  rate_limit_error: "rate-limited",
  overloaded_error: "overloaded",
  timeout_error: "server-error",
  api_error: "server-error",
};

/** An error event within a stream. */
export function readMessageErrorEvent(error: { readonly type: string; readonly message: string }): Failure {
  return { kind: kinds[error.type] ?? "server-error", retryAfter: null, billed: "maybe", message: error.message };
}
