import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { FastLane } from "../../../../../router/http/ingress/fast-lane.ts";

const request = "POST /v1/models HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}";
const patience = { headersTimeout: 60_000, requestTimeout: 60_000, keepAliveTimeout: 60_000, connectionsCheckingInterval: 1000 };

/** Sends the pieces one by one. @returns whose answer came */
async function servedBy(pieces: readonly string[]): Promise<string> {
  const server = createServer((_request, response) => response.end("node"));
  const lane = new FastLane(server, false, {
    patience,
    headBytesMax: 16_384,
    bodyBytesMax: 1000,
    unreadTimeout: 60_000,
    isDraining: () => false,
    refuse: (socket) => socket.end("refused"),
    serve: (exchange) => exchange.answer(200, [], Buffer.from("lane")),
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", noDelay: true });
  onTestFinished(() => {
    socket.destroy();
    lane.closeAll();
    server.close();
  });
  const answered = once(socket, "data");
  for (const piece of pieces) {
    socket.write(piece, "latin1");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const [data] = (await answered) as [Buffer];
  return data.toString("latin1").endsWith("lane") ? "lane" : data.toString("latin1").includes("node") ? "node" : "refused";
}

const inPieces = (count: number): string[] =>
  Array.from({ length: count }, (_, place) => request.slice(Math.floor((place * request.length) / count), Math.floor(((place + 1) * request.length) / count)));

test("a head in a few pieces stays in the fast lane; in more, or where a piece is odd, it is Node's", async () => {
  expect(await servedBy([request])).toBe("lane");
  expect(await servedBy(inPieces(3))).toBe("lane");
  expect(await servedBy(inPieces(8))).toBe("lane");
  expect(await servedBy(inPieces(30))).toBe("node");
  expect(await servedBy(inPieces(3).map((piece) => piece.replace("POST", "PUT")))).toBe("node");
});

test.each(["ends its half", "resets its connection"])("a caller that %s has left at once, not when the socket has told that it is closed", async (how) => {
  const server = createServer();
  const seen: string[] = [];
  const served = new Promise<void>((resolve) => {
    const lane = new FastLane(server, false, {
      patience,
      headBytesMax: 16_384,
      bodyBytesMax: 1000,
      unreadTimeout: 60_000,
      isDraining: () => false,
      refuse: () => undefined,
      serve: (exchange) => {
        exchange.watch({ onClosed: () => void seen.push("left"), onDrain: () => undefined });
        resolve();
      },
    });
    onTestFinished(() => lane.closeAll());
  });
  const closed = new Promise<void>((resolve) => {
    server.prependListener("connection", (socket: Socket) => {
      socket.prependListener("close", () => {
        seen.push("closed");
        resolve();
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const caller = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", noDelay: true });
  caller.write(request);
  await served;
  if (how === "ends its half") caller.end();
  else caller.resetAndDestroy();
  await closed;
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual(["left", "closed"]);
});
