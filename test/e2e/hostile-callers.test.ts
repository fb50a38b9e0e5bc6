import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request as requestTls } from "node:https";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { startLive } from "../support/live-service.ts";
import { until } from "../support/loop-time.ts";
import { chatRequest, RawCaller } from "../support/raw-caller.ts";
import { chatAnswer, wordStream } from "../support/scripted-upstream.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const post = "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n";
const hidden = "GET /v1/models HTTP/1.1\r\nhost: h\r\n\r\n";

describe("requests that can be read in two ways are refused, and what hides behind them is not read", () => {
  const smuggled: Readonly<Record<string, string>> = {
    "content-length and transfer-encoding": `${post}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    "two content-lengths": `${post}content-length: 2\r\ncontent-length: 40\r\n\r\n{}${hidden}`,
    "a transfer-encoding that is not chunked": `${post}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
    "a transfer-encoding behind a tab": `${post}transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n${hidden}`,
    "a header that goes on in the next line": `${post}x-one: a\r\n content-length: 4\r\ncontent-length: x\r\n\r\n{}${hidden}`,
    "a blank before the colon": `${post}content-length : 2\r\n\r\n{}${hidden}`,
    "a chunk size that is no number": `${post}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n${hidden}`,
    "a chunk size beyond all numbers": `${post}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}${hidden}`,
    "a chunk that is longer than it says": `${post}transfer-encoding: chunked\r\n\r\n2\r\n{}{}\r\n0\r\n\r\n${hidden}`,
    "no host": `POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}`,
    "no HTTP at all": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
  };
  const ways = [true, false].flatMap((fastLane) =>
    Object.entries(smuggled).map(([name, bytes]) => [name, fastLane ? "" : ", without the fast lane", bytes] as const),
  );
  test.each(ways)("%s%s", async (_name, without, bytes) => {
    const live = await startLive({ fastLane: without === "" });
    const caller = new RawCaller(live.running.url).write(bytes);
    await caller.end();
    expect(caller.statuses).toEqual([400]);
    expect(caller.received).not.toContain('"object":"list"');
    expect(live.upstreams[0]?.seen).toHaveLength(0);
  });
});

describe.each([true, false])("what was sent ahead, fast lane: %s", (fastLane) => {
  const nonsense = "xx yy\r\n\r\n";
  const connect = "CONNECT h:80 HTTP/1.1\r\nhost: h\r\n\r\n";

  test.each([nonsense, connect])("a refusal is not written into a stream that is under way: %j", async (behind) => {
    const live = await startLive({ fastLane });
    live.upstreams[0]?.next(wordStream(["one", "two"], { gapMs: 20 }));
    const caller = new RawCaller(live.running.url).write(chatRequest({ stream: true }));
    await until(() => caller.received.includes("one"));
    caller.write(behind);
    await caller.end();
    const refused = caller.received.indexOf("HTTP/1.1 4");
    expect(refused === -1 || caller.received.lastIndexOf("\r\n0\r\n\r\n", refused) !== -1).toBe(true);
  });

  test.each([nonsense, connect, hidden, `${chatRequest({ model: "none" })}${nonsense}`])(
    "behind an answer that is the connection's last nothing is served, and nothing breaks: %j",
    async (behind) => {
      const live = await startLive({ fastLane });
      const caller = new RawCaller(live.running.url).write(
        `${post}expect: wonders\r\ncontent-length: 2\r\n\r\n{}${chatRequest({ model: "none", x: "x".repeat(100_000) })}${behind}${behind}`,
      );
      await caller.end();
      expect(caller.statuses[0]).toBe(417);
      expect(caller.statuses).not.toContain(200);
      expect(caller.statuses).not.toContain(404);
      expect((await fetch(`${live.running.url}/health`)).status).toBe(200);
    },
  );
});

test("a caller that asks for a tunnel and resets its connection leaves the service standing", async () => {
  const live = await startLive();
  for (let round = 0; round < 5; round += 1) {
    const caller = new RawCaller(live.running.url).write("CONNECT elsewhere:443 HTTP/1.1\r\nhost: elsewhere\r\n\r\n");
    await caller.answered();
    expect(caller.statuses).toEqual([405]);
    caller.socket.resetAndDestroy();
  }
  const served = await live.client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: "hello" }] });
  expect(served.choices[0]?.message.content).toBe("hello");
});

describe("pages in browsers", () => {
  const ask = async (url: string, headers: Readonly<Record<string, string>>): Promise<Response> =>
    fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify({ model: "chat", messages: [{ role: "user", content: "hello" }] }) });

  test("where whoever reaches the port may call, a page may not, unless it is named: not from elsewhere, nor under a name that was made to lead here", async () => {
    const live = await startLive({ more: 'cors: { origins: ["https://app.example"] }' });
    for (const origin of ["https://evil.example", "null", live.running.url]) {
      const answer = await ask(live.running.url, { origin });
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ error: { code: "page_not_allowed" } });
    }
    // DNS rebinding: the page's own name leads to this port, so that the browser takes us for its server.
    const rebound = new RawCaller(live.running.url).write(
      chatRequest({}, ["origin: http://evil.example:8080", "connection: close"]).replace("host: headgate", "host: evil.example:8080"),
    );
    await rebound.end();
    expect(rebound.statuses).toEqual([403]);
    expect(live.upstreams[0]?.seen).toHaveLength(0);
    expect((await ask(live.running.url, { origin: "https://app.example" })).status).toBe(200);
    expect((await ask(live.running.url, {})).status).toBe(200);
    expect((await fetch(`${live.running.url}/v1/models`, { headers: { origin: "https://evil.example" } })).status).toBe(200);
  });

  test("where callers have keys, a page needs one, and no more", async () => {
    const live = await startLive({ more: 'tenants: { team: { keys: ["${CALLER}"] } }', env: { CALLER: "sk-caller-3333" } });
    expect((await ask(live.running.url, { origin: "https://ui.example" })).status).toBe(401);
    expect((await ask(live.running.url, { origin: "https://ui.example", authorization: "Bearer sk-caller-3333" })).status).toBe(200);
  });
});

describe("limits on requests", () => {
  test("headers beyond 16 KB: 431 in the callers' dialect", async () => {
    const live = await startLive();
    const caller = new RawCaller(live.running.url).write(chatRequest({}, [`x-much: ${"x".repeat(20_000)}`]));
    await caller.end();
    expect(caller.statuses).toEqual([431]);
    expect(caller.json.error?.code).toBe("headers_too_large");
  });

  test("a body beyond 20 MB: 413, whether it says so or not; one just below goes through", async () => {
    const live = await startLive();
    const big = "x".repeat(21 * 1024 * 1024);
    const answer = await fetch(`${live.running.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify({ model: "chat", messages: [], big }) });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ error: { code: "body_too_large" } });
    const caller = new RawCaller(live.running.url).write(`${post}content-length: 999999999999\r\n\r\n{`);
    await caller.answered();
    expect(caller.statuses).toEqual([413]);
    await caller.end();
    const image = "x".repeat(19 * 1024 * 1024);
    const served = await live.client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: image }] });
    expect(served.choices[0]?.message.content).toBe("hello");
    expect(JSON.stringify(live.upstreams[0]?.seen[0]?.body).length).toBeGreaterThan(19 * 1024 * 1024);
  });

  test.each([true, false])("limits of the configuration hold instead (fast lane: %s)", async (fastLane) => {
    const live = await startLive({
      fastLane,
      listen: `, limits: { headerBytes: 4096, bodyBytes: 20000, headerTime: 300ms, requestTime: 600ms }`,
      patience: { connectionsCheckingInterval: 50 },
    });
    const head = new RawCaller(live.running.url).write(chatRequest({}, [`x-much: ${"x".repeat(5000)}`]));
    await head.end();
    expect(head.statuses).toEqual([431]);
    expect(head.received).toContain("4096");
    const small = new RawCaller(live.running.url).write(chatRequest({}, [`x-much: ${"x".repeat(3000)}`]));
    await small.answered();
    expect(small.statuses).toEqual([200]);
    const ask = async (length: number): Promise<number> =>
      (
        await fetch(`${live.running.url}/v1/chat/completions`, {
          method: "POST",
          body: JSON.stringify({ model: "chat", messages: [], big: "x".repeat(length) }),
        })
      ).status;
    expect([await ask(19_000), await ask(20_000)]).toEqual([200, 413]);
    const slow = new RawCaller(live.running.url).write(`${post}content-length: 100\r\n\r\n{`);
    await slow.end();
    expect(slow.statuses).toEqual([408]);
  });

  test("a longer head than the fast lane reads is Node's, where the configuration allows it", async () => {
    const live = await startLive({ listen: ", limits: { headerBytes: 65536 }" });
    const caller = new RawCaller(live.running.url).write(chatRequest({}, [`x-much: ${"x".repeat(40_000)}`]));
    await caller.answered();
    expect(caller.statuses).toEqual([200]);
  });

  test("connections beyond the limit are closed unheard, and counted; the others are served", async () => {
    const live = await startLive({ listen: ", limits: { connections: 2 }" });
    const callers = [1, 2].map(() => new RawCaller(live.running.url).write(chatRequest({})));
    for (const caller of callers) await caller.answered();
    const third = new RawCaller(live.running.url).write(chatRequest({}));
    await third.end();
    expect(third.statuses).toEqual([]);
    expect(callers.map(({ statuses }) => statuses)).toEqual([[200], [200]]);
    await until(async () => /router_connections_refused_total [1-9]/.test(await live.scrape()));
  });

  test("a caller that trickles its headers, or its body, is told 408 and gone; others do not notice", async () => {
    const live = await startLive({ patience: { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 50 } });
    const slowHead = new RawCaller(live.running.url).write("POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nx-one");
    const slowBody = new RawCaller(live.running.url).write(`${post}content-length: 100\r\n\r\n{`);
    await live.client.chat.completions.create({ model: "chat", messages: [] });
    await slowHead.end();
    await slowBody.end();
    expect(slowHead.statuses).toEqual([408]);
    expect(slowHead.json.error?.code).toBe("request_timeout");
    expect(slowBody.statuses).toEqual([408]);
  });

  test.each([true, false])("a caller that does not read its answer is not waited for for ever, fast lane: %s", async (fastLane) => {
    const live = await startLive({ fastLane, patience: { unreadTimeout: 300 } });
    const text = "x".repeat(30 * 1024 * 1024);
    live.upstreams[0]?.next(chatAnswer(text));
    const caller = new RawCaller(live.running.url).write(chatRequest());
    caller.socket.pause();
    await until(() => live.upstreams[0]?.seen.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    caller.socket.resume();
    await until(() => caller.closed || caller.received.length > text.length, 20_000);
    expect(caller.received.length).toBeLessThan(text.length);
  });

  test("a compressed body is refused unread: there is nothing to blow up", async () => {
    const live = await startLive();
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    const answer = await fetch(`${live.running.url}/v1/chat/completions`, { method: "POST", body: bomb, headers: { "content-encoding": "gzip" } });
    expect(answer.status).toBe(415);
    expect(live.upstreams[0]?.seen).toHaveLength(0);
  });
});

test("an HTTP/1.0 caller gets a stream without chunks, ended with the connection", async () => {
  const live = await startLive();
  live.upstreams[0]?.next(wordStream(["one", "two"]));
  const caller = new RawCaller(live.running.url).write(chatRequest({ stream: true }).replace("HTTP/1.1", "HTTP/1.0"));
  await caller.end();
  expect(caller.received).not.toMatch(/transfer-encoding/i);
  expect(caller.received.slice(caller.received.indexOf("\r\n\r\n") + 4)).toMatch(/^data: [\s\S]*data: \[DONE\]\n\n$/);
});

test("requests sent ahead on one connection are answered in their order, streams and plain, and none has a byte of another", async () => {
  const live = await startLive();
  live.upstreams[0]?.next(wordStream(["first", "one"], { gapMs: 10 }), wordStream(["second"]));
  const plain = chatRequest({ model: "none" });
  const caller = new RawCaller(live.running.url).write(chatRequest({ stream: true }) + plain + chatRequest({ stream: true }));
  await until(() => caller.received.split("data: [DONE]").length === 3);
  expect(caller.statuses).toEqual([200, 404, 200]);
  const order = ["first", "model_not_found", "second"].map((word) => caller.received.indexOf(word));
  expect(order).toEqual(order.toSorted((one, other) => one - other));
});

test("with a certificate in the configuration, callers connect with TLS", async () => {
  const folder = temporaryFolder();
  const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  const command = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days", "2"];
  execFileSync("openssl", [...command, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], { stdio: "ignore" });
  const files = { "cert.pem": readFileSync(cert, "utf8"), "key.pem": readFileSync(key, "utf8") };
  const live = await startLive({ more: "tls: { cert: cert.pem, key: key.pem }", files });
  live.upstreams[0]?.next(wordStream(["over", "TLS"]));
  expect(live.running.url).toMatch(/^https:/);
  const { port } = new URL(live.running.url);
  const body = JSON.stringify({ model: "chat", messages: [], stream: true });
  const text = await new Promise<string>((resolve, reject) => {
    const options = { host: "127.0.0.1", port, servername: "localhost", ca: files["cert.pem"], method: "POST", path: "/v1/chat/completions" };
    const request = requestTls(options, (response) => {
      let received = "";
      response.on("data", (data: Buffer) => (received += data.toString()));
      response.on("end", () => resolve(received));
    });
    request.on("error", reject);
    request.end(body);
  });
  expect(text).toContain("over");
  expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
});
