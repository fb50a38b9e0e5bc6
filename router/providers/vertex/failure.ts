import { micros } from "../../core/time.ts";
import { failureKindOf, readErrorText, readRetryAfter } from "../openai-compatible/failure.ts";
import type { Failure, ResponseHeaders } from "../provider-adapter.ts";
import { isFields } from "../../core/fields.ts";

/** `{error: {code, message, status, details}}`, Google's form; how long to wait stands in a detail of type RetryInfo where no header says it. */
export function readGenerateFailure(status: number, headers: ResponseHeaders, body: Uint8Array, nowMs: number): Failure {
  const error = readErrorText(body);
  const unavailable = status === 500 && /overloaded|try again/i.test(error.message);
  return {
    kind: unavailable ? "overloaded" : failureKindOf(status, error),
    retryAfter: readRetryAfter(headers, nowMs) ?? retryInfo(body),
    billed: "no",
    message: error.message,
  };
}

function retryInfo(body: Uint8Array): Failure["retryAfter"] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
    const outer = Array.isArray(parsed) ? (parsed[0] as unknown) : parsed;
    const error = isFields(outer) && isFields(outer["error"]) ? outer["error"] : {};
    const details: readonly unknown[] = Array.isArray(error["details"]) ? error["details"] : [];
    for (const detail of details) {
      const delay = isFields(detail) ? detail["retryDelay"] : undefined;
      const seconds = typeof delay === "string" ? /^(\d+(?:\.\d+)?)s$/.exec(delay)?.[1] : undefined;
      if (seconds !== undefined) return micros(Math.ceil(Math.min(Number(seconds), 86_400) * 1_000_000));
    }
    return null;
  } catch {
    return null;
  }
}
