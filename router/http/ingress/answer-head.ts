import { STATUS_CODES } from "node:http";

/** What ends a line, or the head: in a value it would begin something of its own. Node's own writer refuses the same. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

/** The head of an answer up to its framing: the caller adds `content-length` or `transfer-encoding`, and the blank line. @param headers name, value, name, value */
export function answerHead(status: number, headers: readonly string[], added: readonly string[], connectionLines: string): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n${linesOf(headers)}${linesOf(added)}${dateLine()}${connectionLines}`;
}

function linesOf(headers: readonly string[]): string {
  let lines = "";
  for (let place = 0; place + 1 < headers.length; place += 2) {
    const value = headers[place + 1] ?? "";
    if (unsendable.test(value)) throw new Error(`assertion: the header ${headers[place]} has a character that does not belong there`);
    lines += `${headers[place]}: ${value}\r\n`;
  }
  return lines;
}

let second = 0;
let line = "";

function dateLine(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    line = `date: ${new Date(now * 1000).toUTCString()}\r\n`;
  }
  return line;
}
