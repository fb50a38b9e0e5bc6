import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { startLive } from "../support/live-service.ts";
import { until } from "../support/loop-time.ts";
import { chatStream, delta, doneEvent, wordStream } from "../support/scripted-upstream.ts";

interface ErrorAnswer {
  readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string };
}

async function post(
  url: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; headers: Headers; error: ErrorAnswer["error"] }> {
  const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", body, headers });
  return { status: response.status, headers: response.headers, error: ((await response.json()) as ErrorAnswer).error };
}

describe("the HTTP surface", () => {
  test.each([
    ["malformed JSON", '{"model": "chat", "messages": [', 400, "malformed_json"],
    ["an array", "[]", 400, "malformed_json"],
    ["nothing", "", 400, "malformed_json"],
    ["no model", '{"messages": []}', 400, "missing_model"],
    ["a model that is no text", '{"model": 7}', 400, "missing_model"],
  ])("%s", async (_name, body, status, code) => {
    const { running, upstreams } = await startLive();
    const answer = await post(running.url, body);
    expect(answer.status).toBe(status);
    expect(answer.error.code).toBe(code);
    expect(answer.error.type).toBe("invalid_request_error");
    expect(answer.error.message).not.toBe("");
    expect(upstreams[0]?.seen).toHaveLength(0);
  });

  test("a body beyond 20 MB is refused, and the refusal can be read", async () => {
    const { running } = await startLive();
    const answer = await post(running.url, Buffer.alloc(21 * 1024 * 1024, 0x20));
    expect(answer.status).toBe(413);
    expect(answer.error.code).toBe("body_too_large");
  });

  test("a compressed body is refused by name", async () => {
    const { running } = await startLive();
    const answer = await post(running.url, "{}", { "content-encoding": "gzip" });
    expect(answer.status).toBe(415);
  });

  test("paths and methods that are not there", async () => {
    const { running } = await startLive();
    const unknown = await fetch(`${running.url}/nothing`, { method: "POST", body: "{}" });
    expect(unknown.status).toBe(404);
    const wrong = await fetch(`${running.url}/v1/chat/completions`);
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get("allow")).toBe("POST");
    await Promise.all([unknown.text(), wrong.text()]);
  });

  test("health, and metrics on a port of their own", async () => {
    const { running, scrape } = await startLive();
    expect(await (await fetch(`${running.url}/health`)).json()).toEqual({ status: "ok" });
    expect((await fetch(`${running.url}/metrics`)).status).toBe(404);
    const metrics = await scrape();
    expect(metrics).toContain('router_configured_weight{provider="vllm"} 1');
    expect(metrics).toContain("router_requests_in_flight 0");
    expect(metrics).toMatch(/router_breaker_state\{provider="vllm",deployment="one",endpoint="http:\/\/127\.0\.0\.1:\d+"\} 0/);
  });

  test("a full queue answers 429 with Retry-After", async () => {
    const { running, upstreams } = await startLive({ route: "    queue: { length: 0, wait: 1s }", deployment: ", concurrency: 1" });
    upstreams[0]?.next(() => undefined);
    const body = JSON.stringify({ model: "chat", messages: [] });
    const first = new AbortController();
    const hanging = fetch(`${running.url}/v1/chat/completions`, { method: "POST", body, signal: first.signal }).catch(() => undefined);
    await until(() => upstreams[0]?.seen.length === 1);
    const refused = await post(running.url, body);
    expect(refused.status).toBe(429);
    expect(refused.error.code).toBe("queue_full");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    first.abort();
    await hanging;
  });

  test("an endpoint that cannot be reached is a 502, one that is silent a 504", async () => {
    const { running, upstreams } = await startLive({ route: "    timeouts: { total: 100ms, firstToken: 50ms }\n    retry: { attempts: 1 }" });
    upstreams[0]?.next(() => undefined);
    const silent = await post(running.url, JSON.stringify({ model: "chat", stream: true }));
    expect(silent.status).toBe(504);
    expect(silent.error.code).toBe("first_token_timeout");
    await upstreams[0]?.stop();
    const gone = await post(running.url, JSON.stringify({ model: "chat" }));
    expect(gone.status).toBe(502);
    expect(gone.error.code).toBe("upstream_unreachable");
    expect(gone.error.message).not.toContain("127.0.0.1");
  });

  test("a stream that stands still is cut after its idle limit", async () => {
    const { running, upstreams } = await startLive({ route: "    timeouts: { idle: 60ms }\n    retry: { attempts: 1 }" });
    upstreams[0]?.next(wordStream(["one ", "two "], { end: "hang" }));
    const response = await fetch(`${running.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify({ model: "chat", stream: true }) });
    await expect(response.text()).rejects.toThrow();
    await until(() => upstreams[0]?.seen[0]?.closedMs !== null);
  });

  test("a caller that reads slowly slows the provider down, and its time does not count as the provider's", async () => {
    const { running, upstreams } = await startLive({ route: "    timeouts: { idle: 100ms }" });
    const event = delta({ content: "x".repeat(64 * 1024) });
    upstreams[0]?.next(chatStream([...Array.from({ length: 800 }, () => event), doneEvent]));
    const body = JSON.stringify({ model: "chat", stream: true });
    const socket = connect(Number(new URL(running.url).port), "127.0.0.1");
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    let bytes = 0;
    let tail = "";
    const read = (chunk: Buffer): void => {
      bytes += chunk.length;
      tail = (tail + chunk.toString("latin1")).slice(-100);
    };
    socket.once("data", () => socket.pause());
    await new Promise((resolve) => setTimeout(resolve, 400));
    const seen = upstreams[0]?.seen[0];
    const writtenWhileHeld = seen?.written ?? 0;
    expect(seen?.closedMs).toBeNull();
    expect(writtenWhileHeld).toBeLessThan(40 * 1024 * 1024);
    socket.on("data", read);
    socket.resume();
    await until(() => tail.includes("data: [DONE]"), 10_000);
    expect(bytes).toBeGreaterThan(45 * 1024 * 1024);
    socket.destroy();
  });

  test("draining: what is under way is ended, then everything is closed", async () => {
    const { running, upstreams } = await startLive();
    upstreams[0]?.next(wordStream(["one ", "two ", "three"], { gapMs: 40 }));
    const response = await fetch(`${running.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify({ model: "chat", stream: true }) });
    const stopping = running.stop(5000);
    await expect(fetch(`${running.url}/health`)).rejects.toThrow();
    expect(await response.text()).toContain("[DONE]");
    expect(await stopping).toBe(true);
  });
});
