import type { ResponseHeaders } from "../../providers/provider-adapter.ts";
import { parseAnswerHead } from "./answer-head.ts";
import { ChunkWalker } from "./chunk-walker.ts";

const headBytesMax = 64 * 1024;
/** `100 Continue`, `103 Early Hints`: nobody sends more of them before an answer. */
const interimMax = 8;
const endOfHead = "\r\n\r\n";

/** Of one answer: its head, its content in order, its end. A content is the receiver's to keep. */
export interface AnswerSink {
  onAnswerHead(status: number, headers: ResponseHeaders): void;
  onAnswerData(content: Buffer): void;
  /** @param reusable the connection may carry another request */
  onAnswerEnd(reusable: boolean): void;
}

type Phase = "head" | "length" | "chunked" | "close" | "over";

/** Reads the answers of one connection, one after the other, strictly: see `parseAnswerHead` and `ChunkWalker`. */
export class AnswerParser {
  readonly #sink: AnswerSink;
  readonly #chunks = new ChunkWalker();
  readonly #onContent: (content: Buffer) => void;
  #phase: Phase = "head";
  #head: Buffer | null = null;
  #interim = 0;
  #left = 0;
  #reusable = false;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
    this.#onContent = (content) => sink.onAnswerData(content);
  }

  /** Not a byte of the answer has come. */
  get isUntouched(): boolean {
    return this.#phase === "head" && this.#head === null && this.#interim === 0;
  }

  /** The next request is under way. */
  reset(): void {
    this.#phase = "head";
    this.#head = null;
    this.#interim = 0;
  }

  /** @returns what is wrong with it; null: nothing */
  write(data: Buffer): string | null {
    let at = 0;
    let problem: string | null = null;
    if (this.#phase === "head") [at, problem, data] = this.#readHead(data);
    if (problem !== null || at === -1) return problem;
    if (this.#phase === "length") return this.#readLength(data, at);
    if (this.#phase === "chunked") return this.#readChunks(data, at);
    if (this.#phase !== "close") return "bytes that belong to no answer";
    if (at < data.length) this.#sink.onAnswerData(at === 0 ? data : data.subarray(at));
    return null;
  }

  /** The connection has ended. @returns whether the answer had come to its end */
  end(): boolean {
    if (this.#phase !== "close") return this.#phase === "over";
    this.#finish(false);
    return true;
  }

  /** @returns where the content begins (-1: not yet known), what is wrong, and the bytes that the place refers to */
  #readHead(data: Buffer): [number, string | null, Buffer] {
    const carried = this.#head?.length ?? 0;
    let bytes = this.#head === null ? data : Buffer.concat([this.#head, data]);
    this.#head = null;
    let searchFrom = Math.max(0, carried - 3);
    for (;;) {
      const end = bytes.indexOf(endOfHead, searchFrom, "latin1");
      if (end === -1) {
        if (bytes.length > headBytesMax) return [-1, "a head beyond all measure", bytes];
        this.#head = bytes;
        return [-1, null, bytes];
      }
      if (end > headBytesMax) return [-1, "a head beyond all measure", bytes];
      const head = parseAnswerHead(bytes.toString("latin1", 0, end + 2));
      if (typeof head === "string") return [-1, head, bytes];
      if (head.status >= 200) {
        this.#begin(head.framing, head.length, head.reusable);
        this.#sink.onAnswerHead(head.status, head.headers);
        return [end + endOfHead.length, null, bytes];
      }
      this.#interim += 1;
      if (head.status === 101 || this.#interim > interimMax) return [-1, `an answer of status ${head.status} that nobody asked for`, bytes];
      bytes = bytes.subarray(end + endOfHead.length);
      searchFrom = 0;
      if (bytes.length === 0) return [-1, null, bytes];
    }
  }

  #begin(framing: "length" | "chunked" | "close", length: number, reusable: boolean): void {
    this.#phase = framing;
    this.#left = length;
    this.#reusable = reusable;
    if (framing === "chunked") this.#chunks.reset();
  }

  #readLength(data: Buffer, from: number): null {
    const end = Math.min(data.length, from + this.#left);
    this.#left -= end - from;
    if (end > from) this.#sink.onAnswerData(from === 0 && end === data.length ? data : data.subarray(from, end));
    if (this.#left === 0) this.#finish(this.#reusable && end === data.length);
    return null;
  }

  #readChunks(data: Buffer, from: number): string | null {
    const at = this.#chunks.walk(data, from, this.#onContent);
    if (at === -1) return "broken chunks";
    if (this.#chunks.isOver) this.#finish(this.#reusable && at === data.length);
    return null;
  }

  #finish(reusable: boolean): void {
    this.#phase = "over";
    this.#sink.onAnswerEnd(reusable);
  }
}
