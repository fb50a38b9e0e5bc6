import process from "node:process";
import type { AttemptId } from "../core/messages.ts";
import { atEndOfTurn, type TurnWork } from "../upstream/end-of-turn.ts";
import type { UpstreamAnswer } from "../upstream/attempt.ts";
import type { ErrorDialect } from "./error-dialect.ts";
import type { HttpError } from "./http-errors.ts";
import type { Exchange, ExchangeWatcher } from "./ingress/exchange.ts";

/** A caller that stays connected but does not read holds a provider's slot: not for longer than this. */
const writeStallMs = 60_000;
/** A stream without content is held back; beyond this the provider is not read from until the core decides. */
const heldBytesMax = 1024 * 1024;

const streamHeaders = ["content-type", "text/event-stream; charset=utf-8", "cache-control", "no-cache", "x-accel-buffering", "no"];

export interface AnswerFlow {
  /** The caller reads more slowly than the provider writes. */
  hold(attempt: AttemptId): void;
  release(attempt: AttemptId): void;
  /** The caller has gone. */
  left(): void;
}

/** Never written to. */
const nothing: Uint8Array[] = [];

/** What an attempt has sent before it was committed. */
interface Held {
  chunks: Uint8Array[];
  bytes: number;
}

/**
 * What goes to the caller: held back until committed, then passed on with backpressure, and ended in one of four ways.
 *
 * All that one turn of the event loop brings of a stream leaves in one write, when the turn ends; its first token leaves at once.
 */
export class CallerAnswer implements ExchangeWatcher, TurnWork {
  readonly #exchange: Exchange;
  readonly #flow: AnswerFlow;
  readonly #errors: ErrorDialect;
  #held: Map<AttemptId, Held> | null = null;
  #committed: AttemptId | null = null;
  /** Of the committed stream: to be written when the read that they came in is over. */
  #pending = nothing;
  #pendingBytes = 0;
  /** For the end of the turn. */
  #waits = false;
  #holding = false;
  #stallTimer: NodeJS.Timeout | null = null;
  #ended = false;

  constructor(exchange: Exchange, flow: AnswerFlow, errors: ErrorDialect) {
    this.#errors = errors;
    this.#exchange = exchange;
    this.#flow = flow;
    exchange.watch(this);
  }

  onClosed(): void {
    if (!this.#ended) this.#flow.left();
  }

  onDrain(): void {
    if (this.#holding) this.#release();
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
      if (attempt === this.#committed) this.#pend(chunk);
      return;
    }
    this.#held ??= new Map();
    let held = this.#held.get(attempt);
    if (held === undefined) this.#held.set(attempt, (held = { chunks: [], bytes: 0 }));
    held.chunks.push(chunk);
    held.bytes += chunk.length;
    if (held.bytes > heldBytesMax) this.#flow.hold(attempt);
  }

  /** What an attempt that did not succeed had sent so far. */
  forgetHeld(attempt: AttemptId): void {
    this.#held?.delete(attempt);
  }

  /** From now on it is this attempt's bytes that the caller gets. @param headers name, value, name, value */
  commit(attempt: AttemptId, headers: readonly string[]): void {
    if (this.#committed !== null || this.#ended) return;
    this.#committed = attempt;
    this.#exchange.beginStream([...streamHeaders, ...headers]);
    const chunks = this.#held?.get(attempt)?.chunks ?? [];
    this.#held = null;
    this.#flow.release(attempt);
    for (const chunk of chunks) this.#pend(chunk);
    // Nobody waits for the first token longer than for the rest of the read that it came in.
    process.nextTick(writeNow, this);
  }

  /** What one read of the provider's socket has brought is all here. */
  flush(): void {
    if (this.#waits || this.#ended || this.#pendingBytes === 0) return;
    this.#waits = true;
    atEndOfTurn(this);
  }

  endTurn(): void {
    this.#waits = false;
    if (this.#ended || this.#pendingBytes === 0) return;
    const chunks = this.#pending;
    const bytes = this.#pendingBytes;
    this.#pending = nothing;
    this.#pendingBytes = 0;
    if (this.#exchange.writeStream(chunks, bytes) || this.#holding) return;
    this.#hold();
    this.#stallTimer = setTimeout(() => this.#exchange.destroy(), writeStallMs);
  }

  endStream(): void {
    const chunks = this.#pending;
    const bytes = this.#pendingBytes;
    this.#close();
    this.#exchange.endStream(chunks, bytes);
  }

  /** Part of an answer is out: it must not end like a whole one. An error event, no terminal event, and the connection is broken off. */
  cutStream(error: HttpError): void {
    this.#pend(Buffer.from(this.#errors.event(error)));
    const chunks = this.#pending;
    const bytes = this.#pendingBytes;
    this.#close();
    this.#exchange.cutStream(chunks, bytes);
  }

  endPlain({ status, contentType, body }: UpstreamAnswer, headers: readonly string[]): void {
    this.#close();
    this.#exchange.answer(status, ["content-type", contentType, ...headers], body);
  }

  endError(error: HttpError, headers: readonly string[]): void {
    const body = Buffer.from(this.#errors.body(error));
    this.endPlain({ status: this.#errors.status(error), contentType: "application/json", body }, headers);
  }

  /** The caller has gone. */
  abandon(): void {
    this.#close();
    this.#exchange.destroy();
  }

  #pend(chunk: Uint8Array): void {
    // An array that grows has room for sixteen more: nearly always there is one.
    if (this.#pendingBytes === 0) this.#pending = [chunk];
    else this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
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
    this.#held = null;
    this.#pending = nothing;
    this.#pendingBytes = 0;
    this.#clearStallTimer();
  }

  #clearStallTimer(): void {
    if (this.#stallTimer === null) return;
    clearTimeout(this.#stallTimer);
    this.#stallTimer = null;
  }
}

const writeNow = (answer: CallerAnswer): void => answer.endTurn();
