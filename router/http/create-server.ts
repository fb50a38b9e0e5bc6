import { createServer as createPlain, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createSecure } from "node:https";
import type { Duplex } from "node:stream";
import type { TlsSpec } from "../config/service-spec.ts";
import { errorDialect } from "./error-dialect.ts";
import { badHttp, headersTooLarge, type HttpError, tooSlow, unknownExpectation, wrongMethod } from "./http-errors.ts";
import { sendError } from "./model-route.ts";

/** Above the idle time of the load balancers that stand in front (60 s is usual), so that they close first. */
const keepAliveMs = 75_000;
/** What a caller may take to send its request, so that one that trickles does not hold a connection for ever. 20 MB in five minutes is 70 KB/s. */
const patience = { headersTimeout: 15_000, requestTimeout: 300_000, connectionsCheckingInterval: 2_000 };
const headerBytesMax = 16 * 1024;
const lingerMs = 500;

export interface ServerPatience {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly connectionsCheckingInterval: number;
}

/** Node's parser, strict: a request that can be read in two ways is refused, and its connection closed. */
export function createServer(tls: TlsSpec | null, onRequest: RequestListener, given: Partial<ServerPatience> = {}): Server {
  const options: ServerOptions = {
    ...patience,
    ...given,
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: headerBytesMax,
    insecureHTTPParser: false,
    // Refused by the handler, in the callers' dialect.
    requireHostHeader: false,
    noDelay: true,
  };
  const server =
    tls === null ? createPlain(options, onRequest) : createSecure({ ...options, cert: tls.cert, key: tls.key, ALPNProtocols: ["http/1.1"] }, onRequest);
  server.on("clientError", refuseBroken);
  server.on("connect", (_request, socket) => refuseOn(socket, wrongMethod("CONNECT", "this address")));
  server.on("checkExpectation", (request, response) => {
    request.resume();
    sendError(response, "openai-chat", unknownExpectation, ["connection", "close"]);
  });
  return server;
}

/** What is no request gets an answer all the same, where one can still be written. */
function refuseBroken(problem: NodeJS.ErrnoException, socket: Duplex): void {
  if (problem.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  refuseOn(socket, errorOf(problem.code));
}

function refuseOn(socket: Duplex, error: HttpError): void {
  const body = errorDialect("openai-chat").body(error);
  const head = `HTTP/1.1 ${error.status} ${reasonOf[error.status] ?? "Bad Request"}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`);
  // After a CONNECT nobody else listens any more, and a connection that is reset would end the process.
  socket.on("error", () => undefined);
  // What still comes is thrown away, for a moment: closed at once, the answer could be lost with it.
  socket.resume();
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

const reasonOf: Readonly<Record<number, string>> = { 405: "Method Not Allowed", 408: "Request Timeout", 431: "Request Header Fields Too Large" };

function errorOf(code: string | undefined): HttpError {
  if (code === "HPE_HEADER_OVERFLOW") return headersTooLarge(headerBytesMax);
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? tooSlow : badHttp;
}
