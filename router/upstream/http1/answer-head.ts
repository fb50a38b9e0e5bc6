import type { ResponseHeaders } from "../../providers/provider-adapter.ts";

/** `length`: so many bytes. `chunked`. `close`: to the end of the connection. */
export interface AnswerHead {
  readonly status: number;
  /** Null: it says none. */
  readonly contentType: string | null;
  /** Of a failure; of a success nothing else is asked. */
  readonly headers: ResponseHeaders;
  readonly framing: "length" | "chunked" | "close";
  readonly length: number;
  /** The connection may carry another request afterwards. */
  readonly reusable: boolean;
}

const cr = 0x0d;
const lf = 0x0a;
const colon = 0x3a;
const tokens = new Uint8Array(256);
for (const byte of Buffer.from("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) tokens[byte] = 1;
/** Of a line: no control characters but the tab, which forge lines, or cannot be passed on. */
const visible = Uint8Array.from({ length: 256 }, (_, byte) => (byte === 0x09 || (byte >= 0x20 && byte !== 0x7f) ? 1 : 0));

const startOfLine = Buffer.from("HTTP/1.");
const contentLength = Buffer.from("content-length");
const contentType = Buffer.from("content-type");
const transferEncoding = Buffer.from("transfer-encoding");
const connection = Buffer.from("connection");
const chunked = Buffer.from("chunked");
const keepAlive = Buffer.from("keep-alive");
const noHeaders: ResponseHeaders = {};

const digitsMax = 15;
const unreadable = -2;
const absent = -1;

/**
 * Strict reading of a status line and header lines, each with its CR LF (RFC 9112), over the bytes as they came: what could be understood in two ways is refused. Only what
 * says how the answer is framed is read, and what it holds; the rest becomes strings where it is a failure.
 */
export class AnswerHeadReader {
  /** Behind the head that was read last. */
  end = 0;
  #length = absent;
  #encoding: "none" | "chunked" | "other" = "none";
  /** As its lines have it; empty: none. */
  #connection = "";
  #typeStart = absent;
  #typeEnd = absent;
  /** Of the answer before: it is nearly always the same. */
  #lastType = Buffer.alloc(0);
  #lastTypeText = "";

  /** @returns the head; what is wrong with it; null: it is not whole yet */
  read(bytes: Buffer, from: number, limit: number): AnswerHead | string | null {
    if (limit - from < statusLineBytesMin) return null;
    if (!beginsAnswer(bytes, from)) return "no HTTP/1 answer";
    const status = digitsAt(bytes, from + 9, from + 12);
    if (status < 100 || status > 599) return "no status";
    this.#clear();
    let at = endOfLine(bytes, from + 12, limit);
    while (at > 0 && at < limit && bytes[at] !== cr) at = this.#readLine(bytes, at, limit);
    if (at < 0) return problems[-at] ?? "";
    if (at === 0 || at + 1 >= limit) return null;
    if (bytes[at + 1] !== lf) return "a stray control character in the head";
    this.end = at + 2;
    return this.#head(bytes, from, status, bytes[from + 7] === one);
  }

  #clear(): void {
    this.#length = absent;
    this.#encoding = "none";
    this.#connection = "";
    this.#typeStart = absent;
  }

  /** @returns behind the line; 0: it is not whole yet; below 0: the problem */
  #readLine(bytes: Buffer, start: number, limit: number): number {
    let nameEnd = start;
    while (nameEnd < limit && tokens[bytes[nameEnd] ?? 0] === 1) nameEnd += 1;
    if (nameEnd === limit) return 0;
    if (bytes[nameEnd] !== colon || nameEnd === start) return -noName;
    const next = endOfLine(bytes, nameEnd + 1, limit);
    if (next <= 0) return next;
    this.#note(bytes, start, nameEnd, next - 2);
    return next;
  }

  #note(bytes: Buffer, start: number, nameEnd: number, lineEnd: number): void {
    switch (nameEnd - start) {
      case contentLength.length:
        if (standsAt(bytes, start, contentLength)) this.#noteLength(bytes, trimmedStart(bytes, nameEnd + 1, lineEnd), trimmedEnd(bytes, nameEnd + 1, lineEnd));
        return;
      case contentType.length:
        if (this.#typeStart !== absent || !standsAt(bytes, start, contentType)) return;
        this.#typeStart = trimmedStart(bytes, nameEnd + 1, lineEnd);
        this.#typeEnd = trimmedEnd(bytes, nameEnd + 1, lineEnd);
        return;
      case transferEncoding.length:
        if (!standsAt(bytes, start, transferEncoding)) return;
        this.#encoding = this.#encoding === "none" && isValue(bytes, nameEnd + 1, lineEnd, chunked) ? "chunked" : "other";
        return;
      case connection.length:
        if (standsAt(bytes, start, connection) && !isValue(bytes, nameEnd + 1, lineEnd, keepAlive))
          this.#connection += `${bytes.toString("latin1", nameEnd + 1, lineEnd).toLowerCase()},`;
        else if (standsAt(bytes, start, connection)) this.#connection += "keep-alive,";
    }
  }

  #noteLength(bytes: Buffer, start: number, end: number): void {
    const isLength = this.#length === absent && end > start && end - start <= digitsMax;
    this.#length = isLength ? digitsAt(bytes, start, end) : unreadable;
  }

  #head(bytes: Buffer, from: number, status: number, isHttp11: boolean): AnswerHead | string {
    const length = this.#length;
    const keepsAlive = isHttp11 ? !this.#connection.includes("close") : this.#connection.includes("keep-alive");
    const type = this.#contentType(bytes);
    const headers = status < 300 ? noHeaders : headersOf(bytes.toString("latin1", from, this.end - 2));
    if (status < 200 || status === 204 || status === 304) return { status, contentType: type, headers, framing: "length", length: 0, reusable: keepsAlive };
    if (this.#encoding !== "none") {
      if (length !== absent) return "both content-length and transfer-encoding";
      if (!isHttp11 || this.#encoding !== "chunked") return "a transfer-encoding other than chunked";
      return { status, contentType: type, headers, framing: "chunked", length: 0, reusable: keepsAlive };
    }
    if (length === unreadable) return "an unreadable content-length";
    if (length === absent) return { status, contentType: type, headers, framing: "close", length: 0, reusable: false };
    return { status, contentType: type, headers, framing: "length", length, reusable: keepsAlive };
  }

  #contentType(bytes: Buffer): string | null {
    if (this.#typeStart === absent) return null;
    const length = this.#typeEnd - this.#typeStart;
    if (length !== this.#lastType.length || !isSame(bytes, this.#typeStart, this.#lastType)) {
      this.#lastType = Buffer.from(bytes.subarray(this.#typeStart, this.#typeEnd) as Buffer);
      this.#lastTypeText = this.#lastType.toString("latin1");
    }
    return this.#lastTypeText;
  }
}

const zero = 0x30;
const one = 0x31;
const space = 0x20;
/** `HTTP/1.1 200`, and what follows. */
const statusLineBytesMin = 13;

function beginsAnswer(bytes: Buffer, from: number): boolean {
  const minor = bytes[from + 7];
  const behind = bytes[from + 12];
  return standsAt(bytes, from, startOfLine) && (minor === zero || minor === one) && bytes[from + 8] === space && (behind === space || behind === cr);
}

const noName = 1;
const strayControl = 2;
const problems: readonly string[] = ["", "a header line that does not begin with a name and a colon", "a stray control character in the head"];

/** @returns behind its CR LF; 0: it is not whole yet; below 0: the problem */
function endOfLine(bytes: Buffer, from: number, limit: number): number {
  let at = from;
  while (at < limit && visible[bytes[at] ?? 0] === 1) at += 1;
  if (at + 1 >= limit) return at < limit && bytes[at] !== cr ? -strayControl : 0;
  return bytes[at] === cr && bytes[at + 1] === lf ? at + 2 : -strayControl;
}

const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09;

function trimmedStart(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && isBlank(bytes[at])) at += 1;
  return at;
}

function trimmedEnd(bytes: Buffer, from: number, to: number): number {
  let at = to;
  while (at > from && isBlank(bytes[at - 1])) at -= 1;
  return at;
}

function isValue(bytes: Buffer, from: number, to: number, lower: Uint8Array): boolean {
  const start = trimmedStart(bytes, from, to);
  return trimmedEnd(bytes, from, to) - start === lower.length && standsAt(bytes, start, lower);
}

/** In either case; `lower` is of letters, digits, hyphens, slashes and points. */
function standsAt(bytes: Buffer, start: number, lower: Uint8Array): boolean {
  for (let place = 0; place < lower.length; place += 1) {
    const byte = bytes[start + place] ?? 0;
    if (byte !== lower[place] && (byte < 0x41 || byte > 0x5a || (byte | 0x20) !== lower[place])) return false;
  }
  return true;
}

function isSame(bytes: Buffer, start: number, other: Uint8Array): boolean {
  for (let place = 0; place < other.length; place += 1) if (bytes[start + place] !== other[place]) return false;
  return true;
}

/** -2: they are not all digits. */
function digitsAt(bytes: Buffer, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return unreadable;
    number = number * 10 + digit;
  }
  return number;
}

/** Of a head that has been read. @param text each line with its CR LF */
function headersOf(text: string): ResponseHeaders {
  const headers: Record<string, string | string[]> = {};
  for (const line of text.split("\r\n").slice(1)) {
    const end = line.indexOf(":");
    if (end === -1) continue;
    const name = line.slice(0, end).toLowerCase();
    const value = line.slice(end + 1).trim();
    const before = headers[name];
    headers[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return headers;
}
