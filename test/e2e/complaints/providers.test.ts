import { readFileSync } from "node:fs";
import path from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, test } from "vitest";
import { type LiveService, startLive } from "../../support/live-service.ts";
import { projectRoot } from "../../support/project-root.ts";
import { errorAnswer, type Script } from "../../support/scripted-upstream.ts";

/** What users of other gateways complain about, where it concerns translation, keys and errors (a thread's name is its repository and number). */
const messages = [{ role: "user" as const, content: "say hello" }];
const sample = (name: string): string => readFileSync(path.join(projectRoot, "fixtures/wire", name), "utf8");

const plain =
  (text: string): Script =>
  (response) => {
    response.setHeader("content-type", "application/json");
    response.end(text);
  };
const stream =
  (text: string, end: "end" | "cut" = "end"): Script =>
  (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(text, () => setTimeout(() => (end === "end" ? response.end() : response.destroy()), 20));
  };
const events = (name: string, count: number): string =>
  sample(name)
    .split(/(?<=\n\n)/)
    .slice(0, count)
    .join("");

async function toldOf({ running }: LiveService, id: string | null | undefined): Promise<Record<string, unknown>> {
  return (await (await fetch(`${running.url}/v1/requests/${id}`)).json()) as Record<string, unknown>;
}

async function streamedChat(live: LiveService): Promise<Record<string, unknown>> {
  const { data, response } = await live.client.chat.completions.create({ model: "chat", messages, stream: true }).withResponse();
  for await (const _chunk of data) void _chunk;
  return toldOf(live, response.headers.get("x-headgate-request-id"));
}

describe("wrong cost", () => {
  test("litellm#11364: what Anthropic read from its cache costs the cache's price, plain and streamed, asked in either dialect", async () => {
    const live = await startLive({ providers: ["anthropic"] });
    // 9 fresh and 6 written at $1, 16 read at $0.10, 17 out at $2 per million.
    const cost = "0.000050600";
    live.upstreams[0]?.next(plain(sample("anthropic/text.json")));
    const chat = await live.client.chat.completions.create({ model: "chat", messages }).withResponse();
    expect(chat.response.headers.get("x-headgate-cost-usd")).toBe(cost);
    expect(chat.data.usage).toMatchObject({ prompt_tokens: 31, prompt_tokens_details: { cached_tokens: 16 } });
    live.upstreams[0]?.next(stream(sample("anthropic/text.sse")));
    expect(await streamedChat(live)).toMatchObject({ cost_usd: cost, cost_estimated: false });
    live.upstreams[0]?.next(plain(sample("anthropic/text.json")));
    const anthropic = new Anthropic({ baseURL: live.running.url, apiKey: "x", maxRetries: 0 });
    const message = await anthropic.messages.create({ model: "chat", max_tokens: 5, messages }).withResponse();
    expect(message.response.headers.get("x-headgate-cost-usd")).toBe(cost);
  });

  test("litellm#42663: a stream whose server tools made the prompt grow is charged by its last figures, not its first", async () => {
    const live = await startLive({ providers: ["anthropic"] });
    const grown = sample("anthropic/text.sse").replace(
      '"usage":{"output_tokens":17}',
      '"usage":{"input_tokens":5009,"cache_read_input_tokens":16,"cache_creation_input_tokens":6,"output_tokens":170}',
    );
    live.upstreams[0]?.next(stream(grown));
    expect(await streamedChat(live)).toMatchObject({ usage: { input_tokens: 5031, cached_tokens: 16, output_tokens: 170 }, cost_estimated: false });
  });

  test("litellm#16341, litellm#18599: Gemini's implicit cache and its thoughts are counted, and paid for", async () => {
    const live = await startLive({ providers: ["vertex"] });
    live.upstreams[0]?.next(stream(sample("vertex/text.sse")));
    // 15 fresh at $1, 16 cached at $0.10, 17 out (5 of them thoughts) at $2 per million.
    expect(await streamedChat(live)).toMatchObject({
      usage: { input_tokens: 31, cached_tokens: 16, output_tokens: 17, reasoning_tokens: 5 },
      cost_usd: "0.000050600",
    });
  });

  test("litellm#35186: what Vertex answers never costs nothing; litellm#36561: without a price the cost is unknown, not zero", async () => {
    const live = await startLive({ providers: ["vertex"] });
    live.upstreams[0]?.next(plain(sample("vertex/tools.json")));
    const priced = await live.client.chat.completions.create({ model: "chat", messages }).withResponse();
    expect(Number(priced.response.headers.get("x-headgate-cost-usd"))).toBeGreaterThan(0);
    const free = await startLive({ providers: ["vertex"], price: "unknown" });
    free.upstreams[0]?.next(plain(sample("vertex/text.json")));
    const unpriced = await free.client.chat.completions.create({ model: "chat", messages }).withResponse();
    expect(unpriced.response.headers.get("x-headgate-cost-usd")).toBe("unknown");
  });
});

describe("errors that count where they should not", () => {
  test("sglang#25811: callers' mistakes, and what cannot be translated, open no breaker", async () => {
    const live = await startLive({ providers: ["anthropic"] });
    for (let round = 0; round < 12; round += 1) {
      live.upstreams[0]?.next(errorAnswer(400, "messages: at least one message is required"));
      await expect(live.client.chat.completions.create({ model: "chat", messages: [] })).rejects.toMatchObject({ status: 400 });
      await expect(live.client.chat.completions.create({ model: "chat", messages, n: 2 })).rejects.toMatchObject({ status: 400, param: "n" });
    }
    expect(live.recorded.some((entry) => entry.kind === "command" && entry.command.kind === "breaker-changed")).toBe(false);
    live.upstreams[0]?.next(plain(sample("anthropic/text.json")));
    await expect(live.client.chat.completions.create({ model: "chat", messages })).resolves.toBeTruthy();
  });

  test("a provider that refuses the router's key says so in words, with the deployment's name, and without the key", async () => {
    for (const [provider, name] of [
      ["anthropic", "anthropic"],
      ["vertex", "vertex"],
      ["azure", "azure"],
    ] as const) {
      const live = await startLive({ providers: [provider], route: "    retry: { attempts: 1 }" });
      const failures = JSON.parse(sample(`${name}/failures.json`)) as { status: number; body: { error: { message: string } } }[];
      const refusal = failures.find(({ status }) => status === 401);
      live.upstreams[0]?.next((response) => {
        response.writeHead(401, { "content-type": "application/json" });
        response.end(JSON.stringify(refusal?.body));
      });
      const error = live.client.chat.completions.create({ model: "chat", messages });
      await expect(error).rejects.toMatchObject({
        status: 502,
        code: "upstream_unauthorised",
        message: expect.stringContaining(refusal?.body.error.message ?? ""),
      });
      await expect(error).rejects.toThrow("deployment one, status 401");
    }
  });
});

describe("streams that look complete and are not", () => {
  test("Portkey-AI/gateway#1797: a translated stream that breaks off ends in an error event of the caller's dialect, and in no ending", async () => {
    const cases = [
      {
        provider: "anthropic",
        cutBehind: events("anthropic/text.sse", 5),
        path: "/v1/chat/completions",
        body: { messages },
        ends: /\[DONE\]/,
        error: /"code":"upstream_cut"/,
      },
      {
        provider: "vertex",
        cutBehind: events("vertex/text.sse", 2),
        path: "/v1/chat/completions",
        body: { messages },
        ends: /\[DONE\]/,
        error: /"code":"upstream_cut"/,
      },
      {
        provider: "vllm",
        cutBehind: events("vllm/text.sse", 3),
        path: "/v1/messages",
        body: { messages, max_tokens: 5 },
        ends: /message_stop/,
        error: /event: error\ndata: {"type":"error"/,
      },
      {
        provider: "anthropic",
        cutBehind: events("anthropic/text.sse", 5),
        path: "/v1/messages",
        body: { messages, max_tokens: 5 },
        ends: /message_stop/,
        error: /event: error\ndata: {"type":"error"/,
      },
      {
        provider: "vllm",
        cutBehind: events("vllm/text.sse", 3),
        path: "/v1/responses",
        body: { input: "x" },
        ends: /response\.completed/,
        error: /event: error\ndata: {"type":"error","code":"upstream_cut"/,
      },
    ];
    for (const { provider, cutBehind, path: at, body, ends, error } of cases) {
      for (const how of ["cut", "end"] as const) {
        const live = await startLive({ providers: [provider] });
        live.upstreams[0]?.next(stream(cutBehind, how));
        const answer = await fetch(`${live.running.url}${at}`, { method: "POST", body: JSON.stringify({ model: "chat", stream: true, ...body }) });
        let text = "";
        const reading = (async () => {
          const decoder = new TextDecoder();
          for await (const chunk of answer.body ?? []) text += decoder.decode(chunk, { stream: true });
        })();
        await expect(reading, `${provider} ${at}: the connection is not ended as if the answer were whole`).rejects.toThrow();
        expect(text).toContain("Hello");
        expect(text).toMatch(error);
        expect(text).not.toMatch(ends);
      }
    }
  });

  test("before its first content it is tried elsewhere, whatever the two providers speak", async () => {
    const live = await startLive({ upstreams: 2, providers: ["anthropic", "vertex"], route: "    retry: { attempts: 2, backoff: { base: 1ms } }" });
    live.upstreams[0]?.next(stream(events("anthropic/text.sse", 3), "cut"));
    live.upstreams[1]?.next(stream(sample("vertex/text.sse")));
    const told = await streamedChat(live);
    expect(told).toMatchObject({
      status: "served",
      deployment: "two",
      attempts: [
        { deployment: "one", outcome: "cut" },
        { deployment: "two", outcome: "succeeded" },
      ],
    });
  });
});
