import type { ServerResponse } from "node:http";
import process from "node:process";
import type { AttemptId } from "../core/messages.ts";
import type { UpstreamAnswer } from "../upstream/attempt.ts";
import type { ErrorDialect } from "./error-dialect.ts";
import type { HttpError } from "./http-errors.ts";

/** A caller that stays connected but does not read holds a provider's slot: not for longer than this. */
const writeStallMs = 60_000;
/** A stream without content is held back; beyond this the provider is not read from until the core decides. */
const heldBytesMax = 1024 * 1024;

/** A string of up to 16 KB is written from the stack. */
const oneWriteBytesMax = 16_000;
const lastChunk = "0\r\n\r\n";

const streamHeaders = ["content-type", "text/event-stream; charset=utf-8", "cache-control", "no-cache", "x-accel-buffering", "no"];

export interface AnswerFlow {
  /** The caller reads more slowly than the provider writes. */
  hold(attempt: AttemptId): void;
  release(attempt: AttemptId): void;
}

/** What an attempt has sent before it was committed. */
interface Held {
  chunks: Uint8Array[];
  bytes: number;
}

/**
 * What goes to the caller: held back until committed, then passed on with backpressure, and ended in one of four ways.
 *
 * All that one read of the provider's socket brings leaves in one write: a stream is framed here (node would write the frame's three parts), and a small answer leaves
 * together with its head as one string, which node need not gather.
 */
export class CallerAnswer {
  readonly #response: ServerResponse;
  readonly #flow: AnswerFlow;
  readonly #errors: ErrorDialect;
  readonly #held = new Map<AttemptId, Held>();
  #committed: AttemptId | null = null;
  /** Of the committed stream: to be written when the read that they came in is over. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #framing: "chunked" | "none" = "chunked";
  #holding = false;
  #stallTimer: NodeJS.Timeout | null = null;
  #ended = false;

  constructor(response: ServerResponse, flow: AnswerFlow, errors: ErrorDialect) {
    this.#errors = errors;
    this.#response = response;
    this.#flow = flow;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get committed(): boolean {
    return this.#committed !== null;
  }

  bytes(attempt: AttemptId, chunk: Uint8Array): void {
    if (this.#ended) return;
    if (this.#committed !== null) {
      if (attempt === this.#committed) this.#writeSoon(chunk);
      return;
    }
    let held = this.#held.get(attempt);
    if (held === undefined) {
      held = { chunks: [], bytes: 0 };
      this.#held.set(attempt, held);
    }
    held.chunks.push(chunk);
    held.bytes += chunk.length;
    if (held.bytes > heldBytesMax) this.#flow.hold(attempt);
  }

  /** What an attempt that did not succeed had sent so far. */
  forgetHeld(attempt: AttemptId): void {
    this.#held.delete(attempt);
  }

  /** From now on it is this attempt's bytes that the caller gets. @param headers name, value, name, value */
  commit(attempt: AttemptId, headers: readonly string[]): void {
    if (this.#committed !== null || this.#ended) return;
    this.#committed = attempt;
    this.#beginStream(headers);
    const chunks = this.#held.get(attempt)?.chunks ?? [];
    this.#held.clear();
    this.#flow.release(attempt);
    for (const chunk of chunks) this.#writeSoon(chunk);
  }

  endStream(): void {
    const pending = this.#takePending(true);
    this.#close();
    if (pending !== null) this.#writeNow(pending);
    this.#response.end();
  }

  /** Part of an answer is out: it must not end like a whole one. An error event, no terminal event, and the connection is broken off. */
  cutStream(error: HttpError): void {
    this.#pend(Buffer.from(this.#errors.event(error)));
    const pending = this.#takePending(false);
    this.#close();
    const response = this.#response;
    if (pending === null) response.destroy();
    else response.write(pending, () => response.destroy());
  }

  endPlain(answer: UpstreamAnswer, headers: readonly string[]): void {
    this.#close();
    const { status, contentType, body } = answer;
    const response = this.#response;
    response.writeHead(status, ["content-type", contentType, "content-length", String(body.length), ...headers]);
    if (body.length > oneWriteBytesMax) {
      response.end(body);
      return;
    }
    this.#writeNow(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
    response.end();
  }

  endError(error: HttpError, headers: readonly string[]): void {
    const body = Buffer.from(this.#errors.body(error));
    this.endPlain({ status: error.status, contentType: "application/json", body }, headers);
  }

  /** The caller has gone. */
  abandon(): void {
    this.#close();
    if (!this.#response.destroyed) this.#response.destroy();
  }

  #beginStream(headers: readonly string[]): void {
    const response = this.#response;
    if (response.req.httpVersion === "1.1") {
      response.writeHead(200, [...streamHeaders, "transfer-encoding", "chunked", ...headers]);
      response.chunkedEncoding = false;
    } else {
      this.#framing = "none";
      response.shouldKeepAlive = false;
      response.writeHead(200, [...streamHeaders, ...headers]);
    }
  }

  #writeSoon(chunk: Uint8Array): void {
    if (this.#pending.length === 0) process.nextTick(this.#flush);
    this.#pend(chunk);
  }

  #pend(chunk: Uint8Array): void {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
  }

  readonly #flush = (): void => {
    if (this.#ended) return;
    const pending = this.#takePending(false);
    if (pending === null || this.#writeNow(pending) || this.#holding) return;
    this.#hold();
    this.#stallTimer = setTimeout(() => this.#response.destroy(), writeStallMs);
    this.#response.once("drain", () => this.#release());
  };

  /** All that is pending as one piece, framed; with `last`, the end of the framing behind it. */
  #takePending(last: boolean): Buffer | null {
    const bytes = this.#pendingBytes;
    const chunks = this.#pending;
    if (chunks.length > 0) this.#pending = [];
    this.#pendingBytes = 0;
    const end = last && this.#framing === "chunked" ? lastChunk : "";
    if (bytes === 0) return end === "" ? null : Buffer.from(end, "latin1");
    const head = this.#framing === "chunked" ? `${bytes.toString(16)}\r\n` : "";
    const tail = this.#framing === "chunked" ? `\r\n${end}` : "";
    const frame = Buffer.allocUnsafe(head.length + bytes + tail.length);
    let at = frame.write(head, "latin1");
    for (const chunk of chunks) {
      frame.set(chunk, at);
      at += chunk.length;
    }
    frame.write(tail, at, "latin1");
    return frame;
  }

  /** One write, at once. @returns false: the caller reads too slowly */
  #writeNow(bytes: Buffer): boolean {
    const response = this.#response;
    const { socket } = response;
    // Node corks a write until the next tick, and gathers a head and a Buffer; neither is wanted here.
    socket?.cork();
    const accepted = !response.headersSent || bytes.length <= oneWriteBytesMax ? response.write(bytes.toString("latin1"), "latin1") : response.write(bytes);
    socket?.uncork();
    return accepted || response.writableLength === 0;
  }

  #hold(): void {
    if (this.#holding || this.#committed === null) return;
    this.#holding = true;
    this.#flow.hold(this.#committed);
  }

  #release(): void {
    this.#holding = false;
    this.#clearStallTimer();
    if (!this.#ended && this.#committed !== null) this.#flow.release(this.#committed);
  }

  #close(): void {
    this.#ended = true;
    this.#held.clear();
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#clearStallTimer();
  }

  #clearStallTimer(): void {
    if (this.#stallTimer === null) return;
    clearTimeout(this.#stallTimer);
    this.#stallTimer = null;
  }
}
