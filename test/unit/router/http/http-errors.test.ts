import { expect, test } from "vitest";
import { seconds } from "../../../../router/core/time.ts";
import { errorDialect } from "../../../../router/http/error-dialect.ts";
import {
  errorOfFailure,
  type HttpError,
  errorOfRejection,
  nothingTold,
  passesOn,
  retryAfterSeconds,
  unknownModel,
} from "../../../../router/http/http-errors.ts";

const errorBody = (error: HttpError): string => errorDialect("openai-chat").body(error);

test("errors have OpenAI's shape", () => {
  expect(JSON.parse(errorBody(unknownModel("x")))).toEqual({
    error: { message: "The model `x` does not exist", type: "invalid_request_error", param: "model", code: "model_not_found" },
  });
  expect(JSON.parse(errorBody(errorOfFailure("cut", nothingTold)))).toMatchObject({ error: { param: null, code: "upstream_cut" } });
});

test("only the caller's own mistakes are passed on as the provider told them", () => {
  expect((["bad-request", "context-exceeded", "content-filtered"] as const).every(passesOn)).toBe(true);
  expect((["unauthorised", "not-found", "rate-limited", "server-error", "overloaded"] as const).some(passesOn)).toBe(false);
});

test("Retry-After goes with 429 and 503: whole seconds, never less than one", () => {
  expect(retryAfterSeconds(429, { kind: "failed", failure: "rate-limited", retryAfter: seconds(2.1) })).toBe(3);
  expect(retryAfterSeconds(503, { kind: "rejected", why: "no-candidate", retryAfter: null })).toBe(1);
  expect(retryAfterSeconds(429, { kind: "rejected", why: "queue-full", retryAfter: seconds(0) })).toBe(1);
  expect(retryAfterSeconds(502, { kind: "failed", failure: "server-error", retryAfter: seconds(9) })).toBeNull();
  expect(errorOfRejection("queue-full").status).toBe(429);
});
