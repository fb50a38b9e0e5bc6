import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { InputError } from "../../router/config/problem.ts";
import { hasKey, type MockDialect, type MockPlace, type MockRequest } from "./dialects/mock-dialect.ts";
import { badRequest, openAiError } from "./http-refusal.ts";
import type { MockEndpoint } from "./mock-endpoint.ts";
import { emptyPage, hostedSurface, jsonPage, type MockSurface, notAllowed, notFound } from "./mock-surface.ts";
import { breakStream, noWireFaults, readFaults, refusalOf, type WireFaults } from "./wire-faults.ts";
import { greet, refuse, writePage, writeRefusal } from "./write-answer.ts";

const bodyBytesMax = 64 * 1024 * 1024;
/** vLLM's (uvicorn's) own: an idle connection is closed after 5 s. */
const keepAliveMs = 5_000;
const listenAgainMs = 50;
/** A vLLM takes more than Node does where nothing is said. */
const headerBytesMax = 128 * 1024;
const tooLarge = openAiError(413, `the body is larger than ${bodyBytesMax} bytes`, "BadRequestError", null, 413);

/** One origin of the fleet: its provider's HTTP surface over the endpoints that share it (several only where deployments of one hosted API do). */
export class MockServer {
  readonly #endpoints: readonly MockEndpoint[];
  readonly #onCall: () => void;
  readonly #surface: MockSurface;
  readonly #server: Server;
  #host = "";
  #port = 0;
  #closed = false;
  #listenAgainTimer: NodeJS.Timeout | null = null;
  #faults: WireFaults = noWireFaults;

  constructor(endpoints: readonly MockEndpoint[], onCall: () => void) {
    this.#endpoints = endpoints;
    this.#onCall = onCall;
    this.#surface = endpoints[0]?.dialect.surface() ?? hostedSurface();
    this.#server = createServer(
      { keepAliveTimeout: keepAliveMs, keepAliveTimeoutBuffer: 0, noDelay: true, maxHeaderSize: headerBytesMax },
      (request, response) => this.#answer(request, response),
    );
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
    const url = request.url ?? "/";
    const path = url.split("?", 1)[0] ?? "/";
    if (path === "/mock/faults") {
      this.#administer(request, response);
      return;
    }
    if (this.#faults.hangs) return;
    const headers = this.#surface.headersOf(request);
    if (headers !== null) greet(response, headers);
    const guarded = this.#surface.guard(request, path);
    const called = guarded === null ? this.#calledAt(url) : null;
    if (guarded !== null) refuse(request, response, guarded);
    else if (called === null) this.#page(path, url, request, response);
    else if (request.method === "POST") {
      this.#surface.watch(path, request, response);
      this.#faultyCall(called, request, response);
    } else refuse(request, response, notAllowed(["POST"]));
  }

  #page(path: string, url: string, request: IncomingMessage, response: ServerResponse): void {
    if (path === "/health" && this.#faults.engineDead) {
      refuse(request, response, { ...emptyPage, status: 503 });
      return;
    }
    const pages = this.#surface.pagesAt(path);
    const page = pages?.[request.method ?? "GET"];
    if (page === undefined) {
      refuse(request, response, pages === null ? notFound : notAllowed(Object.keys(pages)));
      return;
    }
    readWhole(request, (body) => {
      const query = new URL(url, "http://mock").searchParams;
      const write = async (): Promise<void> => writePage(response, await page({ path, query, headers: request.headers, body, models: this.#endpoints }));
      if (path.startsWith("/metrics") && this.#faults.metricsMs > 0) setTimeout(() => void write(), this.#faults.metricsMs);
      else void write();
    });
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
        writePage(response, notAllowed(["GET", "POST", "DELETE"]));
        return;
      }
      writePage(response, jsonPage(this.#faults));
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
    const refusal = refusalOf(faults, called.place.operation);
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
    const { dialect, place } = called;
    if (!hasKey(dialect, request.headers)) {
      request.resume();
      writeRefusal(response, place.operation.refusal({ kind: "no-key" }));
      return;
    }
    readWhole(
      request,
      (body) =>
        this.#surface.admit(() => this.#receive(called, { bytes: body, headers: request.headers, place, stored: this.#surface.stored ?? null }, response)),
      () => writeRefusal(response, tooLarge),
    );
  }

  #receive({ dialect, place }: Called, request: MockRequest, response: ServerResponse): void {
    const parsed = place.operation.parse(request);
    if (parsed.kind === "refused") {
      writeRefusal(response, parsed.refusal);
      return;
    }
    const model = place.model ?? (parsed.kind === "told" ? parsed.model : parsed.body.model);
    const own = this.#endpoints.filter((candidate) => candidate.dialect === dialect);
    const endpoint = own.find((candidate) => model === null || candidate.model === model);
    if (endpoint === undefined) {
      const known = own.map((candidate) => candidate.model);
      writeRefusal(response, place.operation.refusal({ kind: "unknown-model", model: model ?? "", known }));
      return;
    }
    if (parsed.kind === "told") {
      writePage(response, jsonPage(parsed.tell(endpoint)));
      return;
    }
    this.#onCall();
    endpoint.receive(parsed.body, place.operation, request.headers, response);
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

interface Called {
  readonly dialect: MockDialect;
  readonly place: MockPlace;
}

function listenProblem(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const message = `cannot listen there (${error.code ?? error.message})`;
  const fix = "free the port, or use --ports ephemeral";
  return new InputError([{ file: `${host}:${port}`, line: null, column: null, field: null, message, fix }]);
}
