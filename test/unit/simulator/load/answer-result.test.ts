import { expect, test } from "vitest";
import type { FailureKind, RejectReason } from "../../../../router/core/messages.ts";
import { errorOfFailure, errorOfRejection, nothingTold } from "../../../../router/http/http-errors.ts";
import { resultOfBrokenStream, resultOfError } from "../../../../simulator/load/answer-result.ts";

test("headgate's codes say more than the status", () => {
  expect(resultOfError(503, "no_candidate", "", null)).toEqual({ result: "rejected", why: "no-candidate" });
  expect(resultOfError(429, "queue_full", "", null)).toEqual({ result: "rejected", why: "queue-full" });
  expect(resultOfError(502, "upstream_unreachable", "", null)).toEqual({ result: "failed", why: "connect-failed" });
  expect(resultOfBrokenStream("idle_timeout")).toEqual({ result: "cut", why: "timed-out-idle" });
});

test("a prompt that fits no model is refused by the router itself, or by the provider that was tried", () => {
  expect(resultOfError(400, "context_length_exceeded", "", 0)).toEqual({ result: "rejected", why: "too-long" });
  expect(resultOfError(400, "context_length_exceeded", "", 1)).toEqual({ result: "failed", why: "context-exceeded" });
});

test("other servers by status", () => {
  expect(resultOfError(429, "rate_limit_exceeded", "", null)).toEqual({ result: "failed", why: "rate-limited" });
  expect(resultOfError(500, null, "", null)).toEqual({ result: "failed", why: "server-error" });
  expect(resultOfError(400, null, "This model's maximum context length is 8192 tokens.", null)).toEqual({ result: "failed", why: "context-exceeded" });
  expect(resultOfError(422, null, "", null)).toEqual({ result: "failed", why: "bad-request" });
  expect(resultOfBrokenStream(null)).toEqual({ result: "cut", why: "cut" });
});

test("every way in which the service refuses or fails a request is known by its code", () => {
  const rejected: Readonly<Record<RejectReason, true>> = {
    "no-candidate": true,
    "too-long": true,
    "too-dear": true,
    "too-plain": true,
    "price-unknown": true,
    "tags-unmet": true,
    "residency-unmet": true,
    "queue-full": true,
    "deadline-unreachable": true,
    "deadline-passed": true,
    "rate-limited": true,
    "budget-spent": true,
    "limits-unknown": true,
    draining: true,
  };
  for (const why of Object.keys(rejected) as RejectReason[]) {
    const { status, code, message } = errorOfRejection(why);
    expect(resultOfError(status, code, message, 0)).toEqual({ result: "rejected", why });
  }
  const failed: readonly FailureKind[] = [
    "rate-limited",
    "overloaded",
    "server-error",
    "cut",
    "timed-out-idle",
    "bad-request",
    "content-filtered",
    "unauthorised",
  ];
  for (const why of failed) {
    const { status, code, message } = errorOfFailure(why, nothingTold);
    expect(resultOfError(status, code, message, 1)).toEqual({ result: "failed", why });
  }
});
