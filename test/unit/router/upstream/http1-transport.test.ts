import { spawnSync } from "node:child_process";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { millis } from "../../../../router/core/time.ts";
import { wholeBody } from "../../../../router/providers/sent-body.ts";
import { type SendableHead, sendableHead } from "../../../../router/upstream/http1/sendable-head.ts";
import { Http1Transport } from "../../../../router/upstream/http1-transport.ts";
import type { UpstreamHandler, UpstreamHead, UpstreamProblem } from "../../../../router/upstream/upstream-transport.ts";
import { until } from "../../../support/loop-time.ts";
import { projectRoot } from "../../../support/project-root.ts";

interface Ending {
  readonly kind: "end" | "broken";
  readonly problem: UpstreamProblem | null;
}

class Heard implements UpstreamHandler {
  status = 0;
  bytes = 0;
  readonly endings: Ending[] = [];
  onHead({ status }: UpstreamHead): void {
    this.status = status;
  }
  onData(chunk: Buffer): void {
    this.bytes += chunk.length;
  }
  onReadOver(): void {}
  onEnd(): void {
    this.endings.push({ kind: "end", problem: null });
  }
  onBroken(problem: UpstreamProblem): void {
    this.endings.push({ kind: "broken", problem });
  }
}

type OnRequest = (socket: Socket, connection: number, request: number) => void;

/** A TCP server that answers each whole request (their bodies are `{}`) as told. */
async function rawServer(onRequest: OnRequest): Promise<{ origin: string; connections: Socket[] }> {
  const connections: Socket[] = [];
  let requests = 0;
  const server = createServer((socket) => {
    const connection = connections.push(socket) - 1;
    socket.on("error", () => undefined);
    socket.on("data", () => onRequest(socket, connection, requests++));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
}

const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

const postHead = (origin: string): SendableHead =>
  sendableHead({ method: "POST", host: new URL(origin).host, path: "/", headers: ["content-type", "application/json"] });

function send(transport: Http1Transport, origin: string, connectMs = 1000): { heard: Heard; call: ReturnType<Http1Transport["send"]> } {
  const heard = new Heard();
  const call = transport.send({ origin, head: postHead(origin), body: wholeBody(Buffer.from("{}")), connect: millis(connectMs) }, heard);
  return { heard, call };
}

async function ended({ heard }: { heard: Heard }): Promise<Ending | undefined> {
  await until(() => heard.endings.length > 0, 5000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(heard.endings).toHaveLength(1);
  return heard.endings[0];
}

describe("calls over HTTP/1.1", () => {
  test("a connection is used again, and a reset on it before any answer byte is retried once on a fresh one", async () => {
    const transport = new Http1Transport();
    const server = await rawServer((socket, connection, request) => {
      if (connection === 0 && request > 0) socket.resetAndDestroy();
      else socket.write(ok);
    });
    expect((await ended(send(transport, server.origin)))?.kind).toBe("end");
    const second = send(transport, server.origin);
    expect((await ended(second))?.kind).toBe("end");
    expect(second.heard.status).toBe(200);
    expect(server.connections).toHaveLength(2);
  });

  test("a reset on a fresh connection is told, not retried", async () => {
    const transport = new Http1Transport();
    const server = await rawServer((socket) => socket.resetAndDestroy());
    expect((await ended(send(transport, server.origin)))?.problem?.kind).toBe("cut");
    expect(server.connections).toHaveLength(1);
  });

  test("a reset after the first answer byte on a used connection is told, not retried", async () => {
    const transport = new Http1Transport();
    const server = await rawServer((socket, _connection, request) => {
      if (request === 0) {
        socket.write(ok);
        return;
      }
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
      setTimeout(() => socket.resetAndDestroy(), 20);
    });
    await ended(send(transport, server.origin));
    expect((await ended(send(transport, server.origin)))?.problem?.kind).toBe("cut");
    expect(server.connections).toHaveLength(1);
  });

  test("a refused connection is connect-failed; so is one that takes too long", async () => {
    const transport = new Http1Transport();
    expect((await ended(send(transport, "http://127.0.0.1:1")))?.problem?.kind).toBe("connect-failed");
    // TEST-NET-1 answers nothing, or the network refuses it at once: both are connect-failed.
    const slow = send(transport, "http://192.0.2.1:9", 50);
    expect((await ended(slow))?.problem?.kind).toBe("connect-failed");
  });

  test("an abort closes the connection at once and tells nothing more", async () => {
    const transport = new Http1Transport();
    let closed = false;
    const server = await rawServer((socket) => {
      socket.on("close", () => {
        closed = true;
      });
      socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n");
    });
    const { heard, call } = send(transport, server.origin);
    await until(() => heard.bytes === 2);
    call.abort();
    await until(() => closed, 200);
    expect(heard.endings).toHaveLength(0);
  });

  test("an abort while connecting sends nothing", async () => {
    const transport = new Http1Transport();
    let requests = 0;
    const server = await rawServer(() => {
      requests += 1;
    });
    const { heard, call } = send(transport, server.origin);
    expect(call.sent).toBe(false);
    call.abort();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(requests).toBe(0);
    expect(heard.endings).toHaveLength(0);
  });

  test("an idle connection is not used again after the reuse window", async () => {
    const transport = new Http1Transport();
    let closedMs = 0;
    const server = await rawServer((socket) => {
      socket.on("close", () => {
        closedMs = performance.now();
      });
      socket.write(ok);
    });
    await ended(send(transport, server.origin));
    const startMs = performance.now();
    await until(() => closedMs > 0, 6000);
    expect(closedMs - startMs).toBeLessThan(4900);
  });

  test("a connection is never half-closed: a vLLM server takes that for an abort", async () => {
    const transport = new Http1Transport();
    let halfClosed = false;
    const server = await rawServer((socket) => {
      socket.on("end", () => (halfClosed = true));
      setTimeout(() => socket.write(ok), 60);
    });
    expect((await ended(send(transport, server.origin)))?.kind).toBe("end");
    expect(halfClosed).toBe(false);
    transport.close();
  });

  test("what a handler throws ends the process", () => {
    const transport = JSON.stringify(path.join(projectRoot, "router/upstream/http1-transport.ts"));
    const heads = JSON.stringify(path.join(projectRoot, "router/upstream/http1/sendable-head.ts"));
    const program = `
      import { createServer } from "node:http";
      import { Http1Transport } from ${transport};
      import { sendableHead } from ${heads};
      const server = createServer((request, response) => response.end("ok")).listen(0, "127.0.0.1", () => {
        const handler = { onHead() {}, onData() { throw new Error("broken invariant"); }, onEnd() {}, onBroken(problem) { console.log(problem); process.exit(0); } };
        const origin = "http://127.0.0.1:" + server.address().port;
        const head = sendableHead({ method: "POST", host: "127.0.0.1", path: "/", headers: [] });
        new Http1Transport().send({ origin, head, body: { source: Buffer.from("{}"), splices: [] }, connect: 1e6 }, handler);
      });`;
    const ran = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8", timeout: 8000 });
    expect(ran.status).toBe(1);
    expect(ran.stderr).toContain("broken invariant");
  });
});
