import { describe, expect, test } from "vitest";
import { startLive } from "../support/live-service.ts";
import { until } from "../support/loop-time.ts";
import { chatRequest, RawCaller } from "../support/raw-caller.ts";
import { wordStream } from "../support/scripted-upstream.ts";

const fieldsOf = (received: string): ReadonlyMap<string, string> =>
  new Map(
    received
      .slice(0, received.indexOf("\r\n\r\n"))
      .split("\r\n")
      .slice(1)
      .map((line): [string, string] => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
const allReceived =
  (caller: RawCaller, count: number): (() => boolean) =>
  () =>
    caller.statuses.length === count && caller.received.endsWith("}");

describe.each([
  ["on the fast lane", true],
  ["with Node's HTTP server alone", false],
])("a caller's connection, %s", (_name, fastLane) => {
  test("an answer says when it was made, how long it is, and for how long the connection is kept", async () => {
    const live = await startLive({ fastLane });
    const caller = new RawCaller(live.running.url).write(chatRequest());
    await until(allReceived(caller, 1));
    const fields = fieldsOf(caller.received);
    expect(Math.abs(Date.parse(fields.get("date") ?? "") - Date.now())).toBeLessThan(10_000);
    expect(fields.get("date")).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
    expect(fields.get("connection")).toBe("keep-alive");
    expect(fields.get("keep-alive")).toBe("timeout=75");
    expect(fields.get("content-type")).toBe("application/json");
    expect(Number(fields.get("content-length"))).toBe(caller.received.length - caller.received.indexOf("\r\n\r\n") - 4);
    caller.write(chatRequest());
    await until(allReceived(caller, 2));
    expect(caller.closed).toBe(false);
  });

  test("one that asks for it is closed behind its answer, plain or stream", async () => {
    const live = await startLive({ fastLane });
    live.upstreams[0]?.next(wordStream(["one"]));
    for (const fields of [{ stream: true }, {}]) {
      const caller = new RawCaller(live.running.url).write(chatRequest(fields, ["connection: close"]));
      await caller.end();
      expect(caller.statuses).toEqual([200]);
      expect(fieldsOf(caller.received).get("connection")).toBe("close");
    }
  });

  test("one that says nothing is told 408, one that is done is closed after a while, and neither earlier", async () => {
    const live = await startLive({ fastLane, patience: { headersTimeout: 300, keepAliveTimeout: 600, connectionsCheckingInterval: 50 } });
    const [silent, done] = [new RawCaller(live.running.url), new RawCaller(live.running.url).write(chatRequest())];
    await until(allReceived(done, 1));
    await silent.end();
    expect(silent.statuses).toEqual([408]);
    expect(done.closed).toBe(false);
    await done.end();
    expect(done.statuses).toEqual([200]);
  });

  test("a body that comes in a thousand pieces is one body; what was sent behind it is the next request", async () => {
    const live = await startLive({ fastLane });
    const request = chatRequest({ long: "0123456789".repeat(40_000) });
    const caller = new RawCaller(live.running.url);
    for (let at = 0; at < request.length; at += 400) {
      caller.write(request.slice(at, at + 400));
      if (at % 4000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    caller.write(chatRequest({ long: "short" }));
    await until(allReceived(caller, 2));
    expect(caller.statuses).toEqual([200, 200]);
    const lengths = live.upstreams[0]?.seen.map(({ body }) => String(body["long"]).length);
    expect(lengths?.toSorted((one, other) => one - other)).toEqual([5, 400_000]);
  });

  test("a head that comes in pieces is one head; one that stays unfinished is told 408, and 400 where its caller ends it", async () => {
    const live = await startLive({ fastLane, patience: { headersTimeout: 300, connectionsCheckingInterval: 50 } });
    const request = chatRequest();
    const ends = [1, 5, 40, 60, request.indexOf("\r\n\r\n") + 2, request.length];
    const caller = new RawCaller(live.running.url);
    for (const round of [1, 2]) {
      for (const [place, end] of ends.entries()) {
        caller.write(request.slice(ends[place - 1] ?? 0, end));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await until(allReceived(caller, round));
    }
    expect(caller.statuses).toEqual([200, 200]);
    const cut = new RawCaller(live.running.url).write(request);
    await until(allReceived(cut, 1));
    for (const [unfinished, status] of [
      [caller, 408],
      [cut, 400],
    ] as const) {
      unfinished.write(request.slice(0, 50));
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (unfinished === cut) cut.socket.end();
      await unfinished.end();
      expect(unfinished.statuses.at(-1)).toBe(status);
    }
  });

  test("a caller that ends its half in the midst of its body is told 400; one that ends it behind a request has left", async () => {
    const live = await startLive({ fastLane });
    live.upstreams[0]?.next(() => undefined);
    const cut = new RawCaller(live.running.url).write(chatRequest().slice(0, -5));
    await new Promise((resolve) => setTimeout(resolve, 30));
    cut.socket.end();
    await cut.end();
    expect(cut.statuses).toEqual([400]);
    const left = new RawCaller(live.running.url).write(chatRequest());
    await until(() => live.upstreams[0]?.seen.length === 1);
    left.socket.end();
    await until(() => live.upstreams[0]?.seen[0]?.closedMs !== null);
    expect(left.statuses).toEqual([]);
  });

  test("callers that leave free their providers, streams and plain: 50 of 50", async () => {
    const live = await startLive({ fastLane });
    const upstream = live.upstreams[0];
    upstream?.next(...Array.from({ length: 50 }, (_, place) => (place % 2 === 0 ? wordStream(["one"], { end: "hang" }) : () => undefined)));
    const callers: RawCaller[] = [];
    for (let place = 0; place < 50; place += 1) {
      const caller = new RawCaller(live.running.url).write(chatRequest({ stream: place % 2 === 0 }));
      callers.push(caller);
      await until(() => upstream?.seen.length === place + 1 && (place % 2 === 1 || caller.received.includes("one")));
    }
    expect(upstream?.seen.every(({ closedMs }) => closedMs === null)).toBe(true);
    for (const [place, { socket }] of callers.entries()) {
      if (place % 3 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    await until(() => upstream?.seen.every(({ closedMs }) => closedMs !== null) === true);
  });

  test("of many streams at once each caller gets its own, whole", async () => {
    const live = await startLive({ fastLane });
    const words = (place: number): string[] => Array.from({ length: 30 }, (_, word) => `${place}.${word} `);
    for (const upstream of live.upstreams) {
      upstream.otherwise = (response, seen) => wordStream(words(Number(seen.body["user"])), { gapMs: 1 })(response, seen);
    }
    const heard = await Promise.all(
      Array.from({ length: 50 }, async (_, place) => {
        const stream = await live.client.chat.completions.create({ model: "chat", messages: [], stream: true, user: String(place) });
        let text = "";
        for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
        return text;
      }),
    );
    expect(heard).toEqual(heard.map((_, place) => words(place).join("")));
  });

  test("while the service drains, answers are their connections' last", async () => {
    const live = await startLive({ fastLane });
    live.upstreams[0]?.next((response) => setTimeout(() => response.end("{}"), 200));
    const [busy, late] = [new RawCaller(live.running.url).write(chatRequest()), new RawCaller(live.running.url).write(chatRequest().slice(0, -5))];
    await until(() => live.upstreams[0]?.seen.length === 1);
    const stopping = live.running.stop(5000);
    late.write(chatRequest().slice(-5));
    await late.end();
    expect(late.statuses).toEqual([503]);
    expect(await stopping).toBe(true);
    await busy.end();
    expect(busy.statuses).toEqual([200]);
  });

  test("pages of the configured origins may read the answers, and only those", async () => {
    const live = await startLive({ fastLane, more: "cors: { origins: [https://page.example] }" });
    for (const origin of ["https://page.example", "https://other.example"]) {
      const caller = new RawCaller(live.running.url).write(chatRequest({}, [`origin: ${origin}`]));
      await until(allReceived(caller, 1));
      const fields = fieldsOf(caller.received);
      expect(fields.get("vary")).toBe("origin");
      expect(fields.get("access-control-allow-origin")).toBe(origin.includes("page") ? origin : undefined);
    }
  });
});
