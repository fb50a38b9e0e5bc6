import type { Socket } from "node:net";
import { lengthOfBody, partsOf, writeBody } from "../../providers/sent-body.ts";
import type { UpstreamCall, UpstreamHandler, UpstreamHead, UpstreamProblem, UpstreamRequest } from "../upstream-transport.ts";
import type { Connection } from "./connection.ts";

/** Smaller requests are copied into one buffer and leave in one write. */
const oneWriteBytesMax = 64 * 1024;
/** After the dialect's end the connection should end its answer too; else it is not worth keeping. */
const lingerMs = 1000;

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
  #connection: Connection | null = null;
  /** Of the connecting, then of the lingering. */
  #timer: NodeJS.Timeout | null = null;
  #state: CallState = "connecting";
  /** The request went out on a connection that had been used before. */
  #reused = false;
  #paused = false;
  #lingers = false;

  constructor(request: UpstreamRequest, handler: UpstreamHandler, caller: Caller) {
    this.#request = request;
    this.#handler = handler;
    this.#caller = caller;
  }

  get isPatient(): boolean {
    return this.#request.patient === true;
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

  linger(): void {
    this.resume();
    this.#lingers = true;
  }

  abort(): void {
    if (this.#state === "over") return;
    this.#close();
    this.#connection?.destroy();
  }

  writeTo(socket: Socket): void {
    this.#clearTimer();
    this.#state = "sent";
    const { head, body } = this.#request;
    const length = lengthOfBody(body);
    const end = `${length}\r\n\r\n`;
    const bytes = head.length + end.length + length;
    if (bytes <= oneWriteBytesMax) {
      const whole = Buffer.allocUnsafe(bytes);
      whole.set(head, 0);
      writeBody(body, whole, head.length + whole.write(end, head.length, "latin1"));
      socket.write(whole);
    } else {
      socket.cork();
      socket.write(head);
      socket.write(end, "latin1");
      for (const part of partsOf(body)) socket.write(part);
      socket.uncork();
    }
    if (this.#paused) this.#connection?.pause();
  }

  onAnswerHead(head: UpstreamHead): void {
    this.#state = "answering";
    this.#handler.onHead(head);
  }

  onAnswerData(content: Buffer): void {
    if (this.#state !== "over") this.#handler.onData(content);
  }

  onAnswerEnd(): void {
    if (this.#state === "over") return;
    this.#close();
    this.#handler.onEnd();
  }

  onReadOver(): void {
    if (this.#state === "over") return;
    this.#handler.onReadOver();
    // Nearly always a stream's end has come with its last event.
    if (this.#lingers) this.#timer ??= setTimeout(() => this.abort(), lingerMs);
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
    this.#timer = setTimeout(() => {
      this.#connection?.destroy();
      this.#fail({ kind: "connect-failed", message: `no connection to ${this.#request.origin} within ${limitMs} ms` });
    }, limitMs);
    this.#connection = this.#caller.openFor(this);
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
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
  }
}
