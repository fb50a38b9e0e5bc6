import { performance } from "node:perf_hooks";
import type { Socket } from "node:net";
import { atEndOfTurn, type TurnWork } from "../../upstream/end-of-turn.ts";
import type { Exchange } from "./exchange.ts";
import { LaneExchange } from "./lane-exchange.ts";
import { readBytes, type StopReading } from "./read-bytes.ts";
import { readRequestHead } from "./request-head.ts";

/** So much of what was sent ahead of an answer is kept; then the socket is not read from until its turn comes. */
const aheadBytesMax = 64 * 1024;
const aheadPiecesMax = 64;
/** A head that comes in more pieces than these is Node's. */
const headPiecesMax = 8;

export interface LaneOwner {
  readonly headBytesMax: number;
  readonly bodyBytesMax: number;
  /** A caller that does not read what was written is not waited for longer than this. */
  readonly unreadTimeout: number;
  serve(exchange: Exchange): void;
  isDraining(): boolean;
  /** Node's HTTP server reads the connection from here on, with what was put back. */
  handOver(socket: Socket): void;
  /** Answers what will not be a request any more, and closes. */
  refuse(socket: Socket, why: "slow" | "cut"): void;
  forget(connection: LaneConnection): void;
}

export interface LanePatience {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
}

/**
 * One caller's connection on the fast lane: its requests one after the other, each answered before the next is read. A head that the lane does not take
 * goes with the whole connection to Node's HTTP server. A caller that ends its half has left, as with Node.
 */
export class LaneConnection implements TurnWork {
  readonly #socket: Socket;
  readonly #owner: LaneOwner;
  readonly #keepAliveLine: string;
  readonly #stopReading: StopReading;
  #exchange: LaneExchange | null = null;
  #answered = false;
  #keepsAlive = true;
  #requests = 0;
  /** Of a head that has begun and is not whole. */
  #headPieces = 0;
  /** When it was opened, when its request began, or when its last answer was written. */
  #sinceMs = performance.now();
  #bodyLeft = 0;
  #body: Buffer[] = [];
  #onBody: ((body: Buffer) => void) | null = null;
  /** What has come and is not read yet. */
  #ahead: Buffer[] = [];
  #aheadBytes = 0;
  #reading = false;
  #unreadLimited = false;
  #paused = false;
  /** Another has the socket, or nobody. */
  #left = false;

  constructor(socket: Socket, owner: LaneOwner, keepAliveLine: string) {
    this.#socket = socket;
    this.#owner = owner;
    this.#keepAliveLine = keepAliveLine;
    this.#stopReading = readBytes(socket, this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("drain", this.#onDrain);
    socket.on("close", this.#onGone);
    socket.on("timeout", this.#onTimeout);
    socket.on("error", ignore);
    socket.on("error", this.#onGone);
  }

  /** Nothing is under way, and all that was written has left. */
  get isIdle(): boolean {
    return this.#exchange === null && this.#headPieces === 0 && this.#socket.writableLength === 0;
  }

  /** Closes it when its caller has taken too long. */
  sweep(nowMs: number, { headersTimeout, requestTimeout, keepAliveTimeout }: LanePatience): void {
    const forMs = nowMs - this.#sinceMs;
    if (this.#exchange === null && this.#headPieces === 0 && this.#requests > 0) {
      if (forMs > keepAliveTimeout && this.#socket.writableLength === 0) this.#socket.destroy();
    } else if (forMs > (this.#exchange === null ? headersTimeout : this.#bodyLeft > 0 ? requestTimeout : Infinity)) this.#refuse("slow");
  }

  receiveBody(whole: (body: Buffer) => void): void {
    if (this.#bodyLeft > 0) this.#onBody = whole;
    else whole(this.#wholeBody());
  }

  /** The lines that tell what becomes of the connection; said of the answer that is about to be written. */
  linesOfLast(): string {
    if (this.#owner.isDraining()) this.#keepsAlive = false;
    return this.#keepsAlive ? this.#keepAliveLine : "connection: close\r\n";
  }

  /** @returns false: the caller reads too slowly, and a drain will follow */
  write(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes) || this.#socket.writableLength === 0;
  }

  /** The whole answer, or a stream's end; it leaves when the turn ends. */
  writeLast(...pieces: readonly Uint8Array[]): void {
    const socket = this.#socket;
    socket.cork();
    for (const bytes of pieces) socket.write(bytes);
    atEndOfTurn(this);
    this.#answerOut();
  }

  endTurn(): void {
    const socket = this.#socket;
    socket.uncork();
    if (this.#answered && !this.#left && socket.writableLength > 0) this.#limitUnread();
  }

  writeAndBreakOff(bytes: Uint8Array): void {
    this.#limitUnread();
    this.#socket.write(bytes, () => this.#socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #answerOut(): void {
    this.#answered = true;
    this.#onBody = null;
    this.#body = [];
    this.#settle();
    this.#readOn();
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#ahead.push(bytes);
    this.#aheadBytes += bytes.length;
    this.#readOn();
    if (this.#aheadBytes > aheadBytesMax || this.#ahead.length > aheadPiecesMax) this.#pause();
  };

  #pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  #resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** Carries on with what has come, as far as that goes; what is answered on the spot comes back here and finds it at work. */
  #readOn(): void {
    if (this.#reading) return;
    this.#reading = true;
    while (this.#aheadBytes > 0 && this.#keepsAliveOrBusy && this.#readStep());
    this.#reading = false;
  }

  get #keepsAliveOrBusy(): boolean {
    return this.#keepsAlive || this.#exchange !== null;
  }

  /** @returns whether anything was read */
  #readStep(): boolean {
    if (this.#exchange === null) return this.#begin(this.#takeAhead());
    if (this.#bodyLeft === 0) return false;
    const bytes = this.#takeAhead();
    const part = bytes.length <= this.#bodyLeft ? bytes : bytes.subarray(0, this.#bodyLeft);
    this.#putBack(bytes, part.length);
    this.#takeBody(part);
    return true;
  }

  /** @returns false: more has to come, or it is Node's from here on */
  #begin(bytes: Buffer): boolean {
    const head = readRequestHead(bytes, this.#owner.bodyBytesMax, this.#owner.headBytesMax);
    if (head === "unfinished" && this.#headPieces < headPiecesMax) {
      this.#awaitHead(bytes);
      return false;
    }
    if (head === null || head === "unfinished") {
      this.#handOver(bytes);
      return false;
    }
    this.#headPieces = 0;
    this.#unlimitUnread();
    this.#requests += 1;
    this.#sinceMs = performance.now();
    this.#answered = false;
    this.#keepsAlive = head.keepAlive;
    const bodyEnd = Math.min(bytes.length, head.bytes + head.contentLength);
    this.#bodyLeft = head.contentLength - (bodyEnd - head.bytes);
    this.#body = [bytes.subarray(head.bytes, bodyEnd)];
    this.#putBack(bytes, bodyEnd);
    this.#exchange = new LaneExchange(head, this);
    this.#owner.serve(this.#exchange);
    return true;
  }

  #awaitHead(begun: Buffer): void {
    if (this.#headPieces === 0 && this.#requests > 0) this.#sinceMs = performance.now();
    this.#headPieces += 1;
    this.#answered = false;
    this.#putBack(begun, 0);
  }

  #takeBody(part: Buffer): void {
    this.#bodyLeft -= part.length;
    if (this.#onBody !== null) this.#body.push(part);
    if (this.#bodyLeft > 0) return;
    const whole = this.#onBody;
    this.#onBody = null;
    if (whole !== null) whole(this.#wholeBody());
    else this.#settle();
  }

  #wholeBody(): Buffer {
    const [first] = this.#body;
    const whole = this.#body.length === 1 && first !== undefined ? first : Buffer.concat(this.#body);
    this.#body = [];
    return whole;
  }

  #takeAhead(): Buffer {
    const [first] = this.#ahead;
    const bytes = this.#ahead.length === 1 && first !== undefined ? first : Buffer.concat(this.#ahead);
    this.#ahead = [];
    this.#aheadBytes = 0;
    return bytes;
  }

  #putBack(bytes: Buffer, from: number): void {
    if (from === bytes.length) return;
    const rest = bytes.subarray(from);
    this.#ahead.unshift(rest);
    this.#aheadBytes += rest.length;
  }

  /** When the request is answered and read to its end, its turn is over. */
  #settle(): void {
    if (!this.#answered || this.#bodyLeft > 0) return;
    this.#exchange = null;
    this.#sinceMs = performance.now();
    if (!this.#keepsAlive) this.#endSoon();
    else if (this.#paused) this.#resume();
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    this.#leave();
    this.#unlimitUnread();
    socket.removeListener("error", ignore);
    socket.pause();
    socket.unshift(bytes);
    this.#owner.handOver(socket);
    socket.resume();
  }

  /** What is written leaves, and then it is closed, whether the caller ends its half or not. */
  #endSoon(): void {
    const socket = this.#socket;
    this.#limitUnread();
    this.#stopReading();
    socket.resume();
    socket.end(() => socket.destroy());
  }

  #limitUnread(): void {
    this.#unreadLimited = true;
    this.#socket.setTimeout(this.#owner.unreadTimeout);
  }

  #unlimitUnread(): void {
    if (!this.#unreadLimited) return;
    this.#unreadLimited = false;
    this.#socket.setTimeout(0);
  }

  /** Node counts what of a write has left as activity. */
  readonly #onTimeout = (): void => {
    this.#socket.destroy();
  };

  readonly #onDrain = (): void => {
    this.#exchange?.drained();
  };

  readonly #onEnd = (): void => {
    if (this.#headPieces > 0) this.#refuse("cut");
    else if (this.#exchange === null || this.#answered) this.#endSoon();
    else if (this.#bodyLeft > 0) this.#refuse("cut");
    else {
      this.#onGone();
      this.#socket.destroy();
    }
  };

  /** As soon as it is known: that the socket is closed is told later in the turn, behind what all others have brought. */
  readonly #onGone = (): void => {
    this.#leave();
    this.#exchange?.closed();
    this.#exchange = null;
  };

  #refuse(why: "slow" | "cut"): void {
    if (this.#answered) {
      this.#socket.destroy();
      return;
    }
    this.#leave();
    this.#exchange?.closed();
    this.#exchange = null;
    this.#owner.refuse(this.#socket, why);
  }

  #leave(): void {
    const socket = this.#socket;
    this.#left = true;
    this.#stopReading();
    socket.removeListener("end", this.#onEnd);
    socket.removeListener("drain", this.#onDrain);
    socket.removeListener("close", this.#onGone);
    socket.removeListener("error", this.#onGone);
    socket.removeListener("timeout", this.#onTimeout);
    this.#owner.forget(this);
  }
}

const ignore = (): void => undefined;
