import { createServer, type IncomingMessage, type Server } from "node:http";
import { Duplex } from "node:stream";

export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  /** As Node's `rawHeaders`. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly keepAlive: boolean;
}

/** A connection without a network: what is pushed into it has come from the other side. */
class BytesIn extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

/** What Node's HTTP server, as strict as the service's, reads in some bytes; up to the first thing that it refuses. */
export class NodeReading {
  readonly #server: Server;
  #read: ReadRequest[] = [];

  constructor() {
    const options = { insecureHTTPParser: false, requireHostHeader: false, maxHeaderSize: 16 * 1024 };
    this.#server = createServer(options, (request, response) => {
      this.#note(request, response.shouldKeepAlive);
      response.end();
    });
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  async of(bytes: Buffer): Promise<readonly ReadRequest[]> {
    this.#read = [];
    const connection = new BytesIn();
    this.#server.emit("connection", connection);
    connection.push(bytes);
    await new Promise((resolve) => setImmediate(resolve));
    connection.destroy();
    return this.#read;
  }

  #note(request: IncomingMessage, keepAlive: boolean): void {
    const place = this.#read.length;
    const read = { method: request.method ?? "", target: request.url ?? "", headers: request.rawHeaders, body: "", keepAlive };
    this.#read[place] = read;
    request.on("data", (data: Buffer) => (this.#read[place] = { ...read, body: (this.#read[place]?.body ?? "") + data.toString("latin1") }));
  }
}
