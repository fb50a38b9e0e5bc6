import { Client, type Dispatcher, Pool } from "undici";
import type { ResponseHeaders } from "../providers/provider-adapter.ts";
import type { UpstreamCall, UpstreamHandler, UpstreamProblem, UpstreamRequest, UpstreamTransport } from "./upstream-transport.ts";

/** vLLM closes a connection that was idle for 5.0 s; undici's timers may be up to a second late. */
const reuseWindowMs = 3500;
/** Beyond any connect limit: the request's own limit gives up long before. */
const connectTimeoutMs = 120_000;

const connectionOptions = {
  allowH2: false,
  pipelining: 1,
  headersTimeout: 0,
  bodyTimeout: 0,
  connectTimeout: connectTimeoutMs,
  keepAliveTimeout: reuseWindowMs,
  keepAliveMaxTimeout: reuseWindowMs,
} satisfies Pool.Options;

/** One pool per origin, as many connections as there are calls: a cap below the number of streams would be a hidden queue, and the core has its own. */
export class UndiciTransport implements UpstreamTransport {
  readonly #pools = new Map<string, Pool>();

  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const call = new UndiciCall(request, handler);
    call.dispatch(this.#poolOf(request.origin));
    return call;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(async (pool) => pool.close()));
  }

  #poolOf(origin: string): Pool {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, { ...connectionOptions, connections: null, factory: (url, options) => new Connection(url, options) });
      this.#pools.set(origin, pool);
    }
    return pool;
  }
}

/** A pool's connection, which knows whether the request that it sends is the first one since it was made. */
class Connection extends Client {
  #fresh = true;

  constructor(url: string | URL, options?: Client.Options) {
    super(url, options);
    this.on("connect", () => {
      this.#fresh = true;
    });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (handler instanceof UndiciCall) handler.connection = this;
    return super.dispatch(options, handler);
  }

  /** @returns whether the connection has been used before */
  use(): boolean {
    const reused = !this.#fresh;
    this.#fresh = false;
    return reused;
  }
}

type CallState = "connecting" | "sent" | "answering" | "over";

class UndiciCall implements UpstreamCall, Dispatcher.DispatchHandler {
  readonly #request: UpstreamRequest;
  readonly #handler: UpstreamHandler;
  #controller: Dispatcher.DispatchController | null = null;
  #state: CallState = "connecting";
  connection: Connection | null = null;
  #paused = false;
  /** The request went out on a connection that had been used before. */
  #reused = false;
  #dispatching = false;
  #connectTimer: NodeJS.Timeout | null = null;

  constructor(request: UpstreamRequest, handler: UpstreamHandler) {
    this.#request = request;
    this.#handler = handler;
  }

  get sent(): boolean {
    return this.#controller !== null;
  }

  dispatch(dispatcher: Dispatcher): void {
    const { path, headers, body } = this.#request;
    const method = this.#request.method as Dispatcher.HttpMethod;
    this.#dispatching = true;
    dispatcher.dispatch({ path, method, headers: headers as string[], body }, this);
    this.#dispatching = false;
    if (this.#state !== "connecting") return;
    this.#connectTimer = setTimeout(
      () => {
        this.#break({ kind: "connect-failed", message: `no connection to ${this.#request.origin} within ${this.#request.connect / 1000} ms` });
      },
      Math.ceil(this.#request.connect / 1000),
    );
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#state === "over") return;
    this.#close();
    this.#controller?.abort(new Error("aborted"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#state === "over") {
      controller.abort(new Error("given up while connecting"));
      return;
    }
    this.#clearConnectTimer();
    this.#controller = controller;
    this.#reused = this.connection?.use() === true;
    this.#state = "sent";
    if (this.#paused) controller.pause();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (this.#state === "over" || status < 200) return;
    this.#state = "answering";
    try {
      this.#handler.onHead(status, headers);
    } catch (error) {
      crash(error);
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state === "over") return;
    try {
      this.#handler.onData(chunk);
    } catch (error) {
      crash(error);
    }
  }

  onResponseEnd(): void {
    if (this.#state === "over") return;
    this.#close();
    try {
      this.#handler.onEnd();
    } catch (error) {
      crash(error);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#state === "over") return;
    if (this.#state === "sent" && this.#reused) {
      this.#sendAgain();
      return;
    }
    const kind = this.#state === "connecting" ? "connect-failed" : "cut";
    const message = `${this.#request.origin}: ${error.message === "" ? error.name : error.message}`;
    // An error within `dispatch` itself is told after the caller has its call.
    if (this.#dispatching) setImmediate(() => this.#break({ kind, message }));
    else this.#break({ kind, message });
  }

  /** The provider closed an idle connection just as we used it: no answer byte has come, so a fresh connection takes the request, once, and it is no failure. */
  #sendAgain(): void {
    this.#controller = null;
    this.#state = "connecting";
    const fresh = new Connection(this.#request.origin, connectionOptions);
    this.dispatch(fresh);
    void fresh.close().catch(() => undefined);
  }

  #break(problem: UpstreamProblem): void {
    if (this.#state === "over") return;
    this.#close();
    this.#handler.onBroken(problem);
  }

  #close(): void {
    this.#state = "over";
    this.#clearConnectTimer();
  }

  #clearConnectTimer(): void {
    if (this.#connectTimer === null) return;
    clearTimeout(this.#connectTimer);
    this.#connectTimer = null;
  }
}

/** undici would make a broken connection of what a handler throws; a broken invariant of ours must end the process instead. */
function crash(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
