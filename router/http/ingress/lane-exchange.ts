import { answerHead } from "./answer-head.ts";
import { chunkFrame } from "./chunk-frame.ts";
import { type Exchange, type ExchangeWatcher, noWatcher } from "./exchange.ts";
import type { LaneConnection } from "./lane-connection.ts";
import type { RequestHead } from "./request-head.ts";

/** Larger bodies are not copied behind their heads. */
const oneWriteBytesMax = 64 * 1024;
const nothing = Buffer.alloc(0);
const noHeaders: readonly string[] = [];
const noHead: RequestHead = { method: "", target: "", headers: new Map(), contentLength: 0, keepAlive: true, bytes: 0 };

/** An exchange of the fast lane. Once it is over it has no connection any more: nothing that is said too late can end up in another's answer. */
export class LaneExchange implements Exchange {
  /** Until its answer begins: streams are long, and nobody asks any more what was asked. */
  #head: RequestHead;
  #connection: LaneConnection | null;
  #watcher: ExchangeWatcher = noWatcher;
  #added = noHeaders;
  /** Of a stream that has begun and sent nothing yet. */
  #streamHead = "";

  constructor(head: RequestHead, connection: LaneConnection) {
    this.#head = head;
    this.#connection = connection;
  }

  get method(): string {
    return this.#head.method;
  }

  get target(): string {
    return this.#head.target;
  }

  get headers(): RequestHead["headers"] {
    return this.#head.headers;
  }

  /** None is longer than the lane takes, which is what `bytesMax` is. */
  receiveBody(_bytesMax: number, whole: (body: Buffer) => void): void {
    this.#connection?.receiveBody(whole);
  }

  /** What nobody has asked for is thrown away. */
  discardBody(): void {}

  addHeaders(headers: readonly string[]): void {
    this.#added = this.#added.length === 0 ? headers : [...this.#added, ...headers];
  }

  watch(watcher: ExchangeWatcher): void {
    this.#watcher = watcher;
  }

  answer(status: number, headers: readonly string[], body: Uint8Array): void {
    const connection = this.#take();
    if (connection === null) return;
    const content = status === 204 || status === 304 ? nothing : body;
    const head = `${answerHead(status, headers, this.#added, connection.linesOfLast())}content-length: ${content.length}\r\n\r\n`;
    if (head.length + content.length <= oneWriteBytesMax) connection.writeLast(behindHead(head, content));
    else connection.writeLast(Buffer.from(head, "latin1"), content);
  }

  beginStream(headers: readonly string[]): void {
    if (this.#connection === null) return;
    this.#head = noHead;
    this.#streamHead = `${answerHead(200, headers, this.#added, this.#connection.linesOfLast())}transfer-encoding: chunked\r\n\r\n`;
  }

  writeStream(chunks: readonly Uint8Array[], bytes: number): boolean {
    return this.#connection === null || this.#connection.write(this.#framed(chunks, bytes, false));
  }

  endStream(chunks: readonly Uint8Array[], bytes: number): void {
    this.#take()?.writeLast(this.#framed(chunks, bytes, true));
  }

  cutStream(chunks: readonly Uint8Array[], bytes: number): void {
    const connection = this.#take();
    if (bytes === 0) connection?.destroy();
    else connection?.writeAndBreakOff(this.#framed(chunks, bytes, false));
  }

  destroy(): void {
    this.#take()?.destroy();
  }

  /** The connection has gone, or its caller has. */
  closed(): void {
    if (this.#take() !== null) this.#watcher.onClosed();
  }

  drained(): void {
    if (this.#connection !== null) this.#watcher.onDrain();
  }

  #take(): LaneConnection | null {
    const connection = this.#connection;
    this.#connection = null;
    return connection;
  }

  #framed(chunks: readonly Uint8Array[], bytes: number, last: boolean): Buffer {
    const head = this.#streamHead;
    this.#streamHead = "";
    return chunkFrame(chunks, bytes, last, head);
  }
}

function behindHead(head: string, body: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(head.length + body.length);
  whole.set(body, whole.write(head, "latin1"));
  return whole;
}
