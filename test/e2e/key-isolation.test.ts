import { connect } from "node:net";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { type LiveService, startLive } from "../support/live-service.ts";
import { chatAnswer, chatStream, delta, doneEvent, errorAnswer, type Script, sse } from "../support/scripted-upstream.ts";

/** Invariant I12: a provider's key reaches only that provider, whatever callers and providers do. */
const keys = { one: "sk-first-provider-1111", two: "sk-second-provider-2222" };
const callerKey = "sk-caller-3333";
const messages = [{ role: "user" as const, content: "say hello" }];

async function startTwo(options: Parameters<typeof startLive>[0] = {}): Promise<LiveService> {
  return startLive({ upstreams: 2, keys: ["ONE", "TWO"], env: { ONE: keys.one, TWO: keys.two, CALLER: callerKey }, ...options });
}

/** All that a provider has seen. */
const seenBy = ({ upstreams }: LiveService, place: number): string =>
  JSON.stringify(upstreams[place]?.seen.map(({ path, headers, raw }) => ({ path, headers, raw })) ?? []);

function expectIsolated(live: LiveService): void {
  expect(seenBy(live, 0)).not.toContain(keys.two);
  expect(seenBy(live, 1)).not.toContain(keys.one);
  for (const place of [0, 1]) expect(seenBy(live, place)).not.toContain(callerKey);
}

const clientOf = (live: LiveService): OpenAI => new OpenAI({ baseURL: `${live.running.url}/v1`, apiKey: callerKey, maxRetries: 0 });
const tenants = 'tenants: { team: { keys: ["${CALLER}"] } }';

describe("each provider gets its own key, and nobody else's", () => {
  test.each([
    ["vllm", "openai"],
    ["azure", "anthropic"],
    ["anthropic", "vertex"],
    ["vertex", "openai"],
  ])("%s fails, %s takes over", async (first, second) => {
    const live = await startTwo({ providers: [first, second], more: tenants, route: "    retry: { attempts: 3, backoff: { base: 1ms } }" });
    for (const upstream of live.upstreams) upstream.otherwise = errorAnswer(500, "broken");
    const anthropic = new Anthropic({ baseURL: live.running.url, apiKey: callerKey, maxRetries: 0 });
    for (let round = 0; round < 3; round += 1) {
      await expect(clientOf(live).chat.completions.create({ model: "chat", messages })).rejects.toThrow();
      await expect(anthropic.messages.create({ model: "chat", max_tokens: 5, messages })).rejects.toThrow();
    }
    expect(seenBy(live, 0)).toContain(keys.one);
    expect(seenBy(live, 1)).toContain(keys.two);
    expectIsolated(live);
  });
});

describe("hostile providers", () => {
  test.each([301, 302, 303, 307, 308])("a redirect (%i) is not followed", async (status) => {
    const live = await startTwo({ route: "    retry: { attempts: 1 }" });
    live.upstreams[0]?.next((response) => {
      response.writeHead(status, { location: `${live.upstreams[1]?.origin}/v1/chat/completions`, "content-length": "0" });
      response.end();
    });
    await expect(clientOf(live).chat.completions.create({ model: "chat", messages })).rejects.toMatchObject({ status: 502 });
    expect(live.upstreams[1]?.seen).toHaveLength(0);
  });

  test("another address that a provider names (alt-svc, content-location, refresh, set-cookie) changes nothing", async () => {
    const live = await startTwo();
    const evil = live.upstreams[1]?.origin ?? "";
    if (live.upstreams[0] !== undefined)
      live.upstreams[0].otherwise = (response, seen) => {
        response.setHeader("alt-svc", `http/1.1="${evil.slice(7)}"; ma=86400`);
        response.setHeader("content-location", `${evil}/v1`);
        response.setHeader("refresh", `0; url=${evil}`);
        response.setHeader("set-cookie", "session=1");
        chatAnswer("hello")(response, seen);
      };
    for (let round = 0; round < 3; round += 1) await clientOf(live).chat.completions.create({ model: "chat", messages });
    expect(live.upstreams[0]?.seen).toHaveLength(3);
    expect(live.upstreams[1]?.seen).toHaveLength(0);
    expect(seenBy(live, 0)).not.toContain("session=1");
  });

  const echo: Script = (response, seen) => {
    response.writeHead(401, { "content-type": "application/json", "x-echo": JSON.stringify(seen.headers) });
    response.end(JSON.stringify({ error: { message: `bad key: ${JSON.stringify(seen.headers)}`, code: null } }));
  };
  const echoAs =
    (status: number): Script =>
    (response, seen) => {
      response.writeHead(status, { "content-type": "application/json", "x-echo": seen.headers.authorization ?? "" });
      response.end(
        JSON.stringify({ error: { message: `you sent ${String(seen.headers.authorization)} and ${String(seen.headers["api-key"])}`, headers: seen.headers } }),
      );
    };

  test.each([400, 401, 403, 404, 422, 429, 500, 503])("an answer (%i) that echoes what was sent reaches nobody with the key in it", async (status) => {
    const lines: string[] = [];
    const live = await startTwo({ route: "    retry: { attempts: 1 }", onLog: (line) => lines.push(line) });
    live.upstreams[0]?.next(status === 401 ? echo : echoAs(status));
    const answer = await fetch(`${live.running.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify({ model: "chat", messages }) });
    const told = `${await answer.text()} ${JSON.stringify([...answer.headers])}`;
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(told).not.toContain(keys.one);
    const id = answer.headers.get("x-headgate-request-id");
    expect(await (await fetch(`${live.running.url}/v1/requests/${id}`)).text()).not.toContain(keys.one);
    expect(await live.scrape()).not.toContain(keys.one);
    expect(lines.join("")).toContain("route_decision");
    expect(lines.join("")).not.toContain(keys.one);
  });

  test("an error event within a stream that echoes the key", async () => {
    const lines: string[] = [];
    const live = await startTwo({ route: "    retry: { attempts: 1 }", onLog: (line) => lines.push(line) });
    live.upstreams[0]?.next(
      chatStream([delta({ content: "hel" }), sse({ error: { message: `your key ${keys.one} is odd`, code: 500 } }), doneEvent], { gapMs: 20 }),
    );
    const body = JSON.stringify({ model: "chat", messages, stream: true });
    const answer = await fetch(`${live.running.url}/v1/chat/completions`, { method: "POST", body });
    const text = await answer.text().catch((error: unknown) => String(error));
    expect(text).not.toContain(keys.one);
    expect(lines.join("")).not.toContain(keys.one);
  });
});

describe("hostile callers", () => {
  test("headers that would pass for ours never get through", async () => {
    const live = await startTwo();
    await clientOf(live).chat.completions.create(
      { model: "chat", messages },
      {
        headers: {
          authorization: `Bearer ${callerKey}`,
          "api-key": callerKey,
          "x-api-key": callerKey,
          "x-goog-api-key": callerKey,
          "proxy-authorization": `Bearer ${callerKey}`,
          "openai-organization": "org-evil",
          "x-headgate-deployment": "two",
          "x-original-host": "evil",
        },
      },
    );
    expectIsolated(live);
    const headers = live.upstreams[0]?.seen[0]?.headers ?? {};
    expect(headers.host).toBe(live.upstreams[0]?.origin.slice("http://".length));
    expect(headers.authorization).toBe(`Bearer ${keys.one}`);
    expect(Object.keys(headers).toSorted()).toEqual(["accept", "accept-encoding", "authorization", "content-length", "content-type", "host"]);
  });

  test.each([
    ["a line break in a header", "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntraceparent: a\rx-evil: 1\r\ncontent-length: 0\r\n\r\n"],
    ["an absolute target", "GET http://evil.example/v1/files HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n"],
    ["two lengths", "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}x"],
    ["a length and chunks", "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
  ])("%s reaches no provider", async (_name, bytes) => {
    const live = await startTwo();
    const status = await new Promise<string>((resolve) => {
      const socket = connect(Number(new URL(live.running.url).port), "127.0.0.1", () => socket.write(bytes));
      socket.once("data", (data) => {
        resolve(data.toString().split("\r\n")[0] ?? "");
        socket.destroy();
      });
      socket.once("close", () => resolve("closed"));
    });
    expect(status).toMatch(/^HTTP\/1\.1 40[04] |^closed$/);
    expect([live.upstreams[0]?.seen.length, live.upstreams[1]?.seen.length]).toEqual([0, 0]);
  });

  test("a model name, a tag or an id that holds line breaks makes no header and no path", async () => {
    const live = await startTwo({ providers: ["openai", "openai"] });
    const evil = "resp_123456\r\nx-evil: 1\r\n\r\nGET /v1/files HTTP/1.1";
    const body = { model: "chat", messages, tags: [evil], metadata: { tags: evil } } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    await clientOf(live)
      .chat.completions.create(body)
      .catch(() => null);
    await clientOf(live)
      .responses.create({ model: "chat", input: "x", previous_response_id: evil })
      .catch(() => null);
    await clientOf(live)
      .responses.retrieve(evil)
      .catch(() => null);
    expect(seenBy(live, 0)).not.toContain('"x-evil"');
    for (const { path } of live.upstreams[0]?.seen ?? []) expect(path).toMatch(/^\/v1\/[!-~]+$/);
  });
});
