import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { atEndOfTurn, type TurnWork } from "../end-of-turn.ts";
import type { AnswerHead } from "./answer-head.ts";
import { AnswerParser, type AnswerSink } from "./answer-parser.ts";
import type { Http1Call } from "./http1-call.ts";
import { openSocket, type SocketListener, type SocketPlace } from "./open-socket.ts";

export interface ConnectionOwner {
  /** It may carry another request. */
  onIdle(connection: Connection): void;
  onGone(connection: Connection): void;
  onSession(session: Buffer): void;
}

/** One connection to a provider, and the call that it carries; one at a time, never pipelined. */
export class Connection implements AnswerSink, SocketListener, TurnWork {
  readonly #owner: ConnectionOwner;
  readonly #parser = new AnswerParser(this);
  readonly openedMs = performance.now();
  #socket: Socket | null = null;
  #call: Http1Call | null;
  #ready = false;
  #gone = false;
  #paused = false;
  idleSinceMs = 0;

  /** @param call what it is opened for */
  constructor(place: SocketPlace, call: Http1Call, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#call = call;
    openSocket(place, this);
  }

  get isGone(): boolean {
    return this.#gone;
  }

  /** Sends the call's request; the connection is idle. */
  carry(call: Http1Call): void {
    this.#call = call;
    this.#send(call);
  }

  pause(): void {
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket?.resume();
  }

  /** Closes it at once. The call hears nothing of it. */
  destroy(): void {
    this.#call = null;
    this.#leave();
    this.#socket?.destroy();
  }

  onSocket(socket: Socket): void {
    this.#socket = socket;
    if (this.#gone) socket.destroy();
  }

  onReady(): void {
    if (this.#gone) return;
    this.#ready = true;
    if (this.#call !== null) this.#send(this.#call);
  }

  onSession(session: Buffer): void {
    this.#owner.onSession(session);
  }

  onBytes(bytes: Buffer, length: number): void {
    if (this.#call === null) {
      // Nobody asked for it: what comes next cannot be told from an answer.
      this.destroy();
      return;
    }
    const problem = this.#parser.write(bytes, length);
    if (problem === null) this.#call?.onReadOver();
    else this.#break(`it does not speak HTTP: ${problem}`, false);
  }

  onEnd(): void {
    if (this.#call === null) this.destroy();
    else if (!this.#parser.end()) this.#break("it closed the connection", this.#parser.isUntouched);
  }

  onClose(error: Error | null): void {
    if (this.#call === null) this.#leave();
    else if (error !== null || !this.#parser.end()) this.#break(error?.message ?? "it closed the connection", this.#parser.isUntouched);
  }

  onAnswerHead(head: AnswerHead): void {
    this.#call?.onAnswerHead(head);
  }

  onAnswerData(content: Buffer): void {
    this.#call?.onAnswerData(content);
  }

  onAnswerEnd(reusable: boolean): void {
    const call = this.#call;
    this.#call = null;
    // A request that is still being written would end up before the next one.
    if (reusable && !this.#gone && this.#socket !== null && this.#socket.writableLength === 0) {
      this.resume();
      this.idleSinceMs = performance.now();
      this.#owner.onIdle(this);
    } else this.destroy();
    call?.onAnswerEnd();
  }

  /** What was sent in this turn leaves. */
  endTurn(): void {
    this.#socket?.uncork();
  }

  #send(call: Http1Call): void {
    this.#parser.reset();
    const socket = this.#socket;
    if (socket === null) return;
    if (call.isPatient) {
      socket.cork();
      atEndOfTurn(this);
    }
    call.writeTo(socket);
  }

  /** @param untouched no byte of an answer has come */
  #break(message: string, untouched: boolean): void {
    const call = this.#call;
    const wasReady = this.#ready;
    this.destroy();
    call?.onConnectionBroken(message, wasReady, untouched);
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#owner.onGone(this);
  }
}
