import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type SecureContext } from "node:tls";
import type { LookupFunction } from "node:net";

/** TCP keep-alive: a peer that vanished without a word is noticed during a long silence. */
const keepAliveAfterMs = 30_000;
const tunnelHeadBytesMax = 16 * 1024;

export interface SocketPlace {
  readonly origin: URL;
  readonly proxy: URL | null;
  /** Who vouches for the origin; null: as is usual. */
  readonly trust: SecureContext | null;
  readonly lookup: LookupFunction;
  /** Of an earlier connection to the origin. */
  readonly session: Buffer | null;
}

export interface SocketListener {
  /** Ready for a request: connected, tunnelled, and encrypted. */
  onReady(): void;
  /** The first `length` bytes are meant; they will not stay there. */
  onBytes(bytes: Buffer, length: number): void;
  onSession(session: Buffer): void;
  /** The socket at hand; it changes once when a tunnel becomes TLS. */
  onSocket(socket: Socket): void;
  /** The other side has ended its half. */
  onEnd(): void;
  onClose(error: Error | null): void;
}

/** All sockets are read into one buffer, out of which at once is copied what is kept: an allocation of what has come, not of 64 KB per read. */
const readBuffer = Buffer.allocUnsafe(64 * 1024);

/** Opens a connection to an origin: plain, with TLS, or with TLS through a proxy's tunnel. */
export function openSocket(place: SocketPlace, listener: SocketListener): void {
  const { origin, proxy } = place;
  if (proxy !== null) openTunnel(place, proxy, listener);
  else if (origin.protocol === "https:") {
    const socket = connectTls({
      ...tlsOptions(place),
      host: hostOf(origin),
      port: portOf(origin),
      lookup: place.lookup,
      onread: readInto(listener),
    } as ConnectionOptions);
    watchTls(socket, listener);
  } else {
    const socket = connectTcp({ host: hostOf(origin), port: portOf(origin), lookup: place.lookup, noDelay: true, onread: readInto(listener) });
    socket.once("connect", () => listener.onReady());
    watch(socket, listener);
  }
}

function readInto(listener: SocketListener): OnReadOpts {
  return {
    buffer: readBuffer,
    callback: (bytesRead, buffer) => {
      listener.onBytes(buffer as Buffer, bytesRead);
      return true;
    },
  };
}

function watch(socket: Socket, listener: SocketListener): void {
  let failure: Error | null = null;
  socket.setKeepAlive(true, keepAliveAfterMs);
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("end", () => listener.onEnd());
  socket.on("close", () => listener.onClose(failure));
  listener.onSocket(socket);
}

function watchTls(socket: ReturnType<typeof connectTls>, listener: SocketListener): void {
  socket.setNoDelay(true);
  socket.once("secureConnect", () => listener.onReady());
  socket.on("session", (session) => listener.onSession(session));
  watch(socket, listener);
}

function tlsOptions({ origin, session, trust }: SocketPlace): ConnectionOptions {
  const host = hostOf(origin);
  return {
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(session === null ? {} : { session }),
    ...(trust === null ? {} : { secureContext: trust }),
    ALPNProtocols: ["http/1.1"],
  };
}

/** `CONNECT host:port` (RFC 9110, section 9.3.6): behind the proxy's 200 the socket is the origin's. */
function openTunnel(place: SocketPlace, proxy: URL, listener: SocketListener): void {
  const target = `${place.origin.hostname}:${portOf(place.origin)}`;
  const socket = connectTcp({ host: hostOf(proxy), port: portOf(proxy), lookup: place.lookup, noDelay: true });
  let failure: Error | null = null;
  let head = "";
  const onClose = (): void => listener.onClose(failure ?? new Error("the proxy closed the connection"));
  const onData = (data: Buffer): void => {
    head += data.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end === -1 && head.length <= tunnelHeadBytesMax) return;
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
    if (status !== "200" || end + 4 !== head.length) {
      failure = new Error(`the proxy answered ${status ?? "no HTTP"} to CONNECT`);
      socket.destroy();
      return;
    }
    socket.removeListener("data", onData);
    socket.removeListener("close", onClose);
    const secure = connectTls({ ...tlsOptions(place), socket });
    secure.on("data", (bytes: Buffer) => listener.onBytes(bytes, bytes.length));
    watchTls(secure, listener);
  };
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", onClose);
  socket.on("data", onData);
  socket.once("connect", () => socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${proxyKey(proxy)}\r\n`));
  listener.onSocket(socket);
}

function proxyKey(proxy: URL): string {
  if (proxy.username === "") return "";
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `proxy-authorization: Basic ${Buffer.from(user).toString("base64")}\r\n`;
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function portOf(url: URL): number {
  if (url.port !== "") return Number(url.port);
  return url.protocol === "https:" ? 443 : 80;
}
