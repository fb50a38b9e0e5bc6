import { connect } from "node:net";
import type { FuzzedRequest } from "./fuzz-requests.ts";
import { askPlainly, fuzzPatience, Waiting } from "./patience.ts";

export interface Heard {
  /** Everything, Latin-1. */
  readonly text: string;
  /** Null: the connection was still open when patience ended. */
  readonly ended: "end" | "reset" | null;
  /** Why patience ended; empty: it did not. */
  readonly hang: string;
}

/** Sends the request on a connection of its own, and hears all until the service has closed it. */
export async function callOnce(port: number, request: FuzzedRequest, patience = fuzzPatience, askAnother = async () => askPlainly(port)): Promise<Heard> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const chunks: Buffer[] = [];
    let ended: Heard["ended"] = "end";
    let hang = "";
    const waiting = new Waiting(patience, askAnother, (why) => {
      ended = null;
      hang = why;
      socket.destroy();
    });
    socket.on("data", (data: Buffer) => chunks.push(data));
    socket.on("error", () => (ended = ended === null ? null : "reset"));
    socket.on("close", () => {
      waiting.stop();
      resolve({ text: Buffer.concat(chunks).toString("latin1"), ended, hang });
    });
    let place = 0;
    const next = (): void => {
      const piece = request.pieces[place];
      place += 1;
      if (socket.destroyed) return;
      if (piece !== undefined)
        socket.write(piece, "latin1", () => (request.pauseMs > 0 ? setTimeout(next, request.pauseMs / request.pieces.length) : setImmediate(next)));
      else if (request.afterwards === "leave") socket.destroy();
      else if (request.afterwards === "end") socket.end();
    };
    next();
  });
}

export interface HeardAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** By its own framing. */
  readonly whole: boolean;
}

/** The answers on a connection; of the last one as much as there is. Null: something that is no HTTP/1.1 answer. */
export function answersIn(text: string, isHead: boolean): HeardAnswer[] | null {
  const answers: HeardAnswer[] = [];
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\r\n\r\n", at);
    const head = /^HTTP\/1\.1 (\d{3}) [^\r\n]*((?:\r\n[^\r\n:]+: ?[^\r\n]*)*)$/.exec(text.slice(at, end));
    if (end === -1 || head === null) return null;
    const header = (name: string): string | undefined => new RegExp(`\r\n${name}: ([^\r\n]*)`, "i").exec(head[2] ?? "")?.[1];
    const [status, start] = [Number(head[1]), end + 4];
    const length = header("content-length");
    const type = header("content-type") ?? "";
    if (status === 100 || status === 204 || isHead) {
      answers.push({ status, type, body: "", whole: true });
      at = start;
    } else if (length !== undefined) {
      const body = text.slice(start, start + Number(length));
      answers.push({ status, type, body, whole: body.length === Number(length) });
      at = start + Number(length);
    } else {
      const chunked = header("transfer-encoding") === "chunked";
      const read = chunked ? unchunked(text, start) : { body: text.slice(start), end: text.length, whole: true };
      if (read === null) return null;
      answers.push({ status, type, body: read.body, whole: read.whole });
      at = read.end;
    }
  }
  return answers;
}

function unchunked(text: string, start: number): { readonly body: string; readonly end: number; readonly whole: boolean } | null {
  let body = "";
  for (let at = start; ;) {
    const line = text.indexOf("\r\n", at);
    if (line === -1) return { body, end: text.length, whole: false };
    const size = Number.parseInt(text.slice(at, line), 16);
    if (!Number.isInteger(size)) return null;
    if (size === 0) return { body, end: line + 4, whole: text.slice(line, line + 4) === "\r\n\r\n" };
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
    if (at > text.length) return { body, end: text.length, whole: false };
  }
}
