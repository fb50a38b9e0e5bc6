import type { AnswerStream, Failure, StopReason, StreamOut } from "../provider-adapter.ts";
import { readErrorEvent } from "./failure.ts";
import { isRecord, readUsage } from "./usage.ts";

const eventBytesMax = 16 * 1024 * 1024;
const nothing = Buffer.alloc(0);
const cut: Failure = { kind: "cut", retryAfter: null, billed: "maybe", message: "the provider's stream ended before its end" };

/** `last`: passed on, and nothing after it. `failed`: nothing of this read is passed on; if it held the first content, another attempt can still be made. */
type Verdict = "pass" | "hide" | "last" | "failed";

/**
 * An OpenAI-dialect stream, read while its bytes pass. Only whole events are passed on, so that an error event or a usage chunk that the caller did not ask
 * for can be kept back however the bytes are split. `[DONE]` after an error event, and an end without `[DONE]`, are failures.
 *
 * Once content has been seen, an event is parsed only if it holds a usage, a finish reason, or no choices; the test is on text that cannot stand inside a
 * JSON string, where its quotes would be escaped.
 */
export class OpenAiStream implements AnswerStream {
  readonly #passUsage: boolean;
  readonly #out: StreamOut;
  #carry: Buffer = nothing;
  #separator: "\n\n" | "\r\n\r\n" | null = null;
  #contentEvents = 0;
  #reason: StopReason = "stop";
  #over = false;
  #failure: Failure = cut;

  constructor(passUsage: boolean, out: StreamOut) {
    this.#passUsage = passUsage;
    this.#out = out;
  }

  contentEvents(): number {
    return this.#contentEvents;
  }

  write(chunk: Uint8Array): void {
    if (this.#over) return;
    const fresh = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const carried = this.#carry.length;
    const data = carried === 0 ? fresh : Buffer.concat([this.#carry, fresh]);
    this.#carry = nothing;
    const first = this.#contentEvents;
    let passFrom = 0;
    let start = 0;
    let end = this.#endOfEvent(data, Math.max(0, carried - 3));
    let finished = false;
    while (end !== -1 && !finished) {
      const verdict = this.#read(data.subarray(start, end));
      if (verdict === "failed") {
        if (first > 0 && start > passFrom) this.#out.bytes(data.subarray(passFrom, start));
        this.#fail(this.#failure);
        return;
      }
      if (verdict === "hide") {
        if (start > passFrom) this.#out.bytes(data.subarray(passFrom, start));
        passFrom = end;
      }
      finished = verdict === "last";
      start = end;
      end = this.#endOfEvent(data, start);
    }
    if (start > passFrom) this.#out.bytes(data.subarray(passFrom, start));
    if (first === 0 && this.#contentEvents > 0) this.#out.firstContent();
    if (finished) this.#finish();
    else this.#keep(data.subarray(start));
  }

  end(): void {
    if (this.#over) return;
    if (payloadOf(this.#carry) === "[DONE]") {
      this.#out.bytes(Buffer.from("data: [DONE]\n\n"));
      this.#finish();
      return;
    }
    this.#fail(cut);
  }

  #keep(rest: Buffer): void {
    if (rest.length > eventBytesMax)
      this.#fail({ kind: "server-error", retryAfter: null, billed: "maybe", message: "the provider sent an event beyond all measure" });
    else this.#carry = rest;
  }

  #finish(): void {
    this.#over = true;
    this.#out.done(this.#reason);
  }

  #fail(failure: Failure): void {
    this.#over = true;
    this.#out.failed(failure);
  }

  /** Behind the blank line; -1: not here yet. */
  #endOfEvent(data: Buffer, from: number): number {
    if (this.#separator === null) {
      const newline = data.indexOf(0x0a);
      if (newline === -1) return -1;
      this.#separator = data[newline - 1] === 0x0d ? "\r\n\r\n" : "\n\n";
    }
    const at = data.indexOf(this.#separator, from);
    return at === -1 ? -1 : at + this.#separator.length;
  }

  #read(event: Buffer): Verdict {
    const text = event.toString("latin1");
    if (this.#contentEvents > 0 && isPlainDelta(text)) {
      this.#contentEvents += 1;
      return "pass";
    }
    const payload = payloadOf(event);
    if (payload === "[DONE]") return "last";
    if (payload === "") return "pass";
    return this.#readParsed(payload);
  }

  #readParsed(payload: string): Verdict {
    const value = parsed(payload);
    if (!isRecord(value)) return "pass";
    const error = value["error"];
    if (error !== undefined && error !== null) {
      this.#failure = readErrorEvent(value);
      return "failed";
    }
    const usage = readUsage(value["usage"]);
    if (usage !== null) this.#out.usage(usage);
    const choices: readonly unknown[] = Array.isArray(value["choices"]) ? value["choices"] : [];
    if (choices.some(hasContent)) this.#contentEvents += 1;
    for (const choice of choices) this.#reason = reasonOf(choice) ?? this.#reason;
    return usage !== null && choices.length === 0 && !this.#passUsage ? "hide" : "pass";
  }
}

function isPlainDelta(text: string): boolean {
  if (!text.includes('"choices":[{') || text.includes('"finish_reason":"')) return false;
  const usage = text.indexOf('"usage":');
  return usage === -1 || text.startsWith("null", usage + 8);
}

/** The `data` lines of an event, joined. */
function payloadOf(event: Buffer): string {
  const text = event.toString("utf8");
  const lines = text.split(/\r?\n/);
  const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(line.startsWith("data: ") ? 6 : 5));
  return data.join("\n").trim();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const contentFields = ["content", "reasoning", "reasoning_content", "refusal", "tool_calls", "function_call", "audio"];

/** Of chat chunks in `delta`, of text completions in `text`. */
function hasContent(choice: unknown): boolean {
  if (!isRecord(choice)) return false;
  if (isFilled(choice["text"])) return true;
  const { delta } = choice;
  return isRecord(delta) && contentFields.some((field) => isFilled(delta[field]));
}

function isFilled(value: unknown): boolean {
  if (typeof value === "string" || Array.isArray(value)) return value.length > 0;
  return typeof value === "object" && value !== null;
}

function reasonOf(choice: unknown): StopReason | null {
  if (!isRecord(choice)) return null;
  switch (choice["finish_reason"]) {
    case "stop":
      return "stop";
    case "length":
      return "length";
    case "tool_calls":
    case "function_call":
      return "tool";
    case "content_filter":
      return "filter";
    default:
      return null;
  }
}
