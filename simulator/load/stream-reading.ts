import { StringDecoder } from "node:string_decoder";
import { createParser, type EventSourceParser } from "eventsource-parser";
import { type Fields, isFields } from "../../router/core/fields.ts";
import type { Instant } from "../../router/core/machine.ts";
import type { Usage } from "../../router/core/messages.ts";

/**
 * What a caller sees of a streamed chat completion, by the definitions that all of headgate uses: `first` is the first event with non-empty content,
 * reasoning or a tool-call delta (role frames, comments and usage do not count), `last` the last one. An error event spoils the stream, whatever follows.
 */
export class StreamReading {
  first: Instant | null = null;
  last: Instant | null = null;
  contentEvents = 0;
  usage: Usage | null = null;
  done = false;
  /** Code of an error event. */
  error: string | null = null;
  readonly #now: () => Instant;
  readonly #decoder = new StringDecoder("utf8");
  readonly #parser: EventSourceParser;
  #readAt = 0 as Instant;

  constructor(now: () => Instant) {
    this.#now = now;
    this.#parser = createParser({ onEvent: ({ data }) => this.#event(data) });
  }

  read(chunk: Buffer): void {
    this.#readAt = this.#now();
    this.#parser.feed(this.#decoder.write(chunk));
  }

  #event(data: string): void {
    if (data === "[DONE]") {
      this.done = true;
      return;
    }
    const value = parsed(data);
    if (value === null) return;
    const error = objectIn(value, "error");
    if (error !== null) this.error = textIn(error, "code") ?? textIn(error, "type") ?? "error";
    const usage = objectIn(value, "usage");
    if (usage !== null) this.usage = readUsage(usage);
    if (!hasContent(value)) return;
    this.contentEvents += 1;
    this.first ??= this.#readAt;
    this.last = this.#readAt;
  }
}

function readUsage(usage: Fields): Usage {
  const cached = objectIn(usage, "prompt_tokens_details");
  const details = objectIn(usage, "completion_tokens_details");
  return {
    input: wholeIn(usage, "prompt_tokens"),
    cachedRead: cached === null ? 0 : wholeIn(cached, "cached_tokens"),
    cacheWrite: 0,
    output: wholeIn(usage, "completion_tokens"),
    reasoning: details === null ? 0 : wholeIn(details, "reasoning_tokens"),
  };
}

const contentFields = ["content", "reasoning", "reasoning_content", "tool_calls"] as const;

function hasContent(value: Fields): boolean {
  const choices = value["choices"];
  if (!Array.isArray(choices)) return false;
  return choices.some((choice: unknown) => {
    const delta = isFields(choice) ? choice["delta"] : null;
    return isFields(delta) && contentFields.some((field) => isFilled(delta[field]));
  });
}

function isFilled(value: unknown): boolean {
  return (typeof value === "string" || Array.isArray(value)) && value.length > 0;
}

export function parsed(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

export function objectIn(value: Fields, field: string): Fields | null {
  const inner = value[field];
  return isFields(inner) ? inner : null;
}

export function textIn(value: Fields, field: string): string | null {
  const inner = value[field];
  return typeof inner === "string" ? inner : null;
}

function wholeIn(value: Fields, field: string): number {
  const inner = value[field];
  return typeof inner === "number" && Number.isSafeInteger(inner) && inner >= 0 ? inner : 0;
}
