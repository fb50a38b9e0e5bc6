import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { startLive } from "../support/live-service.ts";
import { until } from "../support/loop-time.ts";
import { chatAnswer, chatStream, delta, doneEvent, errorAnswer, sse, wordStream } from "../support/scripted-upstream.ts";

const messages = [{ role: "user" as const, content: "say hello" }];

describe("the unmodified OpenAI SDK through the service", () => {
  test("a plain answer, with who served it and what it cost", async () => {
    const { client, upstreams } = await startLive();
    const { data, response } = await client.chat.completions.create({ model: "chat", messages }).withResponse();
    expect(data.choices[0]?.message.content).toBe("hello");
    expect(response.headers.get("x-headgate-deployment")).toBe("one");
    expect(response.headers.get("x-headgate-attempts")).toBe("1");
    expect(response.headers.get("x-headgate-strategy")).toBe("weighted");
    expect(response.headers.get("x-headgate-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    // 7 tokens at $1, 4 cached ones at $0.10, 3 at $2 per million.
    expect(response.headers.get("x-headgate-cost-usd")).toBe("0.000013400");
    const seen = upstreams[0]?.seen[0];
    expect(seen?.path).toBe("/v1/chat/completions");
    expect(seen?.body["model"]).toBe("upstream-model");
    expect(seen?.headers.authorization).toBe("Bearer sk-upstream");
  });

  test("a stream; the usage chunk is fetched from the provider and kept from a caller that did not ask", async () => {
    const { client, upstreams, scrape } = await startLive();
    upstreams[0]?.next(wordStream(["Hel", "lo", "!"]));
    const stream = await client.chat.completions.create({ model: "chat", messages, stream: true });
    const chunks = await collected(stream);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe("Hello!");
    expect(chunks.every((chunk) => chunk.choices.length === 1)).toBe(true);
    expect(upstreams[0]?.seen[0]?.body["stream_options"]).toEqual({ include_usage: true });
    const metrics = await scrape();
    expect(metrics).toContain(
      'billing_tokens_total{route="chat",provider="vllm",deployment="one",tenant="everybody",model="upstream-model",route_tier="chat",kind="input"} 11',
    );
    expect(metrics).toContain(
      'billing_cost_nanodollars_total{route="chat",provider="vllm",deployment="one",tenant="everybody",model="upstream-model",route_tier="chat"} 13400',
    );
  });

  test("a stream whose caller asked for the usage gets it", async () => {
    const { client, upstreams } = await startLive();
    upstreams[0]?.next(wordStream(["Hello"]));
    const stream = await client.chat.completions.create({ model: "chat", messages, stream: true, stream_options: { include_usage: true } });
    const chunks = await collected(stream);
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(3);
  });

  test("a stream that is given up closes the provider's connection within 100 ms and is accounted by estimate", async () => {
    const { client, upstreams, scrape, recorded } = await startLive();
    upstreams[0]?.next(
      wordStream(
        Array.from({ length: 1000 }, () => "word "),
        { gapMs: 5 },
      ),
    );
    const stream = await client.chat.completions.create({ model: "chat", messages, stream: true });
    let count = 0;
    for await (const _chunk of stream) {
      count += 1;
      if (count === 10) break;
    }
    await until(() => upstreams[0]?.seen[0]?.closedMs !== null, 100);
    await until(() => recorded.some((entry) => entry.kind === "command" && entry.command.kind === "finish-request"));
    const finish = recorded
      .map((entry) => (entry.kind === "command" && entry.command.kind === "finish-request" ? entry.command : null))
      .find((command) => command !== null);
    expect(finish?.result.kind).toBe("client-left");
    expect(finish?.account.estimated).toBe(true);
    expect(finish?.account.usage.output).toBeGreaterThanOrEqual(9);
    expect(await scrape()).toContain('router_requests_total{route="chat",provider="vllm",deployment="one",result="client-left"} 1');
  });

  test("a plain request that is given up closes the provider's connection too", async () => {
    const { client, upstreams } = await startLive();
    upstreams[0]?.next(() => undefined);
    const controller = new AbortController();
    const answer = client.chat.completions.create({ model: "chat", messages }, { signal: controller.signal });
    await until(() => upstreams[0]?.seen.length === 1);
    controller.abort();
    await expect(answer).rejects.toThrow(OpenAI.APIUserAbortError);
    await until(() => upstreams[0]?.seen[0]?.closedMs !== null, 100);
  });

  test("a 500 is tried again at another endpoint, unseen by the caller", async () => {
    const { client, upstreams } = await startLive({ upstreams: 2 });
    upstreams[0]?.next(errorAnswer(500, "boom"));
    const { data, response } = await client.chat.completions.create({ model: "chat", messages }).withResponse();
    expect(data.choices[0]?.message.content).toBe("hello");
    expect(response.headers.get("x-headgate-attempts")).toBe("2");
    expect(response.headers.get("x-headgate-deployment")).toBe("two");
  });

  test("a stream that fails before its first token is tried again, and nothing of the failed attempt is seen", async () => {
    const { client, upstreams } = await startLive({ upstreams: 2 });
    const role = delta({ role: "assistant", content: "" });
    upstreams[0]?.next(chatStream([role, sse({ error: { message: "EngineCore died", type: "InternalServerError", param: null, code: 500 } }), doneEvent]));
    upstreams[1]?.next(wordStream(["fine"]));
    const stream = await client.chat.completions.create({ model: "chat", messages, stream: true });
    const chunks = await collected(stream);
    expect(chunks.filter((chunk) => chunk.choices[0]?.delta.role === "assistant")).toHaveLength(1);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe("fine");
  });

  test("an empty stream is an answer: no content, but an end", async () => {
    const { client, upstreams } = await startLive();
    upstreams[0]?.next(chatStream([delta({ role: "assistant", content: "" }), delta({ content: "" }, "stop"), doneEvent]));
    const stream = await client.chat.completions.create({ model: "chat", messages, stream: true });
    const chunks = await collected(stream);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
  });

  test("a rate limit that is not waited for reaches the caller as 429 with Retry-After", async () => {
    const { client, upstreams } = await startLive();
    upstreams[0]?.next(errorAnswer(429, "slow down", { "retry-after": "77" }));
    const error = await rejection(client.chat.completions.create({ model: "chat", messages }));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error.headers?.get("retry-after")).toBe("77");
    expect(error.code).toBe("rate_limited");
  });

  test.each([
    ["end", doneEvent],
    ["cut", ""],
  ] as const)("a stream that breaks off (%s) never looks complete: an error, and no [DONE]", async (end, tail) => {
    const { client, upstreams, running } = await startLive();
    const broken = [
      delta({ content: "half an " }),
      ...(tail === "" ? [] : [sse({ error: { message: "died", type: "InternalServerError", code: 500 } }), tail]),
    ];
    upstreams[0]?.next(chatStream(broken, { end, gapMs: 5 }), chatStream(broken, { end, gapMs: 5 }));
    const stream = await client.chat.completions.create({ model: "chat", messages, stream: true });
    let text = "";
    const read = async (): Promise<void> => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    };
    await expect(read()).rejects.toThrow();
    expect(text).toBe("half an ");
    const { bytes, broken: brokenOff } = await rawStream(running.url);
    expect(bytes).toContain('data: {"error":');
    expect(bytes).not.toContain("[DONE]");
    expect(brokenOff).toBe(true);
  });

  test("the caller's own mistake comes back as the provider said it, and is not tried again", async () => {
    const { client, upstreams } = await startLive({ upstreams: 2 });
    upstreams[0]?.next(errorAnswer(400, "This model's maximum context length is 8192 tokens.", {}, "context_length_exceeded"));
    const error = await rejection(client.chat.completions.create({ model: "chat", messages }));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error.message).toContain("maximum context length is 8192");
    expect(upstreams[1]?.seen).toHaveLength(0);
  });

  test("a provider that refuses our key is our fault: 502, with what it said but for the key", async () => {
    const { client, upstreams } = await startLive();
    upstreams[0]?.next(
      errorAnswer(401, "Incorrect API key provided: sk-upstream"),
      errorAnswer(401, "Incorrect API key provided: sk-upstream"),
      errorAnswer(401, "Incorrect"),
    );
    const error = await rejection(client.chat.completions.create({ model: "chat", messages }));
    expect(error.status).toBe(502);
    expect(error.message).not.toContain("sk-upstream");
    expect(error.message).toContain("the provider refused the router's credentials (deployment one, status 401): Incorrect");
  });

  test("an unknown model is a 404 that names it", async () => {
    const { client } = await startLive();
    const error = await rejection(client.chat.completions.create({ model: "nope", messages }));
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error.message).toContain("nope");
    expect(error.param).toBe("model");
  });

  test("models", async () => {
    const { client } = await startLive();
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(["chat"]);
    expect((await client.models.retrieve("chat")).owned_by).toBe("headgate");
  });

  test("many at once, streams and plain, keep their answers apart", async () => {
    const { client, upstreams } = await startLive();
    const upstream = upstreams[0];
    if (upstream === undefined) throw new Error("no upstream");
    upstream.otherwise = (response, seen) => {
      const [message] = seen.body["messages"] as { content: string }[];
      const text = message?.content ?? "";
      if (seen.body["stream"] === true) wordStream(text.split(""), { gapMs: 1 })(response, seen);
      else chatAnswer(text)(response, seen);
    };
    const asked = Array.from({ length: 60 }, (_, place) => `question ${place}`);
    const answers = await Promise.all(
      asked.map(async (content, place) => {
        const request = { model: "chat", messages: [{ role: "user" as const, content }] };
        if (place % 2 === 0) return (await client.chat.completions.create(request)).choices[0]?.message.content;
        const chunks = await collected(await client.chat.completions.create({ ...request, stream: true }));
        return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
      }),
    );
    expect(answers).toEqual(asked);
  });
});

async function collected<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function rejection(answer: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await answer.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof OpenAI.APIError) return error;
  throw new Error(`expected an API error, not ${String(error)}`);
}

async function rawStream(url: string): Promise<{ bytes: string; broken: boolean }> {
  const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", body: JSON.stringify({ model: "chat", messages, stream: true }) });
  const decoder = new TextDecoder();
  let bytes = "";
  try {
    for await (const chunk of response.body ?? []) bytes += decoder.decode(chunk as Uint8Array, { stream: true });
  } catch {
    return { bytes, broken: true };
  }
  return { bytes, broken: false };
}
