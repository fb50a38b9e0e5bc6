import type { ServerResponse } from "node:http";
import type { AttemptId } from "../core/messages.ts";
import type { UpstreamAnswer } from "../upstream/attempt.ts";
import type { ErrorDialect } from "./error-dialect.ts";
import type { HttpError } from "./http-errors.ts";

/** A caller that stays connected but does not read holds a provider's slot: not for longer than this. */
const writeStallMs = 60_000;
/** A stream without content is held back; beyond this the provider is not read from until the core decides. */
const heldBytesMax = 1024 * 1024;

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

/** What goes to the caller: held back until committed, then passed on with backpressure, and ended in one of four ways. */
export class CallerAnswer {
  readonly #response: ServerResponse;
  readonly #flow: AnswerFlow;
  readonly #errors: ErrorDialect;
  readonly #held = new Map<AttemptId, Held>();
  #committed: AttemptId | null = null;
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
      if (attempt === this.#committed) this.#write(chunk);
      return;
    }
    const held = this.#held.get(attempt) ?? { chunks: [], bytes: 0 };
    this.#held.set(attempt, held);
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
    this.#response.writeHead(200, [...streamHeaders, ...headers]);
    const chunks = this.#held.get(attempt)?.chunks ?? [];
    const first = chunks[0];
    this.#held.clear();
    this.#flow.release(attempt);
    if (first !== undefined) this.#write(chunks.length === 1 ? first : Buffer.concat(chunks));
  }

  endStream(): void {
    this.#close();
    this.#response.end();
  }

  /** Part of an answer is out: it must not end like a whole one. An error event, no terminal event, and the connection is broken off. */
  cutStream(error: HttpError): void {
    this.#close();
    const response = this.#response;
    response.write(this.#errors.event(error), () => response.destroy());
  }

  endPlain(answer: UpstreamAnswer, headers: readonly string[]): void {
    this.#close();
    this.#response.writeHead(answer.status, ["content-type", answer.contentType, "content-length", String(answer.body.length), ...headers]);
    this.#response.end(answer.body);
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

  #write(chunk: Uint8Array): void {
    if (this.#response.write(chunk) || this.#holding) return;
    this.#hold();
    this.#stallTimer = setTimeout(() => this.#response.destroy(), writeStallMs);
    this.#response.once("drain", () => this.#release());
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
    this.#clearStallTimer();
  }

  #clearStallTimer(): void {
    if (this.#stallTimer === null) return;
    clearTimeout(this.#stallTimer);
    this.#stallTimer = null;
  }
}
