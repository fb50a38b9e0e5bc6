import type { FailureKind, RejectReason } from "../../router/core/messages.ts";
import type { RequestResult } from "../core/measure/request-record.ts";

/** What became of a request, in the words that the simulator uses for it. */
export interface AnswerResult {
  readonly result: RequestResult;
  readonly why: string | null;
}

/** Headgate's error codes, as its documents list them. */
const failures: Readonly<Record<string, FailureKind>> = {
  rate_limited: "rate-limited",
  overloaded: "overloaded",
  upstream_error: "server-error",
  upstream_draining: "draining",
  upstream_unreachable: "connect-failed",
  upstream_cut: "cut",
  first_token_timeout: "timed-out-first-token",
  idle_timeout: "timed-out-idle",
  total_timeout: "timed-out-total",
  bad_request: "bad-request",
  context_length_exceeded: "context-exceeded",
  content_filter: "content-filtered",
  upstream_unauthorised: "unauthorised",
  upstream_model_not_found: "not-found",
};
const rejections: Readonly<Record<string, RejectReason>> = {
  no_candidate: "no-candidate",
  queue_full: "queue-full",
  deadline_passed: "deadline-passed",
  draining: "draining",
  cost_budget_too_small: "too-dear",
  quality_not_available: "too-plain",
  price_unknown: "price-unknown",
  tags_not_available: "tags-unmet",
  residency_not_available: "residency-unmet",
  deadline_unreachable: "deadline-unreachable",
  limits_unavailable: "limits-unknown",
};
/** Others say the same of themselves: headgate's own where it has made no attempt. */
const ownRejections: Readonly<Record<string, RejectReason>> = {
  context_length_exceeded: "too-long",
  rate_limit_exceeded: "rate-limited",
  insufficient_quota: "budget-spent",
};
/** Of servers that are not headgate. */
const byStatus: Readonly<Record<number, FailureKind>> = {
  401: "unauthorised",
  403: "unauthorised",
  404: "not-found",
  413: "context-exceeded",
  429: "rate-limited",
  503: "overloaded",
  504: "timed-out-first-token",
};

/** @param attempts that the router made; 0: it refused the request itself */
export function resultOfError(status: number, code: string | null, message: string, attempts: number | null): AnswerResult {
  const rejection = code === null ? undefined : (rejections[code] ?? (attempts === 0 ? ownRejections[code] : undefined));
  if (rejection !== undefined) return { result: "rejected", why: rejection };
  const failure = code === null ? undefined : failures[code];
  if (failure !== undefined) return { result: "failed", why: failure };
  if (status === 400 && /maximum context length/i.test(message)) return { result: "failed", why: "context-exceeded" };
  return { result: "failed", why: byStatus[status] ?? (status >= 400 && status < 500 ? "bad-request" : "server-error") };
}

/** A stream that had begun and did not end as one must. */
export function resultOfBrokenStream(errorCode: string | null): AnswerResult {
  return { result: "cut", why: (errorCode === null ? undefined : failures[errorCode]) ?? "cut" };
}
