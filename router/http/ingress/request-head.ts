/**
 * The fast lane's reading of a request's head: HTTP/1.1 (RFC 9112) cut down to what can be read in one way only. Its specification is what it takes:
 *
 * - `GET`, `POST` or `DELETE`, one space, a path of unreserved and reserved characters, one space, `HTTP/1.1`;
 * - header lines of a token, a colon, at most one space, and a value of visible ASCII with spaces inside; no name twice; a hundred lines at most;
 * - exactly one `host`; `content-length` of decimal digits without a leading zero, up to the given size; `connection` of `keep-alive` or `close` alone; nothing that
 *   frames a body otherwise or changes the protocol;
 * - CRLF behind every line, all of it in the bytes that are there, fewer than 16 KB.
 *
 * Whatever else comes is not refused here but left to Node's HTTP server, whose parser is the judge of it. So this reader need never be generous, and
 * `test/conformance/fast-lane.test.ts` holds it to that: what it takes, Node reads as the same request.
 */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly contentLength: number;
  readonly keepAlive: boolean;
  /** Its own length; the body begins behind it. */
  readonly bytes: number;
}

/** Whatever the limit on headers is: longer heads are Node's. */
export const headBytesMax = 16 * 1024;
const headersMax = 100;

const requestLine = /^(GET|POST|DELETE) (\/[\w\-.~!$&'()*+,;=:@/%?]*) HTTP\/1\.1$/;
const decimal = /^(?:0|[1-9]\d{0,8})$/;
/** They frame a body in another way, ask for an answer in between, or change the protocol. */
const leftToNode: ReadonlySet<string> = new Set(["transfer-encoding", "expect", "upgrade", "proxy-connection", "trailer", "http2-settings"]);

const space = 0x20;
const colon = 0x3a;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const isVisible = (code: number): boolean => code > space && code < 0x7f;
const isToken = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") isToken[character.charCodeAt(0)] = 1;

/** Null: not whole yet, or nothing for the lane. @param headMax where less than usual is allowed */
export function readRequestHead(bytes: Buffer, bodyBytesMax: number, headMax = headBytesMax): RequestHead | null {
  const end = bytes.indexOf("\r\n\r\n", 0, "latin1");
  if (end === -1 || end + 4 >= headMax) return null;
  const text = bytes.toString("latin1", 0, end + 2);
  const lineEnd = text.indexOf("\r\n");
  const line = requestLine.exec(text.slice(0, lineEnd));
  const [, method, target] = line ?? [];
  if (method === undefined || target === undefined) return null;
  const headers = readHeaders(text, lineEnd + 2);
  if (headers === null || !headers.has("host")) return null;
  const contentLength = lengthOf(headers.get("content-length"));
  const keepAlive = keepsAlive(headers.get("connection"));
  if (contentLength === null || contentLength > bodyBytesMax || keepAlive === null) return null;
  return { method, target, headers, contentLength, keepAlive, bytes: end + 4 };
}

/** @param text ends behind the last line's CRLF */
function readHeaders(text: string, from: number): Map<string, string> | null {
  const headers = new Map<string, string>();
  for (let at = from; at < text.length;) {
    const nameEnd = tokenEnd(text, at);
    if (nameEnd === at || text.charCodeAt(nameEnd) !== colon) return null;
    const valueAt = text.charCodeAt(nameEnd + 1) === space ? nameEnd + 2 : nameEnd + 1;
    const valueEnd = endOfValue(text, valueAt);
    if (valueEnd === -1) return null;
    const name = text.slice(at, nameEnd).toLowerCase();
    if (headers.has(name) || leftToNode.has(name) || headers.size === headersMax) return null;
    headers.set(name, text.slice(valueAt, valueEnd));
    at = valueEnd + 2;
  }
  return headers;
}

function tokenEnd(text: string, from: number): number {
  let at = from;
  while (isToken[text.charCodeAt(at)] === 1) at += 1;
  return at;
}

/** Where its CRLF begins; -1: it is not of visible characters with spaces inside, up to a CRLF. */
function endOfValue(text: string, from: number): number {
  let at = from;
  let code = text.charCodeAt(at);
  while (isVisible(code) || (code === space && at > from)) {
    at += 1;
    code = text.charCodeAt(at);
  }
  if (code !== carriageReturn || text.charCodeAt(at + 1) !== lineFeed) return -1;
  return at > from && text.charCodeAt(at - 1) === space ? -1 : at;
}

function lengthOf(value: string | undefined): number | null {
  if (value === undefined) return 0;
  return decimal.test(value) ? Number(value) : null;
}

function keepsAlive(value: string | undefined): boolean | null {
  if (value === undefined) return true;
  const option = value.toLowerCase();
  if (option === "keep-alive") return true;
  return option === "close" ? false : null;
}
