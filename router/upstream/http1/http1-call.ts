import type { Socket } from "node:net";
import type { ResponseHeaders } from "../../providers/provider-adapter.ts";
import type { UpstreamCall, UpstreamHandler, UpstreamProblem, UpstreamRequest } from "../upstream-transport.ts";
import type { Connection } from "./connection.ts";

/** Smaller requests are copied into one buffer and leave in one write. */
const oneWriteBytesMax = 64 * 1024;
/** In a header value it would begin a line of its own. */
const lineBreak = /[\0\r\n]/;

export interface Caller {
  /** A connection that has not been used before. */
  openFor(call: Http1Call): Connection;
}

type CallState = "connecting" | "sent" | "answering" | "over";

/** One request on its way: from the first connection that it is given to its answer's end. */
export class Http1Call implements UpstreamCall {
  readonly #request: UpstreamRequest;
  readonly #handler: UpstreamHandler;
  readonly #caller: Caller;
  readonly #host: string;
  #connection: Connection | null = null;
  #connectTimer: NodeJS.Timeout | null = null;
  #state: CallState = "connecting";
  /** The request went out on a connection that had been used before. */
  #reused = false;
  #paused = false;

  constructor(request: UpstreamRequest, handler: UpstreamHandler, caller: Caller, host: string) {
    this.#request = request;
    this.#handler = handler;
    this.#caller = caller;
    this.#host = host;
  }

  get sent(): boolean {
    return this.#state === "sent" || this.#state === "answering";
  }

  /** @param connection idle, or null: a new one */
  start(connection: Connection | null): void {
    if (connection === null) this.#connect();
    else {
      this.#connection = connection;
      this.#reused = true;
      connection.carry(this);
    }
  }

  /** There may be no further connection. */
  refuse(message: string): void {
    setImmediate(() => this.#fail({ kind: "connect-failed", message }));
  }

  pause(): void {
    this.#paused = true;
    this.#connection?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#connection?.resume();
  }

  abort(): void {
    if (this.#state === "over") return;
    this.#close();
    this.#connection?.destroy();
  }

  writeTo(socket: Socket): void {
    this.#clearTimer();
    this.#state = "sent";
    const { body } = this.#request;
    const bodyBytes = body.reduce((sum, part) => sum + part.length, 0);
    const head = this.#head(bodyBytes);
    if (head.length + bodyBytes <= oneWriteBytesMax) socket.write(joined(head, body, bodyBytes));
    else {
      socket.cork();
      socket.write(head, "latin1");
      for (const part of body) socket.write(part);
      socket.uncork();
    }
    if (this.#paused) this.#connection?.pause();
  }

  onAnswerHead(status: number, headers: ResponseHeaders): void {
    this.#state = "answering";
    this.#handler.onHead(status, headers);
  }

  onAnswerData(content: Buffer): void {
    if (this.#state !== "over") this.#handler.onData(content);
  }

  onAnswerEnd(): void {
    if (this.#state === "over") return;
    this.#close();
    this.#handler.onEnd();
  }

  /** The provider closed an idle connection just as we used it: no answer byte has come, so a fresh connection takes the request, once, and it is no failure. */
  onConnectionBroken(message: string, wasReady: boolean, untouched: boolean): void {
    if (this.#state === "over") return;
    if (this.#state === "sent" && this.#reused && untouched) {
      this.#reused = false;
      this.#state = "connecting";
      this.#connect();
      return;
    }
    this.#fail({ kind: wasReady ? "cut" : "connect-failed", message: `${this.#request.origin}: ${message}` });
  }

  #connect(): void {
    const limitMs = Math.ceil(this.#request.connect / 1000);
    this.#connectTimer = setTimeout(() => {
      this.#connection?.destroy();
      this.#fail({ kind: "connect-failed", message: `no connection to ${this.#request.origin} within ${limitMs} ms` });
    }, limitMs);
    this.#connection = this.#caller.openFor(this);
  }

  #head(bodyBytes: number): string {
    const { method, path, headers } = this.#request;
    let head = `${method} ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n`;
    for (let place = 0; place + 1 < headers.length; place += 2) head += `${headers[place]}: ${headers[place + 1]}\r\n`;
    return `${head}content-length: ${bodyBytes}\r\n\r\n`;
  }

  #fail(problem: UpstreamProblem): void {
    if (this.#state === "over") return;
    this.#close();
    this.#handler.onBroken(problem);
  }

  #close(): void {
    this.#state = "over";
    this.#clearTimer();
  }

  #clearTimer(): void {
    if (this.#connectTimer === null) return;
    clearTimeout(this.#connectTimer);
    this.#connectTimer = null;
  }
}

/** A request whose lines would not be the ones that were meant is not made at all. */
export function assertSendable({ path, headers }: UpstreamRequest): void {
  if (/[^\x21-\x7e]/.test(path)) throw new Error("assertion: a path with a character that does not belong there");
  for (const part of headers) if (lineBreak.test(part)) throw new Error("assertion: a header with a line break");
}

function joined(head: string, body: readonly Uint8Array[], bodyBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + bodyBytes);
  let at = bytes.write(head, "latin1");
  for (const part of body) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
