import type { Server } from "node:http";
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { LaneConnection, type LaneOwner, type LanePatience } from "./lane-connection.ts";

export interface FastLaneOptions extends Pick<LaneOwner, "headBytesMax" | "bodyBytesMax" | "unreadTimeout" | "serve" | "isDraining" | "refuse"> {
  readonly patience: LanePatience & { readonly connectionsCheckingInterval: number };
}

/**
 * Stands in front of Node's HTTP server and serves what can be read in one way only (request-head.ts) on the socket itself: no IncomingMessage, no ServerResponse, no
 * streams of them, no timer per request. The first request that is anything else goes to Node's server, with its connection for the rest of its life.
 */
export class FastLane {
  readonly #connections = new Set<LaneConnection>();

  /** @param server takes its connections from here on */
  constructor(server: Server, isSecure: boolean, { patience, ...options }: FastLaneOptions) {
    const event = isSecure ? "secureConnection" : "connection";
    const [toNode, ...others] = server.listeners(event) as ((socket: Socket) => void)[];
    if (toNode === undefined || others.length > 0) throw new Error("assertion: Node's HTTP server does not take its connections as it used to");
    server.removeListener(event, toNode);
    const owner: LaneOwner = { ...options, handOver: (socket) => toNode.call(server, socket), forget: (connection) => this.#connections.delete(connection) };
    const keepAliveLine = `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(patience.keepAliveTimeout / 1000)}\r\n`;
    server.on(event, (socket: Socket) => this.#connections.add(new LaneConnection(socket, owner, keepAliveLine)));
    const sweep = setInterval(() => this.#sweep(patience), patience.connectionsCheckingInterval).unref();
    server.on("close", () => clearInterval(sweep));
  }

  closeIdle(): void {
    for (const connection of this.#connections) if (connection.isIdle) connection.destroy();
  }

  closeAll(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  #sweep(patience: LanePatience): void {
    const nowMs = performance.now();
    for (const connection of this.#connections) connection.sweep(nowMs, patience);
  }
}
