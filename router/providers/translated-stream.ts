import { EventSplitter, payloadOf } from "./event-splitter.ts";
import { type EventReader, type EventWriter, isContent, type NeutralEvent } from "./neutral/neutral-answer.ts";
import type { AnswerStream, Failure, StopReason, StreamOut } from "./provider-adapter.ts";
import { beyondMeasure, cut } from "./tap-stream.ts";

/** A stream that is read in the provider's dialect and written in the caller's: one write to the caller per read from the provider. */
export class TranslatedStream implements AnswerStream {
  readonly #reader: EventReader;
  readonly #writer: EventWriter;
  readonly #out: StreamOut;
  readonly #events = new EventSplitter();
  #text = "";
  #contentEvents = 0;
  #reason: StopReason = "stop";
  #over = false;

  constructor(reader: EventReader, writer: EventWriter, out: StreamOut) {
    this.#reader = reader;
    this.#writer = writer;
    this.#out = out;
  }

  contentEvents(): number {
    return this.#contentEvents;
  }

  write(chunk: Uint8Array): void {
    if (this.#over) return;
    const events = this.#events;
    const data = events.join(chunk);
    const first = this.#contentEvents;
    let start = 0;
    let end = events.endOfEvent(data, events.searchFrom);
    let verdict: "more" | "done" | Failure = "more";
    while (end !== -1 && verdict === "more") {
      verdict = this.#read(payloadOf(data.subarray(start, end)));
      start = end;
      end = events.endOfEvent(data, start);
    }
    if (typeof verdict === "object") {
      if (first > 0) this.#flush();
      this.#fail(verdict);
      return;
    }
    if (verdict === "done") this.#text += this.#writer.end();
    this.#flush();
    if (first === 0 && this.#contentEvents > 0) this.#out.firstContent();
    if (verdict === "done") this.#finish();
    else if (!events.keep(data, start)) this.#fail(beyondMeasure);
  }

  end(): void {
    if (this.#over) return;
    const rest = payloadOf(this.#events.rest);
    const verdict = rest === "" ? "more" : this.#read(rest);
    if (typeof verdict === "object") this.#fail(verdict);
    else if (verdict === "more" && !this.#reader.isWhole()) this.#fail(cut);
    else {
      this.#text += this.#writer.end();
      this.#flush();
      this.#finish();
    }
  }

  #read(payload: string): "more" | "done" | Failure {
    try {
      return payload === "" ? "more" : this.#reader.read(payload, this.#emit);
    } catch (error) {
      // Nested beyond what can be written.
      if (error instanceof RangeError) return beyondMeasure;
      throw error;
    }
  }

  readonly #emit = (event: NeutralEvent): void => {
    if (isContent(event)) this.#contentEvents += 1;
    else if (event.kind === "usage") this.#out.usage(event.usage);
    else if (event.kind === "started" && event.usage !== null) this.#out.usage(event.usage);
    else if (event.kind === "finished") this.#reason = event.reason;
    this.#text += this.#writer.write(event);
  };

  #flush(): void {
    if (this.#text === "") return;
    const bytes = Buffer.from(this.#text);
    this.#text = "";
    this.#out.bytes(bytes);
  }

  #finish(): void {
    this.#over = true;
    this.#out.done(this.#reason);
  }

  #fail(failure: Failure): void {
    this.#over = true;
    this.#out.failed(failure);
  }
}
