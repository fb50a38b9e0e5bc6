import { EventSplitter } from "./event-splitter.ts";
import type { AnswerStream, Failure, StopReason, StreamOut } from "./provider-adapter.ts";

/** `last`: passed on, and nothing after it. `failed`: nothing of this read is passed on; if it held the first content, another attempt can still be made. */
export type Verdict = "pass" | "hide" | "last" | "failed";

/** An object, no function: with a closure per stream handed to `read`, V8 13.6 kept all that a stream had through every scavenge until the next full collection (docs/data-plane.md). */
export type UsageListener = Pick<StreamOut, "usage">;

/** What one dialect's events say, read while their bytes pass. */
export interface TapReader {
  /** The event that stands there. */
  read(data: Buffer, start: number, end: number, told: UsageListener): Verdict;
  readonly contentEvents: number;
  readonly reason: StopReason;
  /** After `failed`. */
  readonly failure: Failure;
  /** The connection has ended behind these bytes of an event without its blank line: what ends the stream well; null: it is cut. */
  ending(rest: Buffer): string | null;
}

export const cut: Failure = { kind: "cut", retryAfter: null, billed: "maybe", message: "the provider's stream ended before its end" };
export const beyondMeasure: Failure = {
  kind: "server-error",
  retryAfter: null,
  billed: "maybe",
  message: "the provider sent an event beyond all measure",
};

/** A stream whose bytes pass. Only whole events are passed on, so that an error event, or one that the caller did not ask for, can be kept back however the bytes are split. */
export class TapStream implements AnswerStream {
  readonly #reader: TapReader;
  readonly #out: StreamOut;
  readonly #events = new EventSplitter();
  #over = false;

  constructor(reader: TapReader, out: StreamOut) {
    this.#reader = reader;
    this.#out = out;
  }

  contentEvents(): number {
    return this.#reader.contentEvents;
  }

  write(chunk: Uint8Array): void {
    if (this.#over) return;
    const events = this.#events;
    const reader = this.#reader;
    const data = events.join(chunk);
    const first = reader.contentEvents;
    let passFrom = 0;
    let start = 0;
    let end = events.endOfEvent(data, events.searchFrom);
    let finished = false;
    while (end !== -1 && !finished) {
      const verdict = reader.read(data, start, end, this.#out);
      if (verdict === "failed") {
        if (first > 0) this.#pass(data, passFrom, start);
        this.#fail(reader.failure);
        return;
      }
      if (verdict === "hide") {
        this.#pass(data, passFrom, start);
        passFrom = end;
      }
      finished = verdict === "last";
      start = end;
      end = events.endOfEvent(data, start);
    }
    this.#pass(data, passFrom, start);
    if (first === 0 && reader.contentEvents > 0) this.#out.firstContent();
    if (finished) this.#finish();
    else if (!events.keep(data, start)) this.#fail(beyondMeasure);
  }

  #pass(data: Buffer, from: number, to: number): void {
    if (to > from) this.#out.bytes(from === 0 && to === data.length ? data : data.subarray(from, to));
  }

  end(): void {
    if (this.#over) return;
    const ending = this.#reader.ending(this.#events.rest);
    if (ending === null) {
      this.#fail(cut);
      return;
    }
    if (ending !== "") this.#out.bytes(Buffer.from(ending));
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.#out.done(this.#reader.reason);
  }

  #fail(failure: Failure): void {
    this.#over = true;
    this.#out.failed(failure);
  }
}
