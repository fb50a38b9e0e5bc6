import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { chunkFrame, joinedPieces } from "./chunk-frame.ts";
import { type CallerHeaders, type Exchange, type ExchangeWatcher, noWatcher } from "./exchange.ts";
import { readBody } from "./read-body.ts";

/** A string of up to 16 KB is written from the stack. */
const oneWriteBytesMax = 16_000;

/**
 * Connections whose last answer has begun. Requests that were sent ahead of it are not served any more: the caller is told that they were not, and Node's server stops
 * with an assertion when one of them is answered after all.
 */
const closing = new WeakSet<Duplex>();

export const isClosing = (socket: Duplex): boolean => closing.has(socket);

/** An exchange that Node's HTTP server has read. */
export class NodeExchange implements Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #watcher = noWatcher;
  #isWatched = false;
  #added: readonly string[] = [];
  #framing: "chunked" | "none" = "chunked";
  #draining = false;
  readonly #unreadMs: number;

  /** @param unreadMs so long the caller may leave what was written unread */
  constructor(request: IncomingMessage, response: ServerResponse, unreadMs: number) {
    this.#unreadMs = unreadMs;
    this.#request = request;
    this.#response = response;
    response.on("error", () => undefined);
  }

  get method(): string {
    return this.#request.method ?? "";
  }

  get target(): string {
    return this.#request.url ?? "/";
  }

  get headers(): CallerHeaders {
    const { headers } = this.#request;
    return {
      get: (name) => {
        const value = headers[name];
        return Array.isArray(value) ? value.join(", ") : value;
      },
    };
  }

  receiveBody(bytesMax: number, whole: (body: Buffer) => void, refuse: () => void): void {
    readBody(this.#request, bytesMax, whole, refuse);
  }

  discardBody(): void {
    this.#request.resume();
  }

  addHeaders(headers: readonly string[]): void {
    this.#added = [...this.#added, ...headers];
  }

  watch(watcher: ExchangeWatcher): void {
    this.#watcher = watcher;
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#response.on("close", () => this.#watcher.onClosed());
  }

  answer(status: number, headers: readonly string[], body: Uint8Array): void {
    const response = this.#response;
    response.writeHead(status, [...headers, ...this.#added, "content-length", String(body.length)]);
    if (body.length > oneWriteBytesMax) response.end(body);
    else {
      this.#write(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
      response.end();
    }
    this.#limitUnread();
  }

  beginStream(headers: readonly string[]): void {
    const response = this.#response;
    if (this.#request.httpVersion === "1.1") {
      response.writeHead(200, [...headers, ...this.#added, "transfer-encoding", "chunked"]);
      // The frames are made here: Node would write each in three parts.
      response.chunkedEncoding = false;
    } else {
      this.#framing = "none";
      this.endConnection();
      response.writeHead(200, [...headers, ...this.#added]);
    }
  }

  writeStream(chunks: readonly Uint8Array[], bytes: number): boolean {
    if (this.#write(this.#framed(chunks, bytes, false))) return true;
    if (!this.#draining) {
      this.#draining = true;
      this.#response.once("drain", () => {
        this.#draining = false;
        this.#watcher.onDrain();
      });
    }
    return false;
  }

  endStream(chunks: readonly Uint8Array[], bytes: number): void {
    const last = this.#framed(chunks, bytes, true);
    if (last.length > 0) this.#write(last);
    this.#response.end();
    this.#limitUnread();
  }

  cutStream(chunks: readonly Uint8Array[], bytes: number): void {
    const response = this.#response;
    if (bytes === 0) {
      response.destroy();
      return;
    }
    response.write(this.#framed(chunks, bytes, false), () => response.destroy());
    this.#limitUnread();
  }

  /** Node counts what of a write has left as activity, and sets the time anew when the answer is over. */
  #limitUnread(): void {
    const { socket } = this.#response;
    if (socket !== null && socket.writableLength > 0) socket.setTimeout(this.#unreadMs);
  }

  /** Its answer is the connection's last, and says so. */
  endConnection(): void {
    this.#response.shouldKeepAlive = false;
    closing.add(this.#request.socket);
  }

  destroy(): void {
    if (!this.#response.destroyed) this.#response.destroy();
  }

  #framed(chunks: readonly Uint8Array[], bytes: number, last: boolean): Buffer {
    return this.#framing === "chunked" ? chunkFrame(chunks, bytes, last) : joinedPieces(chunks, bytes);
  }

  /** One write, at once. @returns false: the caller reads too slowly */
  #write(bytes: Buffer): boolean {
    const response = this.#response;
    const { socket } = response;
    // Node corks a write until the next tick, and gathers a head and a Buffer; neither is wanted here.
    socket?.cork();
    const accepted = !response.headersSent || bytes.length <= oneWriteBytesMax ? response.write(bytes.toString("latin1"), "latin1") : response.write(bytes);
    socket?.uncork();
    return accepted || response.writableLength === 0;
  }
}
