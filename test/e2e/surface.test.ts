import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { startLive } from "../support/live-service.ts";
import { until } from "../support/loop-time.ts";
import { chatAnswer, errorAnswer, type Script, wordStream } from "../support/scripted-upstream.ts";

const messages = [{ role: "user" as const, content: "say hello" }];
const json =
  (value: unknown): Script =>
  (response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(value));
  };
const bothWays = "    strategy: round-robin";

describe("other endpoints", () => {
  test("completions and embeddings pass", async () => {
    const { client, upstreams } = await startLive();
    upstreams[0]?.next(
      json({
        id: "cmpl-1",
        object: "text_completion",
        choices: [{ index: 0, text: "hi", finish_reason: "stop" }],
        usage: { prompt_tokens: 1, completion_tokens: 1 },
      }),
    );
    const completion = await client.completions.create({ model: "chat", prompt: "x" });
    expect(completion.choices[0]?.text).toBe("hi");
    upstreams[0]?.next(json({ object: "list", data: [{ index: 0, embedding: [0.5, 0.25] }], usage: { prompt_tokens: 1, total_tokens: 1 } }));
    const embedded = await client.embeddings.create({ model: "chat", input: "x", encoding_format: "float" }).withResponse();
    expect(embedded.data.data[0]?.embedding).toEqual([0.5, 0.25]);
    expect(embedded.response.headers.get("x-headgate-cost-usd")).toBe("0.000001000");
    expect(upstreams[0]?.seen.map(({ path }) => path)).toEqual(["/v1/completions", "/v1/embeddings"]);
  });

  test("an endpoint that no provider of the route has is refused in words", async () => {
    const { client, upstreams } = await startLive({ providers: ["anthropic"] });
    await expect(client.embeddings.create({ model: "chat", input: "x" })).rejects.toMatchObject({ status: 400, code: "unsupported_endpoint", param: "model" });
    expect(upstreams[0]?.seen).toHaveLength(0);
  });

  test("of two providers only the one that has it is asked", async () => {
    const { client, upstreams } = await startLive({ upstreams: 2, providers: ["anthropic", "vllm"], route: bothWays });
    upstreams[1]?.next(...[1, 2, 3].map(() => json({ object: "list", data: [{ index: 0, embedding: [1] }], usage: { prompt_tokens: 1 } })));
    for (let round = 0; round < 3; round += 1) await client.embeddings.create({ model: "chat", input: "x", encoding_format: "float" });
    expect([upstreams[0]?.seen.length, upstreams[1]?.seen.length]).toEqual([0, 3]);
  });

  test("a field that a provider has nothing for is refused by name, a hint is left out and said so", async () => {
    const { client, upstreams } = await startLive({ providers: ["anthropic"] });
    await expect(client.chat.completions.create({ model: "chat", messages, logprobs: true })).rejects.toMatchObject({
      status: 400,
      code: "untranslatable",
      param: "logprobs",
    });
    expect(upstreams[0]?.seen).toHaveLength(0);
    upstreams[0]?.next(
      json({
        id: "msg_1",
        type: "message",
        role: "assistant",
        content: [{ type: "text", text: "hi" }],
        stop_reason: "end_turn",
        usage: { input_tokens: 1, output_tokens: 1 },
      }),
    );
    const { response } = await client.chat.completions.create({ model: "chat", messages, seed: 7, frequency_penalty: 1 }).withResponse();
    expect(response.headers.get("x-headgate-dropped")).toBe("seed, frequency_penalty");
  });
});

describe("GET /v1/requests/{id}", () => {
  test("tells of a stream what its headers could not: who served it, in which attempts, what it cost", async () => {
    const { client, running, upstreams } = await startLive({ upstreams: 2, route: "    retry: { attempts: 2, backoff: { base: 1ms } }" });
    upstreams[0]?.next(errorAnswer(500, "broken"));
    for (const upstream of upstreams) upstream.otherwise = wordStream(["a", "b", "c"]);
    const { data, response } = await client.chat.completions.create({ model: "chat", messages, stream: true }).withResponse();
    for await (const _chunk of data) void _chunk;
    const id = response.headers.get("x-headgate-request-id");
    const told = (await (await fetch(`${running.url}/v1/requests/${id}`)).json()) as Record<string, unknown>;
    expect(told).toMatchObject({
      id,
      object: "headgate.request",
      status: "served",
      model: "chat",
      stream: true,
      deployment: "two",
      attempts: [
        { deployment: "one", outcome: "server-error", status: 500 },
        { deployment: "two", outcome: "succeeded" },
      ],
      usage: { input_tokens: 11, cached_tokens: 4, output_tokens: 3 },
      cost_usd: "0.000013400",
      cost_estimated: false,
    });
    const unknown = await fetch(`${running.url}/v1/requests/nothing`);
    expect(unknown.status).toBe(404);
    await unknown.text();
  });

  test("a request under way, and never another tenant's", async () => {
    const tenants = 'tenants: { red: { keys: ["${RED}"] }, blue: { keys: ["${BLUE}"] } }';
    const { running, upstreams } = await startLive({ more: tenants, env: { RED: "sk-red", BLUE: "sk-blue" } });
    upstreams[0]?.next(wordStream(["a", "b", "c"], { gapMs: 50 }));
    const client = new OpenAI({ baseURL: `${running.url}/v1`, apiKey: "sk-red", maxRetries: 0 });
    const { data, response } = await client.chat.completions.create({ model: "chat", messages, stream: true }).withResponse();
    const ask = async (key: string) =>
      (await fetch(`${running.url}/v1/requests/${response.headers.get("x-headgate-request-id")}`, { headers: { authorization: `Bearer ${key}` } })).json();
    expect(await ask("sk-red")).toMatchObject({ status: "in_progress" });
    expect(await ask("sk-blue")).toMatchObject({ error: { code: "unknown_request" } });
    for await (const _chunk of data) void _chunk;
    expect(await ask("sk-red")).toMatchObject({ status: "served" });
    expect(await ask("sk-blue")).toMatchObject({ error: { code: "unknown_request" } });
  });
});

describe("the request contract", () => {
  test("fields of the body, of metadata and headers act, and no provider sees them", async () => {
    const { client, upstreams, recorded } = await startLive({ deployment: ", tags: [eu, default], region: west" });
    const extra = { priority: 7, tags: ["eu"], max_latency_ms: 60_000, cost_budget: 0.5, metadata: { region: "west", own: "kept", urgency: "high" } };
    await client.chat.completions.create({ model: "chat", messages, ...extra } as OpenAI.ChatCompletionCreateParamsNonStreaming, {
      headers: { "x-headgate-residency": "west" },
    });
    const arrived = recorded
      .map((entry) => (entry.kind === "event" && entry.event.kind === "request-arrived" ? entry.event.request : null))
      .find((one) => one !== null);
    expect(arrived).toMatchObject({ priority: 7, tags: [0], region: 0, residency: 0 });
    expect(arrived?.deadline).toBeLessThan(Infinity);
    expect(upstreams[0]?.seen[0]?.body).toEqual({ model: "upstream-model", messages, metadata: { own: "kept" } });
    expect(Object.keys(upstreams[0]?.seen[0]?.headers ?? {}).filter((name) => name.startsWith("x-headgate"))).toEqual([]);
  });

  test("the caller's strategy and what it will pay at most act, and the answer says which strategy it was", async () => {
    const { client, running, upstreams } = await startLive({ upstreams: 2, price: "{ input: 100, output: 100 }" });
    const ask = async (asked: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
      fetch(`${running.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify({ model: "chat", messages, max_tokens: 10, ...asked }), headers });
    const strategyOf = (answer: Response): string | null => answer.headers.get("x-headgate-strategy");
    expect(strategyOf(await ask({}))).toBe("weighted");
    // Weighted, all of them go to the first; in turn, they do not.
    const inTurn = [await ask({ routing_strategy: "round-robin" }), await ask({}, { "x-headgate-strategy": "round-robin" })];
    expect(inTurn.map(strategyOf)).toEqual(["round-robin", "round-robin"]);
    expect(upstreams[1]?.seen).toHaveLength(1);
    const told = (await (await fetch(`${running.url}/v1/requests/${inTurn[0]?.headers.get("x-headgate-request-id")}`)).json()) as object;
    expect(told).toMatchObject({ strategy: "round-robin" });
    for (const kept of ["prefix-affinity", "auto"]) expect(strategyOf(await ask({ routing_strategy: kept })), kept).toBe("weighted");
    expect((await ask({ cost_budget: 0.05 })).status).toBe(200);
    const body = { model: "chat", messages, max_tokens: 10, cost_budget: 0.000001 } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    await expect(client.chat.completions.create(body)).rejects.toMatchObject({ status: 400, code: "cost_budget_too_small", param: "cost_budget" });
  });

  test("a floor on quality, preferences and words for priority act", async () => {
    const { client, recorded, upstreams } = await startLive({ deployment: ", quality: 0.8", route: "    realtimeCostLimitUsd: 2.5" });
    const ask = async (asked: object) => client.chat.completions.create({ model: "chat", messages, ...asked } as OpenAI.ChatCompletionCreateParamsNonStreaming);
    await ask({ quality_threshold: 0.8, cost_preference: "lowest", priority: "high" });
    await ask({ metadata: { latency_requirement: "lowest", cost_preference: "lowest", priority: "low" } });
    await ask({ routing_strategy: "round-robin", latency_requirement: "lowest", priority: "normal" });
    await ask({ cost_preference: "balanced", latency_requirement: "normal", urgency: "high", idempotency_key: "again" });
    const arrived = recorded.flatMap((entry) => (entry.kind === "event" && entry.event.kind === "request-arrived" ? [entry.event.request] : []));
    expect(arrived[0]).toMatchObject({ qualityMin: 0.8, strategy: "cost-based", priority: 100 });
    expect(arrived[1]).toMatchObject({ strategy: "latency-based", priority: 0 });
    expect(arrived[2]).toMatchObject({ strategy: "round-robin", priority: 0 });
    expect(arrived[3]?.strategy).toBeUndefined();
    for (const { body } of upstreams[0]?.seen ?? []) expect({ metadata: {}, ...(body as object) }).toEqual({ model: "upstream-model", messages, metadata: {} });
    await expect(ask({ quality_threshold: 0.81 })).rejects.toMatchObject({ status: 400, code: "quality_not_available", param: "quality_threshold" });
    expect(upstreams[0]?.seen).toHaveLength(4);
  });

  test("what is not of its form is refused by name", async () => {
    const { client, running } = await startLive();
    const body = { model: "chat", messages, priority: "urgent" } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    await expect(client.chat.completions.create(body)).rejects.toMatchObject({ status: 400, code: "invalid_request_contract", param: "priority" });
    const answer = await fetch(`${running.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "chat", messages }),
      headers: { "x-headgate-tags-match": "some" },
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("must be one of any, all");
  });

  test("a deadline that passes is told, and the provider is let go", async () => {
    const { client, upstreams } = await startLive();
    upstreams[0]?.next(() => undefined);
    const error = client.chat.completions.create({ model: "chat", messages }, { headers: { "x-headgate-max-latency-ms": "150" } });
    await expect(error).rejects.toMatchObject({ status: 503, code: "deadline_passed" });
    await until(() => upstreams[0]?.seen[0]?.closedMs !== null);
  });
});

test("a model is asked for by name, alias or wildcard; the provider sees its own name, and the list has no wildcards", async () => {
  const { running, upstreams } = await startLive({ route: '    aliases: [gpt-4o, "claude-*"]' });
  const ask = async (model: string) =>
    fetch(`${running.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, messages: [{ role: "user", content: "hello" }] }),
    });
  const statuses = await Promise.all(["chat", "gpt-4o", "claude-sonnet-4", "gpt-4o-mini"].map(async (model) => (await ask(model)).status));
  expect(statuses).toEqual([200, 200, 200, 404]);
  expect(upstreams[0]?.seen.map(({ body }) => body["model"])).toEqual(["upstream-model", "upstream-model", "upstream-model"]);
  const { data } = (await (await fetch(`${running.url}/v1/models`)).json()) as { data: readonly { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(["chat", "gpt-4o"]);
});

describe("trace context and pages", () => {
  test("W3C trace context goes on to the provider, other headers of the caller do not", async () => {
    const { client, upstreams } = await startLive();
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await client.chat.completions.create(
      { model: "chat", messages },
      { headers: { traceparent, tracestate: "a=1", cookie: "session=1", "x-secret": "s", "x-forwarded-for": "10.0.0.1" } },
    );
    const headers = upstreams[0]?.seen[0]?.headers ?? {};
    expect([headers["traceparent"], headers["tracestate"]]).toEqual([traceparent, "a=1"]);
    expect(Object.keys(headers).filter((name) => /cookie|secret|forwarded|stainless|user-agent/.test(name))).toEqual([]);
  });

  test("pages of a configured origin may call, others may not", async () => {
    const { running, upstreams } = await startLive({ more: 'cors: { origins: ["https://app.example"] }' });
    const url = `${running.url}/v1/chat/completions`;
    const ask = async (origin: string) =>
      fetch(url, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization, x-stainless-os" },
      });
    const asked = await ask("https://app.example");
    expect(asked.status).toBe(204);
    expect(asked.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(asked.headers.get("access-control-allow-headers")).toContain("x-stainless-os");
    expect((await ask("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
    upstreams[0]?.next(chatAnswer("hi"));
    const answer = await fetch(url, { method: "POST", headers: { origin: "https://app.example" }, body: JSON.stringify({ model: "chat", messages }) });
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(answer.headers.get("access-control-expose-headers")).toContain("x-headgate-cost-usd");
    expect(await answer.json()).toMatchObject({ choices: [{ message: { content: "hi" } }] });
  });
});
