/** Steps over JSON in bytes, as far as that can be done without reading it: each returns the place behind what it steps over, or -1 where it is not sure. */

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** A search by the platform is quicker from here on; before that the call is what it costs. */
const searchFrom = 32;

export function skipBlanks(body: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = body[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

/** @param start the opening quote */
export function skipString(body: Buffer, start: number): number {
  const near = Math.min(body.length, start + searchFrom);
  for (let at = start + 1; at < near; at += 1) {
    const byte = body[at];
    if (byte === quote) return at + 1;
    if (byte === backslash) at += 1;
  }
  return skipLongString(body, start);
}

function skipLongString(body: Buffer, start: number): number {
  let at = start + 1;
  for (;;) {
    const close = body.indexOf(quote, at);
    if (close === -1) return -1;
    let slashes = 0;
    while (body[close - 1 - slashes] === backslash) slashes += 1;
    if (slashes % 2 === 0) return close + 1;
    at = close + 1;
  }
}

export function skipValue(body: Buffer, start: number): number {
  const first = body[start];
  if (first === quote) return skipString(body, start);
  if (first === openBrace || first === openBracket) return skipNested(body, start);
  return skipLiteral(body, start);
}

/** A number, true, false or null. */
function skipLiteral(body: Buffer, start: number): number {
  let at = start;
  while (isOfLiteral(body[at])) at += 1;
  if (at === start) return -1;
  if (isPlainNumber(body, start, at) || isPlainFraction(body, start, at) || isOneOf(body, start, at)) return at;
  try {
    JSON.parse(body.toString("latin1", start, at));
    return at;
  } catch {
    return -1;
  }
}

const words = ["true", "false", "null"].map((word) => Buffer.from(word));

function isOneOf(body: Buffer, start: number, end: number): boolean {
  for (const word of words) if (isWord(body, start, end, word)) return true;
  return false;
}

/** These very bytes stand there. */
export function isWord(body: Buffer, start: number, end: number, word: Uint8Array): boolean {
  if (end - start !== word.length) return false;
  for (let place = 0; place < word.length; place += 1) if (body[start + place] !== word[place]) return false;
  return true;
}

/** Letters, digits, plus, minus, point. */
function isOfLiteral(byte: number | undefined): boolean {
  return (
    byte !== undefined && ((byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45)
  );
}

/** A whole number of a few digits, without a sign. */
export function isPlainNumber(body: Buffer, start: number, end: number): boolean {
  if (end - start > 9 || (body[start] === 0x30 && end - start > 1)) return false;
  for (let at = start; at < end; at += 1) if ((body[at] ?? 0) < 0x30 || (body[at] ?? 0) > 0x39) return false;
  return true;
}

/** Of two such numbers with a point between them. */
function isPlainFraction(body: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end && body[at] !== 0x2e) at += 1;
  if (at === start || at + 1 >= end || !isPlainNumber(body, start, at)) return false;
  for (let place = at + 1; place < end; place += 1) if ((body[place] ?? 0) < 0x30 || (body[place] ?? 0) > 0x39) return false;
  return true;
}

function skipNested(body: Buffer, start: number): number {
  const closers: number[] = [];
  let at = start;
  while (at < body.length) {
    const byte = body[at];
    if (byte === quote) {
      at = skipString(body, at);
      if (at === -1) return -1;
      continue;
    }
    if (byte === openBrace) closers.push(closeBrace);
    else if (byte === openBracket) closers.push(closeBracket);
    else if (byte === closeBrace || byte === closeBracket) {
      if (closers.pop() !== byte) return -1;
      if (closers.length === 0) return at + 1;
    }
    at += 1;
  }
  return -1;
}
