import { createServer as createPlain, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createSecure } from "node:https";
import type { Duplex } from "node:stream";
import type { RequestLimits, TlsSpec } from "../config/service-spec.ts";
import { errorDialect } from "./error-dialect.ts";
import { badHttp, headersTooLarge, type HttpError, tooSlow, unknownExpectation, wrongMethod } from "./http-errors.ts";
import type { Exchange } from "./ingress/exchange.ts";
import { FastLane } from "./ingress/fast-lane.ts";
import { isClosing, NodeExchange } from "./ingress/node-exchange.ts";
import { headBytesMax } from "./ingress/request-head.ts";
import { sendError } from "./model-route.ts";

/** How often it is looked for callers that take too long. */
const checkEveryMs = 2_000;
const lingerMs = 500;
/** So long a caller may leave what was written unread, until its connection is closed. */
const unreadMs = 60_000;

export interface ServerPatience {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
  readonly connectionsCheckingInterval: number;
  readonly unreadTimeout: number;
}

export interface Served {
  readonly tls: TlsSpec | null;
  readonly fastLane: boolean;
  readonly limits: RequestLimits;
  readonly serve: (exchange: Exchange) => void;
  /** Answers then say that the connection ends with them. */
  readonly isDraining: () => boolean;
}

/** A server of Node's, with a fast lane in front of it or without. */
export interface CallerServer {
  readonly server: Server;
  closeIdle(): void;
  closeAll(): void;
}

export function createCallerServer(served: Served, given: Partial<ServerPatience> = {}): CallerServer {
  const { tls, serve, isDraining, limits } = served;
  const { headerBytes, bodyBytes, headerTimeMs, requestTimeMs, keepAliveMs, connections } = limits;
  const patience = {
    headersTimeout: headerTimeMs,
    requestTimeout: requestTimeMs,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: checkEveryMs,
    unreadTimeout: unreadMs,
    ...given,
  };
  const server = createServer(served, patience);
  if (connections !== Infinity) server.maxConnections = connections;
  const lane = served.fastLane
    ? new FastLane(server, tls !== null, {
        headBytesMax: Math.min(headerBytes, headBytesMax),
        bodyBytesMax: bodyBytes,
        unreadTimeout: patience.unreadTimeout,
        serve,
        isDraining,
        refuse: (socket, why) => refuseOn(socket, why === "slow" ? tooSlow : badHttp),
        patience,
      })
    : null;
  return {
    server,
    closeIdle: () => {
      server.closeIdleConnections();
      lane?.closeIdle();
    },
    closeAll: () => {
      server.closeAllConnections();
      lane?.closeAll();
    },
  };
}

/** Node's parser, strict: a request that can be read in two ways is refused, and its connection closed. */
function createServer({ tls, serve, isDraining, limits }: Served, { unreadTimeout, ...patience }: ServerPatience): Server {
  const options: ServerOptions = {
    ...patience,
    maxHeaderSize: limits.headerBytes,
    insecureHTTPParser: false,
    // Refused by the handler, in the callers' dialect.
    requireHostHeader: false,
    noDelay: true,
  };
  const underWay = new WeakMap<Duplex, Set<ServerResponse>>();
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (isClosing(request.socket)) return;
    noteUnderWay(underWay, request.socket, response);
    const exchange = new NodeExchange(request, response, unreadTimeout);
    if (isDraining()) exchange.endConnection();
    if (request.headers.host !== undefined || request.httpVersion !== "1.1") serve(exchange);
    else refuse(exchange, badHttp);
  };
  const server =
    tls === null ? createPlain(options, onRequest) : createSecure({ ...options, cert: tls.cert, key: tls.key, ALPNProtocols: ["http/1.1"] }, onRequest);
  /** What is no request gets an answer all the same, where one can still be written: not in the midst of another, and not behind the last. */
  const refuseRest = (socket: Duplex, error: HttpError): void => {
    const midway = [...(underWay.get(socket) ?? [])].some((response) => response.socket === socket && response.headersSent && !response.writableEnded);
    if (midway) socket.destroy();
    else if (isClosing(socket)) lingerOn(socket);
    else refuseOn(socket, error);
  };
  server.on("clientError", (problem: NodeJS.ErrnoException, socket) => {
    if (problem.code === "ECONNRESET") socket.destroy();
    else refuseRest(socket, errorOf(problem.code, limits.headerBytes));
  });
  server.on("connect", (_request, socket) => refuseRest(socket, wrongMethod("CONNECT", "this address")));
  server.on("checkExpectation", (request, response) => {
    if (!isClosing(request.socket)) refuse(new NodeExchange(request, response, unreadTimeout), unknownExpectation);
  });
  return server;
}

function refuse(exchange: NodeExchange, error: HttpError): void {
  exchange.discardBody();
  exchange.endConnection();
  sendError(exchange, "openai-chat", error);
}

function noteUnderWay(underWay: WeakMap<Duplex, Set<ServerResponse>>, socket: Duplex, response: ServerResponse): void {
  const responses = underWay.get(socket) ?? new Set();
  underWay.set(socket, responses.add(response));
  response.on("close", () => responses.delete(response));
}

function refuseOn(socket: Duplex, error: HttpError): void {
  // After a CONNECT nobody else listens any more, and a connection that is reset would end the process.
  socket.on("error", () => undefined);
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = errorDialect("openai-chat").body(error);
  const head = `HTTP/1.1 ${error.status} ${reasonOf[error.status] ?? "Bad Request"}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`);
  lingerOn(socket);
}

/** What still comes is thrown away, for a moment: closed at once, the answer could be lost with it. */
function lingerOn(socket: Duplex): void {
  socket.resume();
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

const reasonOf: Readonly<Record<number, string>> = { 405: "Method Not Allowed", 408: "Request Timeout", 431: "Request Header Fields Too Large" };

function errorOf(code: string | undefined, headerBytes: number): HttpError {
  if (code === "HPE_HEADER_OVERFLOW") return headersTooLarge(headerBytes);
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? tooSlow : badHttp;
}
