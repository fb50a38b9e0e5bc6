import { readFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { gzipSync } from "node:zlib";

/** An exchange with a real vLLM 0.32 server, as it was recorded. */
export interface Exchange {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>> | string;
    readonly body: object | string | null;
  };
  readonly response: {
    readonly status: number | null;
    readonly headers: readonly (readonly [string, string])[];
    readonly body?: string;
    /** One for each event of a stream. */
    readonly chunks?: readonly string[];
  };
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export function readLines<Line>(folder: string, file: string): readonly Line[] {
  const lines = readFileSync(path.join(folder, "calibration/vllm-wire", file), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as Line);
}

export const readExchanges = (folder: string, file: string): readonly Exchange[] => readLines<Exchange>(folder, file);

/** Of the recording, a token each. */
const words = (count: number): string => " th".repeat(count);
const chat = (content: string, more: object): string => JSON.stringify({ model: "tiny", messages: [{ role: "user", content }], temperature: 0, ...more });

/** Bodies that the recording tells in words only. The chat template adds 12 tokens. */
const described: Readonly<Record<string, () => string | Buffer>> = {
  "err input too long": () => chat(words(8_300), { max_tokens: 4 }),
  "err input too long stream": () => chat(words(8_300), { max_tokens: 4, stream: true }),
  "err input exactly max": () => chat(words(8_180), { max_tokens: 1 }),
  "ok input max-1": () => chat(words(8_179), { max_tokens: 1 }),
  "input + max_tokens over the limit is ACCEPTED (max_tokens clamped)": () => chat(words(3), { max_tokens: 8_190 }),
  "err input too long no max_tokens": () => chat(words(8_300), {}),
  "err very long input 100k words": () => chat(" prateas".repeat(100_000), {}),
  truncate_prompt_tokens: () => chat(" sh st".repeat(150), { max_tokens: 1, truncate_prompt_tokens: 100 }),
  "err completion input too long": () => JSON.stringify({ model: "tiny", prompt: words(8_300), max_tokens: 4 }),
  "err completion ids too long": () => JSON.stringify({ model: "tiny", prompt: Array.from({ length: 8_300 }, () => 300), max_tokens: 4 }),
  "err gzip body": () => gzipSync(chat(" sh", { max_tokens: 1 })),
  "err huge body 40 MB": () => chat("x".repeat(40_000_000), {}),
  "messages too long": () => JSON.stringify({ model: "tiny", max_tokens: 3, messages: [{ role: "user", content: words(8_300) }] }),
};

const manyHeaders = (count: number): Record<string, string> => Object.fromEntries(Array.from({ length: count }, (_, place) => [`x-${place}`, "1"]));
const describedHeaders: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "err huge header": { "x-big": "a".repeat(70_000) },
  "header 20k": { "x-big": "a".repeat(20_000) },
  "many header count 200": manyHeaders(200),
  "many header count 300": manyHeaders(300),
};

function bytesOf({ name, request: { body } }: Exchange): Buffer {
  const made = described[name]?.();
  if (made !== undefined) return Buffer.from(made);
  // A byte that begins a character and is not followed by the rest of it.
  if (name === "err truncated utf8")
    return Buffer.concat([Buffer.from('{"model":"tiny","messages":[{"role":"user","content":"'), Buffer.from([0xe4]), Buffer.from('"}]}')]);
  if (name === "err json null") return Buffer.from("null");
  if (body === null) return Buffer.alloc(0);
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

/** Sends a recorded request, byte for byte where it can be, and waits for the end of the connection. */
export async function replayExchange(exchange: Exchange, origin: string): Promise<WireAnswer> {
  const { name, request } = exchange;
  const body = bytesOf(exchange);
  const own = describedHeaders[name] ?? (typeof request.headers === "string" ? {} : request.headers);
  const headers = Object.entries(own).filter(([key]) => key.toLowerCase() !== "content-length");
  const version = name === "http 1.0" ? "1.0" : "1.1";
  const length = request.body === null && body.length === 0 ? [] : [["content-length", String(body.length)] as const];
  const lines = [["host", "mock"] as const, ["connection", "close"] as const, ...headers, ...length].map(([key, value]) => `${key}: ${value}`);
  const head = `${request.method} ${request.path} HTTP/${version}\r\n${lines.join("\r\n")}\r\n\r\n`;
  return readAnswer(await roundTrip(origin, Buffer.concat([Buffer.from(head), body])));
}

function roundTrip(origin: string, bytes: Buffer): Promise<Buffer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(chunks)));
  });
}

function readAnswer(bytes: Buffer): WireAnswer {
  const text = bytes.toString("utf8");
  const end = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n");
  const status = Number(statusLine.split(" ")[1]);
  if (status === 100) return readAnswer(bytes.subarray(Buffer.byteLength(text.slice(0, end + 4))));
  const headers = lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()] as const);
  const rest = text.slice(end + 4);
  const chunked = headers.some(([name, value]) => name === "transfer-encoding" && value === "chunked");
  return { status, headers, body: chunked ? dechunked(rest) : rest };
}

function dechunked(text: string): string {
  const bytes = Buffer.from(text);
  let at = 0;
  let body = "";
  for (;;) {
    const line = bytes.indexOf("\r\n", at);
    const length = Number.parseInt(bytes.subarray(at, line).toString("latin1"), 16);
    if (line === -1 || Number.isNaN(length) || length === 0) return body;
    body += bytes.subarray(line + 2, line + 2 + length).toString("utf8");
    at = line + 2 + length + 2;
  }
}
