/** Where and how Python's JSON reader gives up on a text that is none: what vLLM's answer quotes. Null: it is JSON. */
export interface JsonProblem {
  readonly at: number;
  readonly message: string;
}

interface Scan {
  readonly text: string;
  at: number;
  problem: JsonProblem | null;
}

const literals = ["true", "false", "null", "NaN", "Infinity", "-Infinity"];
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

export function jsonProblem(text: string): JsonProblem | null {
  const scan: Scan = { text, at: 0, problem: null };
  skipSpace(scan);
  readValue(scan);
  skipSpace(scan);
  if (scan.problem === null && scan.at < text.length) fail(scan, "Extra data");
  return scan.problem;
}

function fail(scan: Scan, message: string, at = scan.at): void {
  scan.problem ??= { at, message };
}

function skipSpace(scan: Scan): void {
  while (scan.at < scan.text.length && " \t\n\r".includes(scan.text.charAt(scan.at))) scan.at += 1;
}

function readValue(scan: Scan): void {
  const next = scan.text.charAt(scan.at);
  if (next === "{") readMembers(scan, "}", readMember);
  else if (next === "[") readMembers(scan, "]", readValue);
  else if (next === '"') readString(scan);
  else readPlain(scan);
}

function readPlain(scan: Scan): void {
  const literal = literals.find((word) => scan.text.startsWith(word, scan.at));
  number.lastIndex = scan.at;
  const length = literal?.length ?? number.exec(scan.text)?.[0].length ?? 0;
  if (length === 0) fail(scan, "Expecting value");
  scan.at += length;
}

function readMembers(scan: Scan, end: "}" | "]", readOne: (scan: Scan) => void): void {
  scan.at += 1;
  skipSpace(scan);
  if (scan.text.charAt(scan.at) === end) {
    scan.at += 1;
    return;
  }
  for (;;) {
    readOne(scan);
    skipSpace(scan);
    if (scan.problem !== null) return;
    const next = scan.text.charAt(scan.at);
    if (next === end) {
      scan.at += 1;
      return;
    }
    if (next !== ",") {
      fail(scan, "Expecting ',' delimiter");
      return;
    }
    scan.at += 1;
    skipSpace(scan);
  }
}

function readMember(scan: Scan): void {
  if (scan.text.charAt(scan.at) !== '"') {
    fail(scan, "Expecting property name enclosed in double quotes");
    return;
  }
  readString(scan);
  skipSpace(scan);
  if (scan.problem !== null) return;
  if (scan.text.charAt(scan.at) !== ":") {
    fail(scan, "Expecting ':' delimiter");
    return;
  }
  scan.at += 1;
  skipSpace(scan);
  readValue(scan);
}

function readString(scan: Scan): void {
  const from = scan.at;
  for (scan.at += 1; scan.at < scan.text.length; scan.at += 1) {
    const next = scan.text.charAt(scan.at);
    if (next === "\\") scan.at += 1;
    else if (next === '"') {
      scan.at += 1;
      return;
    } else if (next < " ") {
      fail(scan, "Invalid control character at");
      return;
    }
  }
  fail(scan, "Unterminated string starting at", from);
}
