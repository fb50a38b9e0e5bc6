import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { type CallerServer, createCallerServer } from "../../../router/http/create-server.ts";
import type { Exchange } from "../../../router/http/ingress/exchange.ts";
import { Dice } from "./dice.ts";
import { answersIn, type HeardAnswer } from "./fuzz-caller.ts";
import { fuzzedHead } from "./fuzz-heads.ts";

const limits = { headerBytes: 16_384, bodyBytes: 20 * 1024 * 1024, headerTimeMs: 15_000, requestTimeMs: 300_000, keepAliveMs: 75_000, connections: Infinity };

export interface LanesReport {
  readonly played: number;
  /** Requests that were served, at the server with the lane. */
  readonly served: number;
  readonly problems: readonly string[];
}

interface Played {
  readonly answers: readonly HeardAnswer[] | null;
  /** In any order: Node begins requests that were sent ahead before it has answered the one in front of them, the lane does not. */
  readonly served: readonly string[];
}

const problemsMax = 5;
const bodyBytesMax = 1024 * 1024;
const digest = (text: string | Buffer): string => createHash("sha256").update(text).digest("hex").slice(0, 12);

/** One connection after another to a server with the fast lane and to one without: callers must not be able to tell them apart, and handlers must be told the same. */
export async function compareLanes(count: number, seed: number, atOnce = 16): Promise<LanesReport> {
  const dice = new Dice(seed, "fuzzed-connections");
  const problems: string[] = [];
  let [begun, served] = [0, 0];
  const worker = async (): Promise<void> => {
    const [lane, node] = await Promise.all([Recorder.start(true), Recorder.start(false)]);
    while (begun < count && problems.length < problemsMax) {
      begun += 1;
      const pieces = fuzzedConnection(dice);
      let both = await Promise.all([lane.play(pieces, 10), node.play(pieces, 10)]);
      // A stall of this machine can come between a request and its caller's end; a difference stays.
      if (!isAlike(...both)) both = await Promise.all([lane.play(pieces, 300), node.play(pieces, 300)]);
      served += both[0].served.length;
      if (!isAlike(...both))
        problems.push(`sent ${pieces.map(shortened).join(" | ")}
  lane ${JSON.stringify(both[0])}
  node ${JSON.stringify(both[1])}`);
    }
    lane.stop();
    node.stop();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { played: begun, served, problems };
}

/**
 * Where something is refused, Node does not answer what was sent in front of it any more, or breaks that answer off, as far as it has not been written yet; the lane
 * gives both. So the answers are compared where there are no refusals, and the requests that were served always.
 */
function isAlike(lane: Played, node: Played): boolean {
  if (!isDeepStrictEqual(lane.served, node.served) || lane.answers === null || node.answers === null) return false;
  const refuses = ({ answers, served }: Played): boolean => answers?.length !== served.length || answers.some(({ status, whole }) => status !== 200 || !whole);
  return refuses(lane) || refuses(node) || isDeepStrictEqual(lane.answers, node.answers);
}

const shortened = (piece: string): string => JSON.stringify(piece.replaceAll(/b{60,}/g, (run) => `[${run.length} b]`));

/** A few requests behind one another, cut into pieces anywhere. */
function fuzzedConnection(dice: Dice): readonly string[] {
  let text = "";
  for (let requests = 1 + dice.below(4); requests > 0; requests -= 1) {
    if (dice.chance(0.6)) text += plainRequest(dice);
    else {
      const { head, body } = fuzzedHead(dice);
      text += head + body;
    }
  }
  // Whose answers have no bodies; they could not be told apart.
  text = text.replaceAll("HEAD ", "HEAP ");
  const cuts = Array.from({ length: dice.chance(0.4) ? 0 : 1 + dice.below(5) }, () => dice.below(text.length)).toSorted((one, other) => one - other);
  return [...cuts, text.length].map((end, place) => text.slice(cuts[place - 1] ?? 0, end)).filter((piece) => piece !== "");
}

function plainRequest(dice: Dice): string {
  const body = "b".repeat(dice.chance(0.1) ? 100_000 : dice.below(50));
  const last = dice.chance(0.1) ? "connection: close\r\n" : "";
  if (dice.chance(0.15)) return `POST /chunked HTTP/1.1\r\nhost: h\r\n${last}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
  return `POST /${dice.pick(["now", "soon", "later", "stream", "early"])} HTTP/1.1\r\nhost: h\r\n${last}content-length: ${body.length}\r\n\r\n${body}`;
}

/** A server that answers each request with what it was told of it. */
class Recorder {
  readonly #callers: CallerServer;
  #served: string[] = [];

  static async start(fastLane: boolean): Promise<Recorder> {
    const recorder = new Recorder(fastLane);
    recorder.#callers.server.listen(0, "127.0.0.1");
    await once(recorder.#callers.server, "listening");
    return recorder;
  }

  private constructor(fastLane: boolean) {
    this.#callers = createCallerServer({ tls: null, fastLane, limits, serve: (exchange) => this.#serve(exchange), isDraining: () => false });
  }

  stop(): void {
    this.#callers.server.close();
    this.#callers.closeAll();
  }

  /** @param quietMs waited before the caller ends its half */
  async play(pieces: readonly string[], quietMs: number): Promise<Played> {
    this.#served = [];
    const socket = connect({ port: (this.#callers.server.address() as AddressInfo).port, host: "127.0.0.1", noDelay: true });
    const chunks: Buffer[] = [];
    socket.on("data", (data: Buffer) => chunks.push(data));
    socket.on("error", () => undefined);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    for (const piece of pieces) {
      if (socket.destroyed) break;
      socket.write(piece, "latin1");
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    }
    for (let heard = -1; heard !== chunks.length;) {
      heard = chunks.length;
      await new Promise((resolve) => setTimeout(resolve, quietMs));
    }
    socket.end();
    await closed;
    return {
      answers: answersIn(
        Buffer.concat(chunks)
          .toString("latin1")
          .replaceAll(/date: [^\r\n]*/gi, "date: x"),
        false,
      ),
      served: this.#served.toSorted(),
    };
  }

  #serve(exchange: Exchange): void {
    const { method, target, headers } = exchange;
    // A caller may end before it is answered; what is answered then belongs to its own connection, not to the next.
    const served = this.#served;
    const answer = (told: string): void => {
      served.push(told);
      exchange.answer(200, ["content-type", "text/plain"], Buffer.from(told));
    };
    if (target === "/early") {
      exchange.discardBody();
      answer(`${method} ${target}`);
      return;
    }
    exchange.receiveBody(
      bodyBytesMax,
      (body) => {
        const seen = ["host", "content-type", "authorization", "x-headgate-tags", "cookie"].map((name) => headers.get(name));
        const told = `${method} ${target.slice(0, 100)} ${digest(JSON.stringify(seen))} ${body.length} ${digest(body)}`;
        if (target === "/soon") setImmediate(() => answer(told));
        else if (target === "/later") setTimeout(() => answer(told), 2);
        else if (target === "/stream") this.#stream(exchange, told);
        else answer(told);
      },
      () => answer("too large"),
    );
  }

  #stream(exchange: Exchange, told: string): void {
    this.#served.push(told);
    exchange.beginStream(["content-type", "text/event-stream"]);
    exchange.writeStream([Buffer.from(told), Buffer.from("\n")], told.length + 1);
    setImmediate(() => exchange.endStream([Buffer.from("end")], 3));
  }
}
