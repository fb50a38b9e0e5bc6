import { type AnswerHead, AnswerHeadReader } from "./answer-head.ts";
import { ChunkWalker } from "./chunk-walker.ts";

const headBytesMax = 64 * 1024;
/** `100 Continue`, `103 Early Hints`: nobody sends more of them before an answer. */
const interimMax = 8;
const endOfHead = Buffer.from("\r\n\r\n");
const beyondMeasure = "a head beyond all measure";

/** Of one answer: its head, its content in order, its end. A content is the receiver's to keep. */
export interface AnswerSink {
  onAnswerHead(head: AnswerHead): void;
  onAnswerData(content: Buffer): void;
  /** @param reusable the connection may carry another request */
  onAnswerEnd(reusable: boolean): void;
}

type Phase = "head" | "length" | "chunked" | "close" | "over";

/** Reads the answers of one connection, one after the other, strictly: see `AnswerHeadReader` and `ChunkWalker`. */
export class AnswerParser {
  readonly #sink: AnswerSink;
  readonly #heads = new AnswerHeadReader();
  readonly #chunks = new ChunkWalker();
  #phase: Phase = "head";
  /** The beginning of a head; its end has not been among it. */
  #begun: Buffer | null = null;
  #interim = 0;
  #left = 0;
  #reusable = false;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** Not a byte of the answer has come. */
  get isUntouched(): boolean {
    return this.#phase === "head" && this.#begun === null && this.#interim === 0;
  }

  /** The next request is under way. */
  reset(): void {
    this.#phase = "head";
    this.#begun = null;
    this.#interim = 0;
  }

  /** @param data its first `length` bytes are meant; they are copied, where they are kept @returns what is wrong with it; null: nothing */
  write(data: Buffer, length = data.length): string | null {
    if (this.#phase === "head") return this.#begun === null ? this.#readHead(data, length) : this.#readOnHead(this.#begun, data, length);
    return this.#readContent(data, 0, length);
  }

  /** The connection has ended. @returns whether the answer had come to its end */
  end(): boolean {
    if (this.#phase !== "close") return this.#phase === "over";
    this.#finish(false);
    return true;
  }

  /** Behind the beginning of a head. */
  #readOnHead(begun: Buffer, data: Buffer, length: number): string | null {
    const bytes = Buffer.concat([begun, data.subarray(0, length)]);
    if (bytes.indexOf(endOfHead, Math.max(0, begun.length - 3)) !== -1) return this.#readHead(bytes, bytes.length);
    if (bytes.length > headBytesMax) return beyondMeasure;
    this.#begun = bytes;
    return null;
  }

  #readHead(data: Buffer, length: number): string | null {
    this.#begun = null;
    for (let at = 0; at < length;) {
      const head = this.#heads.read(data, at, length);
      if (head === null) {
        if (length - at > headBytesMax) return beyondMeasure;
        this.#begun = copyOf(data, at, length);
        return null;
      }
      if (typeof head === "string") return head;
      if (this.#heads.end - at > headBytesMax) return beyondMeasure;
      at = this.#heads.end;
      if (head.status >= 200) {
        this.#begin(head);
        return this.#readContent(data, at, length);
      }
      this.#interim += 1;
      if (head.status === 101 || this.#interim > interimMax) return `an answer of status ${head.status} that nobody asked for`;
    }
    return null;
  }

  #begin(head: AnswerHead): void {
    this.#phase = head.framing;
    this.#left = head.length;
    this.#reusable = head.reusable;
    if (head.framing === "chunked") this.#chunks.reset();
    this.#sink.onAnswerHead(head);
  }

  #readContent(data: Buffer, from: number, length: number): string | null {
    switch (this.#phase) {
      case "length":
        this.#readLength(data, from, length);
        return null;
      case "chunked":
        return this.#readChunks(data, from, length);
      case "close":
        if (from < length) this.#sink.onAnswerData(copyOf(data, from, length));
        return null;
      case "head":
      case "over":
        return "bytes that belong to no answer";
    }
  }

  #readLength(data: Buffer, from: number, length: number): void {
    const end = Math.min(length, from + this.#left);
    this.#left -= end - from;
    if (end > from) this.#sink.onAnswerData(copyOf(data, from, end));
    if (this.#left === 0) this.#finish(this.#reusable && end === length);
  }

  /** What the chunks of one read hold goes out as one content. */
  #readChunks(data: Buffer, from: number, length: number): string | null {
    const chunks = this.#chunks;
    let content: Buffer | null = null;
    let at = from;
    while (at < length && !chunks.isOver) {
      at = chunks.walk(data, at, length);
      if (at === -1) return "broken chunks";
      const end = Math.min(length, at + chunks.left);
      if (end === at) continue;
      chunks.take(end - at);
      content = content === null ? copyOf(data, at, end) : Buffer.concat([content, data.subarray(at, end)]);
      at = end;
    }
    if (content !== null) this.#sink.onAnswerData(content);
    if (chunks.isOver) this.#finish(this.#reusable && at === length);
    return null;
  }

  #finish(reusable: boolean): void {
    this.#phase = "over";
    this.#sink.onAnswerEnd(reusable);
  }
}

function copyOf(data: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from);
  data.copy(copy, 0, from, to);
  return copy;
}
