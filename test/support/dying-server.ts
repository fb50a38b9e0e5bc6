import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** How a connection ends: both halves with FIN, with RST, or only the server's half, which goes on reading. */
export type Ending = "closes" | "resets" | "half-closes";

/** Until when a server in shutdown plays along. */
export type Moment =
  | "on accept"
  | "before it has read"
  | "between head and body"
  | "after the request"
  | "in the answer's head"
  | "behind the answer's head"
  | "in the answer's body";

export const moments: readonly Moment[] = [
  "on accept",
  "before it has read",
  "between head and body",
  "after the request",
  "in the answer's head",
  "behind the answer's head",
  "in the answer's body",
];
export const endings: readonly Ending[] = ["closes", "resets", "half-closes"];

/** What it does with a connection. */
export type Conduct = (socket: Socket) => void;

/** A server of bare connections that behave as told. */
export class DyingServer {
  connections = 0;
  origin = "";
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(conduct: Conduct, pauseOnConnect: boolean) {
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect }, (socket) => {
      this.connections += 1;
      this.#open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#open.delete(socket));
      conduct(socket);
    });
  }

  static async start(conduct: Conduct, pauseOnConnect = false): Promise<DyingServer> {
    const server = new DyingServer(conduct, pauseOnConnect);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    server.origin = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}`;
    onTestFinished(() => server.refuse("resets"));
    return server;
  }

  /** From now on nobody listens there; what is open stays. */
  stopListening(): void {
    this.#server.close();
  }

  /** ... and what is open ends. */
  refuse(ending: Ending): void {
    this.#server.close();
    for (const socket of this.#open) end(socket, ending);
  }
}

export function end(socket: Socket, ending: Ending): void {
  if (ending === "resets") socket.resetAndDestroy();
  else if (ending === "closes") socket.destroy();
  else socket.on("end", () => socket.destroy()).end();
}

/** Calls with the bytes so far, until it returns true. */
function reading(socket: Socket, done: (soFar: string) => boolean): void {
  let soFar = "";
  const onData = (data: Buffer): void => {
    soFar += data.toString("latin1");
    if (done(soFar)) socket.off("data", onData);
  };
  socket.on("data", onData);
}

function whenHead(socket: Socket, then: () => void): void {
  reading(socket, (soFar) => {
    const whole = soFar.includes("\r\n\r\n");
    if (whole) then();
    return whole;
  });
}

/** @param then hears the request, and again each one that follows on the connection */
export function whenRequest(socket: Socket, then: (request: string) => void): void {
  reading(socket, (soFar) => {
    const head = soFar.indexOf("\r\n\r\n");
    const length = Number(/content-length: (\d+)/i.exec(soFar)?.[1] ?? 0);
    const whole = head !== -1 && soFar.length >= head + 4 + length;
    if (whole) {
      then(soFar);
      whenRequest(socket, then);
    }
    return whole;
  });
}

const role =
  'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n';

/** The beginning of an answer, as far as its server lived. */
function begun(moment: Moment, stream: boolean): string {
  const head = stream
    ? "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
    : "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 760\r\n\r\n";
  if (moment === "in the answer's head") return head.slice(0, 30);
  if (moment === "behind the answer's head") return head;
  return head + (stream ? `${role.length.toString(16)}\r\n${role}\r\n` : '{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"mess');
}

/** Every connection dies at this moment. */
export function dyingAt(moment: Moment, ending: Ending): Conduct {
  return (socket) => {
    if (moment === "on accept") end(socket, ending);
    // Nothing is read: what has come lies unread when it ends, so that the kernel resets the connection, as with a backlog that nobody accepted.
    else if (moment === "before it has read") setTimeout(() => end(socket, ending), 20);
    else if (moment === "between head and body") whenHead(socket, () => end(socket, ending));
    else
      whenRequest(socket, (request) => {
        if (moment === "after the request") end(socket, ending);
        else socket.write(begun(moment, request.includes('"stream":true')), () => end(socket, ending));
      });
  };
}
