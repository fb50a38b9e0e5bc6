/**
 * The fast lane's reading of a request's head: HTTP/1.1 (RFC 9112) cut down to what can be read in one way only. Its specification is what it takes:
 *
 * - `GET`, `POST` or `DELETE`, one space, a path of unreserved and reserved characters, one space, `HTTP/1.1`;
 * - header lines of a token, a colon, at most one space, and a value of visible ASCII with spaces inside; no name twice; a hundred lines at most;
 * - exactly one `host`; `content-length` of decimal digits without a leading zero, up to the given size; `connection` of `keep-alive` or `close` alone; nothing that
 *   frames a body otherwise or changes the protocol;
 * - CRLF behind every line, fewer than 16 KB in all.
 *
 * A head is unfinished when the bytes end before it does and nothing in them is anything else yet. Whatever else comes is not refused here but left to Node's HTTP server, whose parser is the judge of it. So this reader need never be generous, and
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

/** They frame a body in another way, ask for an answer in between, or change the protocol. */
const leftToNode: ReadonlySet<string> = new Set(["transfer-encoding", "expect", "upgrade", "proxy-connection", "trailer", "http2-settings"]);
const methods = ["POST", "GET", "DELETE"].map((name) => ({ name, bytes: Buffer.from(`${name} /`) }));
const version = Buffer.from(" HTTP/1.1\r\n");
const lineEnd = Buffer.from("\r\n");

const space = 0x20;
const colon = 0x3a;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const zero = 0x30;
const lettersAndDigits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const isTarget = tableOf(`${lettersAndDigits}-._~!$&'()*+,;=:@/%?`);
const isToken = tableOf(`${lettersAndDigits}!#$%&'*+-.^_\`|~`);
const isValue = tableOf(Array.from({ length: 0x7f - space }, (_, place) => String.fromCharCode(space + place)).join(""));

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

/** Of the head at hand: where each line's name begins and ends, and its value. */
const places = new Int32Array(4 * headersMax);

/** Null: nothing for the lane. @param headMax where less than usual is allowed */
export function readRequestHead(bytes: Buffer, bodyBytesMax: number, headMax = headBytesMax): RequestHead | "unfinished" | null {
  const method = methods.find((one) => agrees(bytes, one.bytes, 0));
  if (method === undefined) return null;
  const targetAt = method.name.length + 1;
  const targetEnd = endOf(isTarget, bytes, targetAt);
  if (!agrees(bytes, version, targetEnd)) return null;
  const lines = readLines(bytes, targetEnd + version.length);
  if (lines === "unfinished") return bytes.length < headMax ? lines : null;
  if (lines === null || lines.end >= headMax) return null;
  const text = bytes.toString("latin1", 0, lines.end);
  const headers = headersOf(text, lines.count);
  if (headers === null || !headers.has("host")) return null;
  const contentLength = lengthOf(headers.get("content-length"));
  const keepAlive = keepsAlive(headers.get("connection"));
  if (contentLength === null || contentLength > bodyBytesMax || keepAlive === null) return null;
  return { method: method.name, target: text.slice(targetAt, targetEnd), headers, contentLength, keepAlive, bytes: lines.end };
}

/** As far as there are bytes. */
function agrees(bytes: Buffer, word: Buffer, from: number): boolean {
  const count = Math.min(word.length, bytes.length - from);
  for (let place = 0; place < count; place += 1) if (bytes[from + place] !== word[place]) return false;
  return true;
}

/** Behind what is in the table; behind the last byte there is nothing in any. */
function endOf(table: Uint8Array, bytes: Buffer, from: number): number {
  let at = from;
  while (table[bytes[at] ?? 0] === 1) at += 1;
  return at;
}

/** Puts down the places of all lines, up to and with the blank one. */
function readLines(bytes: Buffer, from: number): { readonly count: number; readonly end: number } | "unfinished" | null {
  let at = from;
  let count = 0;
  while (bytes[at] !== carriageReturn) {
    const nameEnd = endOf(isToken, bytes, at);
    if (nameEnd >= bytes.length) return "unfinished";
    if (nameEnd === at || bytes[nameEnd] !== colon || count === headersMax) return null;
    const valueAt = bytes[nameEnd + 1] === space ? nameEnd + 2 : nameEnd + 1;
    const valueEnd = endOf(isValue, bytes, valueAt);
    if (!agrees(bytes, lineEnd, valueEnd)) return null;
    if (valueEnd + 2 > bytes.length) return "unfinished";
    if (valueEnd > valueAt && (bytes[valueAt] === space || bytes[valueEnd - 1] === space)) return null;
    const place = 4 * count;
    places[place] = at;
    places[place + 1] = nameEnd;
    places[place + 2] = valueAt;
    places[place + 3] = valueEnd;
    count += 1;
    at = valueEnd + 2;
  }
  if (at + 2 > bytes.length) return "unfinished";
  return bytes[at + 1] === lineFeed ? { count, end: at + 2 } : null;
}

function headersOf(text: string, count: number): Map<string, string> | null {
  const headers = new Map<string, string>();
  for (let place = 0; place < 4 * count; place += 4) {
    const name = text.slice(places[place], places[place + 1]).toLowerCase();
    if (headers.has(name) || leftToNode.has(name)) return null;
    headers.set(name, text.slice(places[place + 2], places[place + 3]));
  }
  return headers;
}

/** Null: it is not decimal, or longer than any that can be meant. */
function lengthOf(value: string | undefined): number | null {
  if (value === undefined) return 0;
  if (value === "" || value.length > 9 || (value.startsWith("0") && value !== "0")) return null;
  let length = 0;
  for (let place = 0; place < value.length; place += 1) {
    const digit = value.charCodeAt(place) - zero;
    if (digit < 0 || digit > 9) return null;
    length = 10 * length + digit;
  }
  return length;
}

function keepsAlive(value: string | undefined): boolean | null {
  if (value === undefined) return true;
  const option = value.toLowerCase();
  if (option === "keep-alive") return true;
  return option === "close" ? false : null;
}
