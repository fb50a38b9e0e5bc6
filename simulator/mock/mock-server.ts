import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { InputError } from "../../router/config/problem.ts";
import { hasKey, type MockDialect, type MockPlace } from "./dialects/mock-dialect.ts";
import { badRequest, openAiError, type HttpRefusal } from "./http-refusal.ts";
import { writeRefusal } from "./mock-call.ts";
import type { MockEndpoint } from "./mock-endpoint.ts";
import { vllmMetricsType } from "./vllm/vllm-metrics.ts";
import { breakStream, noWireFaults, readFaults, refusalOf, type WireFaults } from "./wire-faults.ts";
import { countWords } from "./word-count.ts";

const bodyBytesMax = 64 * 1024 * 1024;
/** vLLM's (uvicorn's) own: an idle connection is closed after 5 s. */
const keepAliveMs = 5_000;
const listenAgainMs = 50;
const notFound: HttpRefusal = { status: 404, body: '{"detail":"Not Found"}', retryAfterSeconds: null };
const notAllowed: HttpRefusal = { status: 405, body: '{"detail":"Method Not Allowed"}', retryAfterSeconds: null };
const tooLarge = openAiError(413, `the body is larger than ${bodyBytesMax} bytes`, "BadRequestError", null, 413);

/** One origin of the fleet: its provider's HTTP surface over the endpoints that share it (several only where deployments of one hosted API do). */
export class MockServer {
  readonly #endpoints: readonly MockEndpoint[];
  readonly #onCall: () => void;
  readonly #server: Server;
  #host = "";
  #port = 0;
  #closed = false;
  #listenAgainTimer: NodeJS.Timeout | null = null;
  #faults: WireFaults = noWireFaults;

  constructor(endpoints: readonly MockEndpoint[], onCall: () => void) {
    this.#endpoints = endpoints;
    this.#onCall = onCall;
    this.#server = createServer({ keepAliveTimeout: keepAliveMs, noDelay: true }, (request, response) => this.#answer(request, response));
    this.#server.on("connection", (socket) => {
      if (this.#isDown()) socket.resetAndDestroy();
    });
  }

  /** @param port 0: any. @returns the origin */
  async listen(host: string, port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => reject(listenProblem(error, host, port));
      this.#server.once("error", fail);
      this.#server.listen(port, host, () => {
        this.#server.removeListener("error", fail);
        this.#server.on("error", () => this.#listenAgainSoon());
        resolve();
      });
    });
    this.#host = host;
    this.#port = (this.#server.address() as AddressInfo).port;
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.#port}`;
  }

  /** A dead process has no connections and no listening port: callers are refused. The model has cut the running calls already. */
  followFaults(): void {
    if (this.#closed) return;
    if (!this.#isDown()) {
      if (!this.#server.listening) this.#server.listen(this.#port, this.#host);
      return;
    }
    if (this.#server.listening) this.#server.close();
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#listenAgainTimer !== null) clearTimeout(this.#listenAgainTimer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Somebody took the port meanwhile: an outgoing connection of this machine, as a rule, and not for long. */
  #listenAgainSoon(): void {
    this.#listenAgainTimer ??= setTimeout(() => {
      this.#listenAgainTimer = null;
      this.followFaults();
    }, listenAgainMs);
  }

  #isDown(): boolean {
    return this.#endpoints.every(({ isDown }) => isDown);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    if (path === "/mock/faults") {
      this.#administer(request, response);
      return;
    }
    if (this.#faults.hangs) return;
    const called = this.#calledAt(request.url ?? "/");
    if (called !== null) {
      if (request.method === "POST") this.#faultyCall(called, request, response);
      else writeRefusal(response, notAllowed);
      return;
    }
    if (path === "/tokenize" && request.method === "POST") {
      readWhole(request, (body) => this.#tokenize(body, response));
      return;
    }
    request.resume();
    const page = this.#pageAt(path);
    if (page === null) writeRefusal(response, notFound);
    else if (request.method === "GET" || (path === "/ping" && request.method === "POST")) page(response);
    else writeRefusal(response, notAllowed);
  }

  /** What a server tells with GET; null: there is nothing. */
  #pageAt(path: string): ((response: ServerResponse) => void) | null {
    switch (path) {
      case "/health":
      case "/ping":
        return (response) => {
          response.writeHead(200, ["content-length", "0"]);
          response.end();
        };
      case "/version":
        return (response) => writeJson(response, { version: "0.32.0+headgate-mock" });
      case "/v1/models":
        return (response) => writeJson(response, { object: "list", data: this.#endpoints.map(modelEntry) });
      case "/load":
        return (response) => writeJson(response, { server_load: this.#endpoints.reduce((sum, { load }) => sum + load, 0) });
      case "/metrics":
      case "/metrics/":
        return this.#endpoints.every((endpoint) => endpoint.metrics() === null) ? null : (response) => this.#writeMetrics(response);
      default:
        return null;
    }
  }

  #writeMetrics(response: ServerResponse): void {
    setTimeout(() => {
      const text = this.#endpoints.map((endpoint) => endpoint.metrics() ?? "").join("");
      response.writeHead(200, ["content-type", vllmMetricsType, "content-length", String(Buffer.byteLength(text))]);
      response.end(text);
    }, this.#faults.metricsMs);
  }

  #tokenize(body: Buffer, response: ServerResponse): void {
    const [endpoint] = this.#endpoints;
    const text = promptOf(body);
    if (text === null) {
      writeRefusal(
        response,
        badRequest("1 validation error:\n  {'type': 'missing', 'loc': 'body.prompt', 'msg': 'Field required', 'input': '<dict>'}", "body.prompt"),
      );
      return;
    }
    const count = countWords(text);
    const tokens = Array.from({ length: count }, (_, place) => place);
    writeJson(response, { count, max_model_len: endpoint?.modelTokensMax ?? null, tokens, token_strs: null });
  }

  /** `GET`, `POST` and `DELETE /mock/faults`: see wire-faults.ts. */
  #administer(request: IncomingMessage, response: ServerResponse): void {
    readWhole(request, (body) => {
      if (request.method === "DELETE") this.#faults = noWireFaults;
      else if (request.method === "POST") {
        const parsed = readFaults(body);
        if (typeof parsed === "string") {
          writeRefusal(response, badRequest(parsed, null));
          return;
        }
        this.#faults = parsed;
      } else if (request.method !== "GET") {
        writeRefusal(response, notAllowed);
        return;
      }
      writeJson(response, this.#faults);
    });
  }

  #faultyCall(called: Called, request: IncomingMessage, response: ServerResponse): void {
    const faults = this.#faults;
    if (faults === noWireFaults || Math.random() >= faults.share) {
      breakStream(response, () => (this.#faults.share === 1 ? this.#faults : noWireFaults));
      this.#call(called, request, response);
      return;
    }
    if (faults.reset) {
      request.socket.resetAndDestroy();
      return;
    }
    const refusal = refusalOf(faults);
    if (refusal !== null) request.resume();
    breakStream(response, () => this.#faults);
    const answer = (): void => {
      if (refusal !== null) writeRefusal(response, refusal);
      else this.#call(called, request, response);
    };
    if (faults.latencyMs > 0) setTimeout(answer, faults.latencyMs);
    else answer();
  }

  #calledAt(url: string): Called | null {
    for (const { dialect } of this.#endpoints) {
      const place = dialect.callAt(url);
      if (place !== null) return { dialect, place };
    }
    return null;
  }

  #call(called: Called, request: IncomingMessage, response: ServerResponse): void {
    if (!hasKey(called.dialect, request.headers)) {
      request.resume();
      writeRefusal(response, called.dialect.refusal({ kind: "no-key" }));
      return;
    }
    readWhole(
      request,
      (body) => this.#receive(called, body, response),
      () => writeRefusal(response, tooLarge),
    );
  }

  #receive({ dialect, place }: Called, bytes: Buffer, response: ServerResponse): void {
    const parsed = dialect.parse(bytes, place);
    if (parsed.kind === "refused") {
      writeRefusal(response, parsed.refusal);
      return;
    }
    const model = place.model ?? parsed.body.model;
    const own = this.#endpoints.filter((candidate) => candidate.dialect === dialect);
    const endpoint = own.find((candidate) => model === null || candidate.model === model);
    if (endpoint === undefined) {
      const known = own.map((candidate) => candidate.model);
      writeRefusal(response, dialect.refusal({ kind: "unknown-model", model: model ?? "", known }));
      return;
    }
    this.#onCall();
    endpoint.receive(parsed.body, response);
  }
}

function readWhole(request: IncomingMessage, whole: (body: Buffer) => void, refuse: () => void = () => undefined): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bodyBytesMax) chunks.push(chunk);
  });
  request.on("end", () => {
    const [first] = chunks;
    if (bytes > bodyBytesMax) refuse();
    else whole(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks));
  });
}

/** A completion's prompt, or the contents of a chat's messages; null: neither. */
function promptOf(body: Buffer): string | null {
  try {
    const { prompt, messages } = JSON.parse(body.toString("utf8")) as { readonly prompt?: unknown; readonly messages?: unknown };
    if (typeof prompt === "string") return prompt;
    if (!Array.isArray(messages)) return null;
    return messages.map((message: { readonly content?: unknown }) => (typeof message.content === "string" ? message.content : "")).join(" ");
  } catch {
    return null;
  }
}

interface Called {
  readonly dialect: MockDialect;
  readonly place: MockPlace;
}

function listenProblem(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const message = `cannot listen there (${error.code ?? error.message})`;
  const fix = "free the port, or use --ports ephemeral";
  return new InputError([{ file: `${host}:${port}`, line: null, column: null, field: null, message, fix }]);
}

function writeJson(response: ServerResponse, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(200, ["content-type", "application/json", "content-length", String(Buffer.byteLength(text))]);
  response.end(text);
}

function modelEntry(endpoint: MockEndpoint): object {
  const { model, modelTokensMax } = endpoint;
  return { id: model, object: "model", created: 1_700_000_000, owned_by: "vllm", root: model, parent: null, max_model_len: modelTokensMax, permission: [] };
}
