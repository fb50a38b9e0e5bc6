/** How a real vLLM server behaves that a router must survive (as recorded of 0.32): each a fault of the mock's wire, set over its admin API, with the service in front. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../router/config/load-config.ts";
import { Router } from "../../router/core/router.ts";
import { type RunningService, startService } from "../../router/http/start-service.ts";
import { openDecisionLog } from "../../router/telemetry/decision-log.ts";
import { startMockFleet } from "../../simulator/mock/mock-fleet.ts";
import { until } from "../support/loop-time.ts";
import { chatRequest, RawCaller } from "../support/raw-caller.ts";
import { sharedFolder } from "../support/shared-folder.ts";
import { smallScenario, smallVllm } from "../support/small-scenario.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Pool {
  readonly running: RunningService;
  readonly origins: readonly string[];
  readonly metric: (pattern: RegExp) => Promise<number>;
  /** On the first server. */
  readonly fault: (faults: Readonly<Record<string, unknown>>) => Promise<void>;
}

/** Two vLLM servers; the first has all the traffic while it can take it. */
async function startPool(more = ""): Promise<Pool> {
  const scenario = smallScenario([{ name: "pool", model: "llama", replicas: [smallVllm, smallVllm] }]);
  const fleet = await startMockFleet(scenario, { file: "test", seed: 3, host: "127.0.0.1", ports: "ephemeral" });
  const origins = fleet.origins["pool"] ?? [];
  const deployment = (name: string, place: number): string =>
    `  ${name}: { provider: vllm, model: llama, endpoints: ["${origins[place]}"], weight: ${1 - place} }`;
  const text = [
    "listen: { port: 0 }",
    "metrics: { port: 0 }",
    more,
    "deployments:",
    deployment("one", 0),
    deployment("two", 1),
    "routes:",
    "  chat:",
    "    deployments: [one, two]",
  ];
  const limits = "    timeouts: { firstToken: 500ms, idle: 400ms, total: 1500ms }\n";
  const folder = temporaryFolder({ "headgate.yaml": `${text.join("\n")}\n${limits}` });
  const { compiled, service } = loadConfig(path.join(folder, "headgate.yaml"), {});
  const running = await startService({ compiled, spec: service, core: new Router(compiled, { seed: 1, explain: true }), log: openDecisionLog("silent") });
  onTestFinished(async () => {
    await running.stop(50);
    await fleet.close();
  });
  const metric = async (pattern: RegExp): Promise<number> => Number(pattern.exec(await (await fetch(running.metricsUrl)).text())?.[1] ?? 0);
  const fault = async (faults: Readonly<Record<string, unknown>>): Promise<void> => {
    const answer = await fetch(`${origins[0]}/mock/faults`, { method: "POST", body: JSON.stringify(faults) });
    expect(answer.status).toBe(200);
  };
  return { running, origins, metric, fault };
}

const openings = /router_breaker_openings_total\{[^}]*deployment="one"[^}]*\} (\d+)/;
const fields = { max_tokens: 8, ignore_eos: true };

async function ask(pool: Pool): Promise<{ readonly status: number; readonly deployment: string | null; readonly attempts: string | null }> {
  const body = JSON.stringify({ model: "chat", messages: [{ role: "user", content: "a b" }], ...fields });
  const answer = await fetch(`${pool.running.url}/v1/chat/completions`, { method: "POST", body });
  await answer.text();
  return { status: answer.status, deployment: answer.headers.get("x-headgate-deployment"), attempts: answer.headers.get("x-headgate-attempts") };
}

async function stream(pool: Pool, more: Readonly<Record<string, unknown>> = {}): Promise<RawCaller> {
  const caller = new RawCaller(pool.running.url).write(chatRequest({ stream: true, ...fields, ...more }, ["connection: close"]));
  await caller.end(6000);
  return caller;
}

test("SIGTERM hangs what is under way: only the limits save its callers, and new requests go elsewhere", async () => {
  const pool = await startPool();
  const caller = new RawCaller(pool.running.url).write(chatRequest({ stream: true, max_tokens: 5000, ignore_eos: true }, ["connection: close"]));
  await until(() => caller.received.includes("word"), 3000);
  await pool.fault({ hangs: true });
  await caller.end(4000);
  expect(caller.received).toContain('"code":"idle_timeout"');
  expect(caller.received).not.toContain("[DONE]");
  const fresh = await stream(pool);
  expect(fresh.received).toContain("x-headgate-deployment: two");
  expect(fresh.received).toContain("[DONE]");
});

test("a 500 of a server that is shutting down: tried elsewhere, and no breaker opens for it", async () => {
  const pool = await startPool();
  await pool.fault({ draining: true });
  for (let request = 0; request < 12; request += 1) expect(await ask(pool)).toMatchObject({ status: 200, deployment: "two" });
  expect(await pool.metric(openings)).toBe(0);
  expect((await fetch(`${pool.origins[0]}/health`)).status).toBe(200);
});

describe("an engine that dies: an error event, [DONE] and a clean end are no success", () => {
  test("before content the other server's stream is sent", async () => {
    const pool = await startPool();
    await pool.fault({ stream: "engine-dead", afterEvents: 1 });
    const caller = await stream(pool);
    expect(caller.received).toContain("x-headgate-deployment: two");
    expect(caller.received).toContain("[DONE]");
    expect(caller.received).not.toContain('"error"');
  });

  test("after content the caller is told, without [DONE]", async () => {
    const pool = await startPool();
    await pool.fault({ stream: "engine-dead", afterEvents: 3 });
    const caller = await stream(pool);
    expect(caller.received).toContain('"error"');
    expect(caller.received).not.toContain("[DONE]");
    expect(caller.received.endsWith("0\r\n\r\n")).toBe(false);
  });
});

test("an engine that is dead behind its server: health says so, calls are answered elsewhere, and the breaker opens", async () => {
  const pool = await startPool();
  await pool.fault({ engineDead: true });
  expect((await fetch(`${pool.origins[0]}/health`)).status).toBe(503);
  const direct = await fetch(`${pool.origins[0]}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content: "a" }] }),
  });
  expect([direct.status, await direct.json()]).toMatchObject([500, { error: { message: expect.stringContaining("EngineCore"), code: 500 } }]);
  for (let request = 0; request < 12; request += 1) expect(await ask(pool)).toMatchObject({ status: 200, deployment: "two" });
  expect(await pool.metric(openings)).toBe(1);
});

test("a queue that is full (503): tried elsewhere", async () => {
  const pool = await startPool();
  await pool.fault({ busy: true });
  expect(await ask(pool)).toMatchObject({ status: 200, deployment: "two", attempts: "2" });
  expect(await pool.metric(/router_attempts_total\{[^}]*outcome="overloaded"[^}]*\} (\d+)/)).toBe(1);
});

test("an idle connection is closed after 5 s: nobody notices", async () => {
  const pool = await startPool();
  expect(await ask(pool)).toMatchObject({ status: 200, attempts: "1" });
  await new Promise((resolve) => setTimeout(resolve, 5200));
  expect(await ask(pool)).toMatchObject({ status: 200, attempts: "1", deployment: "one" });
});

test("a scrape that takes seconds: never a second one at once, requests do not wait for it, and another server's signals come", async () => {
  const pool = await startPool("signals: { every: 1s }");
  await pool.fault({ metricsMs: 2500 });
  await until(async () => (await pool.metric(/^router_load_signals_total (\d+)/m)) >= 2, 6000);
  expect(await ask(pool)).toMatchObject({ status: 200, attempts: "1" });
});

const wireFaults: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "answers 500": { status: 500 },
  "answers 429": { status: 429, retryAfterSeconds: 1 },
  "answers 529": { status: 529 },
  "resets connections": { reset: true },
  "is slow to begin": { latencyMs: 5000 },
  "is cut before content": { stream: "cut", afterEvents: 1 },
  "stalls before content": { stream: "stall", afterEvents: 1 },
  "sends malformed events before content": { stream: "malformed", afterEvents: 1 },
};
test.each(Object.entries(wireFaults))("a server that %s: the other one's stream, whole", async (_name, faults) => {
  const pool = await startPool();
  await pool.fault(faults);
  const caller = await stream(pool);
  expect(caller.statuses).toEqual([200]);
  expect(caller.received).toContain("x-headgate-deployment: two");
  expect(caller.received).toContain("[DONE]");
});

describe("the mock's admin API", () => {
  test("shows, replaces and ends faults; what it does not know is refused", async () => {
    const { origins } = await startPool();
    const at = `${origins[0]}/mock/faults`;
    await fetch(at, { method: "POST", body: '{"status":503,"share":0.5}' });
    expect(await (await fetch(at)).json()).toMatchObject({ status: 503, share: 0.5, stream: "whole" });
    expect((await fetch(at, { method: "POST", body: '{"satus":503}' })).status).toBe(400);
    expect(await (await fetch(at, { method: "DELETE" })).json()).toMatchObject({ status: 0, share: 1 });
  });

  test("load, version and tokenize", async () => {
    const { origins } = await startPool();
    expect(await (await fetch(`${origins[0]}/load`)).json()).toEqual({ server_load: 0 });
    expect(await (await fetch(`${origins[0]}/version`)).json()).toHaveProperty("version");
    const tokenize = async (body: object): Promise<Response> =>
      fetch(`${origins[0]}/tokenize`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const tokenized = (await (await tokenize({ model: "llama", prompt: "a b a" })).json()) as { readonly tokens: readonly number[] };
    expect(tokenized).toMatchObject({ count: 3, token_strs: null });
    expect(tokenized.tokens[0]).toBe(tokenized.tokens[2]);
    expect((await tokenize({})).status).toBe(400);
  });
});

/** Names, types, labels without values of their own, and buckets; all but what Python tells of its own process. */
function familiesOf(text: string): string[] {
  const shapes = new Set<string>();
  for (const line of text.split("\n")) {
    if (!/^(# TYPE )?(vllm:|http_)/.test(line)) continue;
    const sample = line.replace(/ \S+$/, "").replace(/model_name="[^"]*"/, 'model_name="m"');
    shapes.add(line.startsWith("#") ? line : line.startsWith("vllm:cache_config_info") ? sample.replaceAll(/="[^"]*"/g, "") : sample);
  }
  return [...shapes].toSorted((one, other) => (one < other ? -1 : 1));
}

test("/metrics has the families, types, labels and buckets of a recorded server, and counts what was done", async () => {
  const pool = await startPool();
  await ask(pool);
  await stream(pool);
  const answer = await fetch(`${pool.origins[0]}/metrics`);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=1.0.0; charset=utf-8");
  const text = await answer.text();
  expect(text).toContain('vllm:generation_tokens_total{engine="0",model_name="llama"} 16.0');
  expect(text).toContain('vllm:request_success_total{engine="0",finished_reason="length",model_name="llama"} 2.0');
  expect(text).toContain('vllm:time_to_first_token_seconds_count{engine="0",model_name="llama"} 2.0');
  expect(text).toContain('vllm:inter_token_latency_seconds_count{engine="0",model_name="llama"} 14.0');
  const shared = sharedFolder();
  const recorded = shared === null ? "" : path.join(shared, "calibration/vllm-wire/metrics/after_load.txt.gz");
  if (!existsSync(recorded)) return;
  expect(familiesOf(text)).toEqual(familiesOf(gunzipSync(readFileSync(recorded)).toString("utf8")));
});
