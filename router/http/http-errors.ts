import type { FailureKind, FinishResult, RejectReason } from "../core/messages.ts";

/** The one table from what went wrong to HTTP, in OpenAI's shape. */
export interface HttpError {
  readonly status: number;
  readonly type: string;
  readonly code: string;
  readonly message: string;
  readonly param?: string;
}

const invalid = "invalid_request_error";

const failures: Readonly<Record<FailureKind, HttpError>> = {
  "rate-limited": { status: 429, type: "rate_limit_error", code: "rate_limited", message: "every provider that was tried is rate-limited" },
  overloaded: { status: 503, type: "overloaded_error", code: "overloaded", message: "every provider that was tried is overloaded" },
  draining: { status: 503, type: "overloaded_error", code: "upstream_draining", message: "every provider that was tried is shutting down" },
  "server-error": { status: 502, type: "upstream_error", code: "upstream_error", message: "the provider failed" },
  "connect-failed": { status: 502, type: "upstream_error", code: "upstream_unreachable", message: "the provider cannot be reached" },
  cut: { status: 502, type: "upstream_error", code: "upstream_cut", message: "the provider's answer broke off" },
  "timed-out-first-token": { status: 504, type: "timeout_error", code: "first_token_timeout", message: "the provider did not begin its answer in time" },
  "timed-out-idle": { status: 504, type: "timeout_error", code: "idle_timeout", message: "the provider's answer stood still for too long" },
  "timed-out-total": { status: 504, type: "timeout_error", code: "total_timeout", message: "the provider did not end its answer in time" },
  "bad-request": { status: 400, type: invalid, code: "bad_request", message: "the provider refused the request" },
  "context-exceeded": { status: 400, type: invalid, code: "context_length_exceeded", message: "the request is longer than the model's context" },
  "content-filtered": { status: 400, type: invalid, code: "content_filter", message: "the provider's content filter refused the request" },
  // Our key or our model name, not the caller's: its own request is well.
  unauthorised: { status: 502, type: "upstream_error", code: "upstream_unauthorised", message: "the provider refused the router's credentials" },
  "not-found": {
    status: 502,
    type: "upstream_error",
    code: "upstream_model_not_found",
    message: "the provider does not know the model that the router is configured with",
  },
};

const rejections: Readonly<Record<RejectReason, HttpError>> = {
  "no-candidate": { status: 503, type: "overloaded_error", code: "no_candidate", message: "no endpoint can take the request now" },
  "too-long": {
    status: 400,
    type: "invalid_request_error",
    code: "context_length_exceeded",
    param: "messages",
    message: "no model of this route has a context window for this prompt",
  },
  "too-dear": {
    status: 400,
    type: "invalid_request_error",
    code: "cost_budget_too_small",
    param: "cost_budget",
    message: "no model of this route is certain to answer for so little",
  },
  "too-plain": {
    status: 400,
    type: "invalid_request_error",
    code: "quality_not_available",
    param: "quality_threshold",
    message: "no model of this route is known to be as good as that (`quality` of a deployment says how good it is)",
  },
  // Not 503: the operator has to put it right, and clients would try again and again until then.
  "price-unknown": {
    status: 403,
    type: "permission_error",
    code: "price_unknown",
    message: "no deployment of this route has a known price for this request, and a budget refuses unknown ones (unknownPrice: refuse)",
  },
  "tags-unmet": {
    status: 400,
    type: "invalid_request_error",
    code: "tags_not_available",
    param: "tags",
    message: "no deployment of this route takes a request with these tags (or with none, where none are given): change `tags`",
  },
  "residency-unmet": {
    status: 400,
    type: "invalid_request_error",
    code: "residency_not_available",
    param: "residency",
    message: "no deployment of this route is in the region in which the request must be answered: change `residency`",
  },
  "queue-full": { status: 429, type: "rate_limit_error", code: "queue_full", message: "too many requests are waiting" },
  "deadline-unreachable": { status: 503, type: "overloaded_error", code: "deadline_unreachable", message: "no place is expected to become free in time" },
  "deadline-passed": { status: 503, type: "overloaded_error", code: "deadline_passed", message: "it could not be answered in time" },
  "rate-limited": { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded", message: "a rate limit is reached; Retry-After says when it is not" },
  // Not 402: OpenAI's clients know 429 with this code for an account that has spent its money.
  "budget-spent": { status: 429, type: "insufficient_quota", code: "insufficient_quota", message: "the budget for this period is spent" },
  "limits-unknown": { status: 503, type: "overloaded_error", code: "limits_unavailable", message: "the store of limits cannot be reached" },
  draining: { status: 503, type: "overloaded_error", code: "draining", message: "the router is shutting down" },
};

/** Without a better figure a rejected caller is asked to wait so long. */
const retryAfterDefaultSeconds = 1;

/** What the caller is told of a request that has failed. @property quoted what the provider said, without keys; empty: it said nothing, or nothing for callers */
export interface FailureTold {
  readonly quoted: string;
  readonly deployment: string | null;
  readonly status: number;
  readonly field: string | null;
}
export const nothingTold: FailureTold = { quoted: "", deployment: null, status: 0, field: null };

export function errorOfFailure(failure: FailureKind, told: FailureTold): HttpError {
  const error = failures[failure];
  const { quoted, deployment, status, field } = told;
  if (field !== null) return { ...error, code: "untranslatable", message: `${field}: ${quoted}`, param: field };
  const whose = deployment === null || status === 0 ? "" : ` (deployment ${deployment}, status ${status})`;
  return { ...error, message: `${error.message}${whose}${quoted === "" ? "" : `: ${quoted}`}` };
}

export function errorOfRejection(why: RejectReason): HttpError {
  return rejections[why];
}

/** Faults of the caller's: the provider's own answer tells them best. */
export function passesOn(failure: FailureKind): boolean {
  return failures[failure].status === 400;
}

/** Whole seconds; null: not for this status. */
export function retryAfterSeconds(status: number, result: FinishResult): number | null {
  if (status !== 429 && status !== 503) return null;
  const given = result.kind === "failed" || result.kind === "rejected" ? result.retryAfter : null;
  return given === null ? retryAfterDefaultSeconds : Math.max(1, Math.ceil(given / 1_000_000));
}

export const malformed = (message: string): HttpError => ({
  status: 400,
  type: invalid,
  code: "malformed_json",
  message: `the body is not valid JSON: ${message}`,
});
export const unknownKey: HttpError = {
  status: 401,
  type: invalid,
  code: "invalid_api_key",
  message: "Incorrect API key provided: send a key of a tenant as authorization: Bearer KEY, or as x-api-key",
};
export const invalidAsk = (field: string, message: string): HttpError => ({
  status: 400,
  type: invalid,
  code: "invalid_request_contract",
  message,
  param: field,
});
export const unknownId = (id: string): HttpError => ({ status: 404, type: invalid, code: "unknown_id", message: `there is no ${id}`, param: "id" });
export const unknownRequest = (id: string): HttpError => ({
  status: 404,
  type: invalid,
  code: "unknown_request",
  message: `no request ${id} is known: it is another caller's, or more than 10,000 have followed`,
});
export const notServed = (dialect: string, route: string): HttpError => ({
  status: 400,
  type: invalid,
  code: "unsupported_endpoint",
  message: `no provider of ${route} has such an endpoint (${dialect}), or keeps what the request refers to`,
  param: "model",
});
export const noModel: HttpError = { status: 400, type: invalid, code: "missing_model", message: "the body names no model", param: "model" };
export const unknownModel = (model: string): HttpError => ({
  status: 404,
  type: invalid,
  code: "model_not_found",
  message: `The model \`${model}\` does not exist`,
  param: "model",
});
export const unknownPath = (path: string): HttpError => ({ status: 404, type: invalid, code: "unknown_path", message: `there is nothing at ${path}` });
export const foreignPage: HttpError = {
  status: 403,
  type: "permission_error",
  code: "page_not_allowed",
  message: "a page of this origin may not call: the router's configuration would name it under cors, or give its callers keys (tenants)",
};
export const wrongMethod = (method: string, path: string): HttpError => ({
  status: 405,
  type: invalid,
  code: "method_not_allowed",
  message: `${path} does not take ${method}`,
});
export const tooLarge = (bytesMax: number): HttpError => ({
  status: 413,
  type: invalid,
  code: "body_too_large",
  message: `the body is larger than ${bytesMax} bytes`,
});
export const encoded = (encoding: string): HttpError => ({
  status: 415,
  type: invalid,
  code: "unsupported_encoding",
  message: `send the body without content-encoding (it came as ${encoding})`,
});
export const tooSlow: HttpError = { status: 408, type: "timeout_error", code: "request_timeout", message: "the request did not come in time" };
export const badHttp: HttpError = {
  status: 400,
  type: invalid,
  code: "malformed_http",
  message: "this is no HTTP/1.1 request, or one that can be read in two ways",
};
export const headersTooLarge = (bytesMax: number): HttpError => ({
  status: 431,
  type: invalid,
  code: "headers_too_large",
  message: `the headers are larger than ${bytesMax} bytes`,
});
export const unknownExpectation: HttpError = {
  status: 417,
  type: invalid,
  code: "unknown_expectation",
  message: "expect: 100-continue is the only one that is met",
};
