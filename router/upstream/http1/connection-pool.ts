import { performance } from "node:perf_hooks";
import { Connection, type ConnectionOwner } from "./connection.ts";
import type { Caller, Http1Call } from "./http1-call.ts";
import type { SocketPlace } from "./open-socket.ts";

/** vLLM closes a connection that was idle for 5.0 s. */
const reuseWindowMs = 3500;
/** A handshake is dear, and the load balancers before hosted APIs keep connections longer: AWS's 60 s unless told otherwise, others minutes. Who closes earlier is seen to have closed. */
const reuseWindowOfTlsMs = 50_000;
/** A name is resolved when a connection is opened: no connection outlives a move of its host for longer. */
const ageMaxMs = 5 * 60_000;
/** As many connections as there are calls: a cap below the number of streams would be a hidden queue, and the core has its own. This one only keeps file descriptors in bounds. */
const connectionsMax = 16_384;

/** The connections to one origin; the one that was used last is used first, so that few stay warm and the rest can go. */
export class ConnectionPool implements ConnectionOwner, Caller {
  readonly #place: Omit<SocketPlace, "session">;
  readonly #reuseWindowMs: number;
  readonly #idle: Connection[] = [];
  #open = 0;
  #session: Buffer | null = null;
  #closing = false;

  constructor(place: Omit<SocketPlace, "session">) {
    this.#place = place;
    this.#reuseWindowMs = place.origin.protocol === "https:" ? reuseWindowOfTlsMs : reuseWindowMs;
  }

  get hasIdle(): boolean {
    return this.#idle.length > 0;
  }

  give(call: Http1Call): void {
    const connection = this.#takeIdle();
    if (connection === null && this.#open >= connectionsMax) call.refuse(`${this.#place.origin.origin}: more than ${connectionsMax} connections`);
    else call.start(connection);
  }

  openFor(call: Http1Call): Connection {
    this.#open += 1;
    return new Connection({ ...this.#place, session: this.#session }, call, this);
  }

  onIdle(connection: Connection): void {
    if (this.#closing) connection.destroy();
    else this.#idle.push(connection);
  }

  onGone(): void {
    this.#open -= 1;
  }

  onSession(session: Buffer): void {
    this.#session = session;
  }

  /** Those that have been idle for too long. */
  trim(): void {
    const oldestMs = performance.now() - this.#reuseWindowMs;
    const kept = this.#idle.findIndex(({ isGone, idleSinceMs }) => !isGone && idleSinceMs > oldestMs);
    for (const connection of this.#idle.splice(0, kept === -1 ? this.#idle.length : kept)) connection.destroy();
  }

  /** Closes what is idle now, and the rest when it has its answer. */
  close(): void {
    this.#closing = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  #takeIdle(): Connection | null {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return null;
      if (connection.isGone) continue;
      const nowMs = performance.now();
      if (nowMs - connection.idleSinceMs < this.#reuseWindowMs && nowMs - connection.openedMs < ageMaxMs) return connection;
      connection.destroy();
    }
  }
}
