import { describe, expect, test } from "vitest";
import { readErrorEvent, readFailure, readRetryAfter } from "../../../../router/providers/openai-compatible/failure.ts";
import { openAiCompatible } from "../../../../router/providers/openai-compatible/index.ts";
import { callerRequest } from "../../../support/caller.ts";

const readAnswer = (body: Buffer) => openAiCompatible.readAnswer(callerRequest("openai-chat", "{}"), body);
const nowMs = Date.parse("2026-01-01T00:00:00Z");
const error = (fields: object): Buffer => Buffer.from(JSON.stringify({ error: fields }));
const kindOf = (status: number, body: Buffer): string => readFailure(status, {}, body, nowMs).kind;

describe("what a provider's refusal means", () => {
  test.each([
    [429, error({ message: "slow down" }), "rate-limited"],
    [503, error({ message: "The engine is currently busy" }), "overloaded"],
    [529, Buffer.from("overloaded"), "overloaded"],
    [
      400,
      error({ message: "This model's maximum context length is 8192 tokens. However, your prompt contains at least 8193 input tokens" }),
      "context-exceeded",
    ],
    [400, error({ message: "too long", code: "context_length_exceeded" }), "context-exceeded"],
    [400, error({ message: "flagged", code: "content_filter" }), "content-filtered"],
    [400, error({ message: "max_tokens must be at least 1" }), "bad-request"],
    [422, Buffer.from("not json"), "bad-request"],
    [401, Buffer.from('{"error":"Unauthorized"}'), "unauthorised"],
    [403, Buffer.from(""), "unauthorised"],
    [404, error({ message: "The model `zzz` does not exist." }), "not-found"],
    [500, error({ message: "EngineCore encountered an issue." }), "server-error"],
    // vLLM that is shutting down: retry elsewhere.
    [500, error({ message: "cannot schedule new futures after shutdown" }), "draining"],
    [302, Buffer.from(""), "server-error"],
  ])("%i %s", (status, body, kind) => {
    expect(kindOf(status, body)).toBe(kind);
  });

  test("messages in all the shapes that vLLM uses", () => {
    const said = (body: string): string => readFailure(400, {}, Buffer.from(body), nowMs).message;
    expect(said('{"error":{"message":"a"}}')).toBe("a");
    expect(said('{"error":"b"}')).toBe("b");
    expect(said('{"detail":"c"}')).toBe("c");
    expect(said("d")).toBe("d");
  });

  test("Retry-After in seconds, as a date, in milliseconds", () => {
    expect(readRetryAfter({ "retry-after": "7" }, nowMs)).toBe(7_000_000);
    expect(readRetryAfter({ "retry-after": "0.5" }, nowMs)).toBe(500_000);
    expect(readRetryAfter({ "retry-after": "Thu, 01 Jan 2026 00:01:30 GMT" }, nowMs)).toBe(90_000_000);
    expect(readRetryAfter({ "retry-after": "Wed, 31 Dec 2025 00:00:00 GMT" }, nowMs)).toBe(0);
    expect(readRetryAfter({ "retry-after-ms": "250", "retry-after": "7" }, nowMs)).toBe(250_000);
    expect(readRetryAfter({ "retry-after": "soon" }, nowMs)).toBeNull();
    expect(readRetryAfter({}, nowMs)).toBeNull();
    expect(readRetryAfter({ "retry-after": "99999999" }, nowMs)).toBe(86_400_000_000);
  });

  test("error events", () => {
    expect(readErrorEvent({ error: { message: "x", code: 500 } }).kind).toBe("server-error");
    expect(readErrorEvent({ error: { message: "x", type: "rate_limit_error", code: null } }).kind).toBe("rate-limited");
    expect(readErrorEvent({ error: { message: "x", type: "overloaded_error" } }).kind).toBe("overloaded");
    expect(readErrorEvent({ error: "text" })).toMatchObject({ kind: "server-error", message: "text" });
  });
});

describe("a plain answer's usage", () => {
  const usage = { prompt_tokens: 9, completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 2 } };
  const expected = { input: 9, cachedRead: 0, cacheWrite: 0, output: 5, reasoning: 2 };

  test.each([0, 2])("is found in compact and in indented JSON (%i)", (indent) => {
    const answer = { choices: [{ message: { content: 'no "usage":{"prompt_tokens":1} here' } }], usage, after: { x: 1 } };
    expect(readAnswer(Buffer.from(JSON.stringify(answer, null, indent)))?.usage).toEqual(expected);
  });

  test("is absent where there is none", () => {
    expect(readAnswer(Buffer.from('{"choices":[]}'))?.usage).toBeNull();
    expect(readAnswer(Buffer.from("<html>"))?.usage).toBeNull();
  });
});
