import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Empty where it is no JSON. */
  readonly body: Record<string, unknown>;
  /** Latin-1. */
  readonly raw: string;
  readonly port: number;
  /** On performance.now(): the router closed the connection before the answer was whole. */
  closedMs: number | null;
  /** Writes that the kernel took, in bytes: stops growing when nobody reads. */
  written: number;
}

export type Script = (response: ServerResponse, seen: SeenRequest) => void;

/** A provider that answers each request by the next script, and by `otherwise` when there is none left. */
export class ScriptedUpstream {
  readonly seen: SeenRequest[] = [];
  /** What `GET /metrics` answers; null: it is not there. */
  metrics: string | null = null;
  scrapes = 0;
  /** What `GET /health` answers; null: nothing, for ever. */
  health: number | null = 200;
  probes = 0;
  readonly #server: Server;
  readonly #scripts: Script[] = [];
  otherwise: Script = chatAnswer("hello");

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => this.#receive(request, response));
  }

  static async start(options: { keepAliveTimeout?: number } = {}): Promise<ScriptedUpstream> {
    const server = createServer(options);
    const upstream = new ScriptedUpstream(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return upstream;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  next(...scripts: Script[]): void {
    this.#scripts.push(...scripts);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === "GET" && request.url === "/metrics") {
      this.scrapes += 1;
      response.writeHead(this.metrics === null ? 404 : 200, { "content-type": "text/plain; version=1.0.0; charset=utf-8" }).end(this.metrics ?? "");
      return;
    }
    if (request.method === "GET" && request.url === "/health") {
      this.probes += 1;
      if (this.health !== null) response.writeHead(this.health, { "content-length": "0" }).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const raw = Buffer.concat(chunks).toString("latin1");
      const isJson = (request.headers["content-type"] ?? "").startsWith("application/json") && raw !== "";
      const body = (isJson ? JSON.parse(Buffer.concat(chunks).toString("utf8")) : {}) as Record<string, unknown>;
      const { method = "", url = "" } = request;
      const seen: SeenRequest = { method, path: url, headers: request.headers, body, raw, port: request.socket.remotePort ?? 0, closedMs: null, written: 0 };
      this.seen.push(seen);
      response.on("close", () => {
        if (!response.writableFinished) seen.closedMs = performance.now();
      });
      response.on("error", () => undefined);
      (this.#scripts.shift() ?? this.otherwise)(response, seen);
    });
  }
}

const usage = { prompt_tokens: 11, completion_tokens: 3, total_tokens: 14, prompt_tokens_details: { cached_tokens: 4 } };

export function chatAnswer(text: string): Script {
  return (response) => {
    const choice = { index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ id: "chatcmpl-1", object: "chat.completion", created: 1, model: "upstream-model", choices: [choice], usage }));
  };
}

export function errorAnswer(status: number, message: string, headers: Readonly<Record<string, string>> = {}, code: string | null = null): Script {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ error: { message, type: "scripted", param: null, code } }));
  };
}

export const sse = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
export const delta = (fields: Readonly<Record<string, unknown>>, finish: string | null = null): string =>
  sse({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1,
    model: "upstream-model",
    choices: [{ index: 0, delta: fields, finish_reason: finish }],
  });
const usageEvent = sse({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "upstream-model", choices: [], usage });
export const doneEvent = "data: [DONE]\n\n";

/** Whole events, `gapMs` apart; then `end` says how it goes on. */
export function chatStream(events: readonly string[], options: { readonly gapMs?: number; readonly end?: "end" | "cut" | "hang" } = {}): Script {
  const { gapMs = 0, end = "end" } = options;
  return (response, seen) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    response.flushHeaders();
    const send = (place: number): void => {
      const event = events[place];
      if (seen.closedMs !== null) return;
      if (event === undefined) {
        if (end === "end") response.end();
        else if (end === "cut") response.destroy();
        return;
      }
      seen.written += event.length;
      response.write(event, () => setTimeout(() => send(place + 1), gapMs));
    };
    send(0);
  };
}

/** What vLLM sends: the role, one chunk per word, the usage where it is asked for, the end. */
export function wordStream(words: readonly string[], options: { readonly gapMs?: number; readonly end?: "end" | "cut" | "hang" } = {}): Script {
  return (response, seen) => {
    const wantsUsage = (seen.body["stream_options"] as { include_usage?: boolean } | undefined)?.include_usage === true;
    const deltas = words.map((word, place) => delta({ content: word }, place === words.length - 1 ? "stop" : null));
    const tail = options.end === undefined || options.end === "end" ? [...(wantsUsage ? [usageEvent] : []), doneEvent] : [];
    chatStream([delta({ role: "assistant", content: "" }), ...deltas, ...tail], options)(response, seen);
  };
}
