/**
 * node load-generator.ts JSON: loads one HTTP/1.1 server with one request over and over, from bytes that are made once, and prints one JSON line.
 *
 * `closed`: so many connections, each sends its next request when it has its answer. `open`: Poisson arrivals at a rate; a latency counts from the instant
 * at which the request was due, so that a server that stalls is charged for those it kept waiting. `streams`: as closed, for paced streams.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import process from "node:process";

export interface LoadSpec {
  readonly kind: "closed" | "open" | "streams";
  readonly port: number;
  readonly path: string;
  readonly headers: readonly string[];
  readonly bodyFile: string;
  readonly connections: number;
  /** Of `open`. */
  readonly perSecond: number;
  readonly seconds: number;
}

/** Times in milliseconds; `first`: to the first token of a stream, which is not its first event: that one only names the role. */
export interface LoadFigures {
  readonly completed: number;
  readonly failed: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly firstP50: number;
  readonly firstP99: number;
}

const endOfHead = Buffer.from("\r\n\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");
const contentField = Buffer.from('"content":"');
const quote = 0x22;
const drainMs = 3000;

class Connection {
  readonly #socket: Socket;
  readonly #onEnd: (connection: Connection, ok: boolean) => void;
  startMs = 0;
  firstMs = Number.NaN;
  #head: Buffer | null = null;
  #bytesLeft = -1;
  #status = 0;
  #busy = false;

  constructor(port: number, onEnd: (connection: Connection, ok: boolean) => void) {
    this.#onEnd = onEnd;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (data) => this.#read(data));
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => this.#ended(false));
  }

  send(request: Buffer, startMs: number): void {
    this.#busy = true;
    this.startMs = startMs;
    this.firstMs = Number.NaN;
    this.#status = 0;
    this.#bytesLeft = -1;
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(data: Buffer): void {
    const body = this.#status === 0 ? this.#readHead(data) : data;
    if (body === null) return;
    if (Number.isNaN(this.firstMs) && hasContent(body)) this.firstMs = performance.now();
    if (this.#bytesLeft >= 0) {
      this.#bytesLeft -= body.length;
      if (this.#bytesLeft <= 0) this.#ended(this.#status === 200);
    } else if (body.length >= lastChunk.length && body.subarray(-lastChunk.length).equals(lastChunk)) this.#ended(this.#status === 200);
  }

  #readHead(data: Buffer): Buffer | null {
    const seen = this.#head === null ? data : Buffer.concat([this.#head, data]);
    const end = seen.indexOf(endOfHead);
    if (end === -1) {
      this.#head = seen;
      return null;
    }
    this.#head = null;
    const head = seen.toString("latin1", 0, end);
    this.#status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#bytesLeft = length === undefined ? -1 : Number(length);
    return seen.subarray(end + endOfHead.length);
  }

  #ended(ok: boolean): void {
    if (!this.#busy) return;
    this.#busy = false;
    this.#onEnd(this, ok);
  }
}

function hasContent(events: Buffer): boolean {
  for (let at = events.indexOf(contentField); at !== -1; at = events.indexOf(contentField, at + 1)) {
    const code = events[at + contentField.length];
    if (code !== undefined && code !== quote) return true;
  }
  return false;
}

function requestBytes(spec: LoadSpec): Buffer {
  const body = readFileSync(spec.bodyFile);
  const head = [
    `POST ${spec.path} HTTP/1.1`,
    `host: 127.0.0.1:${spec.port}`,
    "content-type: application/json",
    ...spec.headers,
    `content-length: ${body.length}`,
    "",
    "",
  ];
  return Buffer.concat([Buffer.from(head.join("\r\n")), body]);
}

const sum = { completed: 0, failed: 0, latencies: [] as number[], firsts: [] as number[] };

function count(connection: Connection, ok: boolean): void {
  if (!ok) {
    sum.failed += 1;
    return;
  }
  sum.completed += 1;
  sum.latencies.push(performance.now() - connection.startMs);
  if (!Number.isNaN(connection.firstMs)) sum.firsts.push(connection.firstMs - connection.startMs);
}

async function runClosed(spec: LoadSpec): Promise<void> {
  const request = requestBytes(spec);
  const endMs = performance.now() + spec.seconds * 1000;
  let open = spec.connections;
  await new Promise<void>((resolve) => {
    const next = (connection: Connection, ok: boolean): void => {
      count(connection, ok);
      if (ok && performance.now() < endMs) {
        connection.send(request, performance.now());
        return;
      }
      connection.close();
      open -= 1;
      if (open === 0) resolve();
    };
    for (let place = 0; place < spec.connections; place += 1) {
      // Streams begin apart, so that their chunks do not come in one burst.
      setTimeout(() => new Connection(spec.port, next).send(request, performance.now()), spec.kind === "streams" ? (place * 300) / spec.connections : 0);
    }
    setTimeout(resolve, spec.seconds * 1000 + drainMs);
  });
}

async function runOpen(spec: LoadSpec): Promise<void> {
  const request = requestBytes(spec);
  const idle: Connection[] = [];
  const overdue: number[] = [];
  let underWay = 0;
  const ended = (connection: Connection, ok: boolean): void => {
    count(connection, ok);
    underWay -= 1;
    const dueMs = overdue.shift();
    if (dueMs === undefined) idle.push(connection);
    else send(connection, dueMs);
  };
  const send = (connection: Connection, dueMs: number): void => {
    underWay += 1;
    connection.send(request, dueMs);
  };
  for (let place = 0; place < spec.connections; place += 1) idle.push(new Connection(spec.port, ended));
  const startMs = performance.now() + 100;
  const endMs = startMs + spec.seconds * 1000;
  let dueMs = startMs;
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const nowMs = performance.now();
      while (dueMs <= nowMs && dueMs < endMs) {
        const connection = idle.pop();
        if (connection === undefined) overdue.push(dueMs);
        else send(connection, dueMs);
        dueMs += (-Math.log(1 - Math.random()) * 1000) / spec.perSecond;
      }
      if (dueMs >= endMs && (underWay === 0 || nowMs > endMs + drainMs)) resolve();
      else if (dueMs - nowMs > 2 && dueMs < endMs) setTimeout(tick, dueMs - nowMs - 1.5);
      else setImmediate(tick);
    };
    tick();
  });
}

function quantile(values: readonly number[], share: number): number {
  const ordered = Float64Array.from(values).toSorted();
  return ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * share))] ?? Number.NaN;
}

const spec = JSON.parse(process.argv[2] ?? "") as LoadSpec;
const beganMs = performance.now();
await (spec.kind === "open" ? runOpen(spec) : runClosed(spec));
const figures: LoadFigures = {
  completed: sum.completed,
  failed: sum.failed,
  seconds: (performance.now() - beganMs) / 1000,
  p50: quantile(sum.latencies, 0.5),
  p99: quantile(sum.latencies, 0.99),
  firstP50: quantile(sum.firsts, 0.5),
  firstP99: quantile(sum.firsts, 0.99),
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);
