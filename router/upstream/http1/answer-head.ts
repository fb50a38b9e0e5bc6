import type { ResponseHeaders } from "../../providers/provider-adapter.ts";

/** `length`: so many bytes. `chunked`. `close`: to the end of the connection. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly framing: "length" | "chunked" | "close";
  readonly length: number;
  /** The connection may carry another request afterwards. */
  readonly reusable: boolean;
}

/** Control characters, but the tab and the text's own line ends (CR LF): they forge lines, or cannot be passed on. */
const strayControl = /(?![\t\r\n\x80-\x9f])\p{Cc}|\r(?!\n)|(?<!\r)\n/u;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const knownNamesMax = 512;
/** Names in lower case, by how they were written: the same few come again and again. */
const knownNames = new Map<string, string>();

/** Strict reading of a status line and header lines, each with its CR LF (RFC 9112): what could be understood in two ways is refused. @returns the head, or what is wrong */
export function parseAnswerHead(text: string): AnswerHead | string {
  if (strayControl.test(text)) return "a stray control character in the head";
  const version = text.charCodeAt(7);
  const status = Number(text.slice(9, 12));
  const behind = text[12];
  if (!text.startsWith("HTTP/1.") || (version !== 0x30 && version !== 0x31) || text[8] !== " " || (behind !== " " && behind !== "\r"))
    return "no HTTP/1 answer";
  if (!Number.isInteger(status) || status < 100 || status > 599) return "no status";
  const headers: Record<string, string | string[]> = {};
  for (let at = text.indexOf("\r\n") + 2; at < text.length;) {
    const end = text.indexOf("\r\n", at);
    const colon = text.indexOf(":", at);
    if (colon === -1 || colon >= end) return "a header line without a colon";
    const name = lowerCased(text.slice(at, colon));
    if (name === null) return "a header line that does not begin with a name";
    addHeader(headers, name, text.slice(colon + 1, end).trim());
    at = end + 2;
  }
  return framed(status, headers, version === 0x31);
}

function lowerCased(name: string): string | null {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  if (!token.test(name)) return null;
  const lower = name.toLowerCase();
  if (knownNames.size < knownNamesMax) knownNames.set(name, lower);
  return lower;
}

function addHeader(headers: Record<string, string | string[]>, name: string, value: string): void {
  const before = headers[name];
  if (before === undefined) headers[name] = value;
  else headers[name] = Array.isArray(before) ? [...before, value] : [before, value];
}

function framed(status: number, headers: ResponseHeaders, isHttp11: boolean): AnswerHead | string {
  const connection = String(headers["connection"] ?? "").toLowerCase();
  const keepsAlive = isHttp11 ? !connection.includes("close") : connection.includes("keep-alive");
  const encoding = headers["transfer-encoding"];
  const length = headers["content-length"];
  if (status < 200 || status === 204 || status === 304) return { status, headers, framing: "length", length: 0, reusable: keepsAlive };
  if (encoding !== undefined) {
    if (length !== undefined) return "both content-length and transfer-encoding";
    if (!isHttp11 || typeof encoding !== "string" || encoding.toLowerCase() !== "chunked") return "a transfer-encoding other than chunked";
    return { status, headers, framing: "chunked", length: 0, reusable: keepsAlive };
  }
  if (length === undefined) return { status, headers, framing: "close", length: 0, reusable: false };
  if (typeof length !== "string" || !/^\d{1,15}$/.test(length)) return "an unreadable content-length";
  return { status, headers, framing: "length", length: Number(length), reusable: keepsAlive };
}
