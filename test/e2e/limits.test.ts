import { createHash } from "node:crypto";
import OpenAI, { RateLimitError } from "openai";
import { describe, expect, test } from "vitest";
import { type LiveService, startLive } from "../support/live-service.ts";
import type { Script } from "../support/scripted-upstream.ts";

const digest = (key: string): string => `sha256:${createHash("sha256").update(key).digest("hex")}`;
const messages = [{ role: "user" as const, content: "hello" }];
const ask = async (client: OpenAI, tokens = 16): Promise<unknown> => client.chat.completions.create({ model: "chat", messages, max_tokens: tokens });
const clientOf = (live: LiveService, apiKey: string): OpenAI => new OpenAI({ baseURL: `${live.running.url}/v1`, apiKey, maxRetries: 0 });

async function refusal(asked: Promise<unknown>): Promise<RateLimitError> {
  const error: unknown = await asked.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof RateLimitError) return error;
  throw new Error(`it was not refused with 429 but gave ${String(error)}`);
}

describe("tenants", () => {
  test("are known by the digest of their key; nobody else is served", async () => {
    const live = await startLive({ more: `tenants: { acme: { keys: [{ digest: "${digest("sk-acme")}" }] }, umbra: { keys: ["\${UPSTREAM_KEY}"] } }` });
    await ask(clientOf(live, "sk-acme"));
    await ask(clientOf(live, "sk-upstream"));
    await expect(ask(clientOf(live, "sk-wrong"))).rejects.toMatchObject({ status: 401, code: "invalid_api_key" });
    const tenants = live.recorded.flatMap((entry) => (entry.kind === "event" && entry.event.kind === "request-arrived" ? [entry.event.request.tenant] : []));
    expect(tenants).toEqual([0, 1]);
    expect(live.upstreams[0]?.seen).toHaveLength(2);
  });

  test("one that is over its limit does not stand in another's way", async () => {
    const tenant = (key: string): string => `{ keys: [{ digest: "${digest(key)}" }], requestsPerMinute: 2 }`;
    const live = await startLive({ more: `tenants: { one: ${tenant("sk-1")}, two: ${tenant("sk-2")} }` });
    await ask(clientOf(live, "sk-1"));
    await ask(clientOf(live, "sk-1"));
    const error = await refusal(ask(clientOf(live, "sk-1")));
    expect(error.code).toBe("rate_limit_exceeded");
    // Two a minute: the next one in half a minute, less what the test took.
    const seconds = Number(error.headers.get("retry-after"));
    expect(seconds).toBeGreaterThan(25);
    expect(seconds).toBeLessThanOrEqual(30);
    await ask(clientOf(live, "sk-2"));
  });
});

test("a budget that is spent is answered as clients know it, and counted", async () => {
  // Every answer costs what it is long; the first reservation passes on credit, and leaves nothing.
  const live = await startLive({ more: "limits: [{ budget: { dollars: 0.0005, per: day } }]" });
  let served = 0;
  for (; served < 80; served += 1) {
    const outcome = await ask(live.client).catch((error: unknown) => error);
    if (outcome instanceof RateLimitError) {
      expect(outcome.code).toBe("insufficient_quota");
      break;
    }
    expect(outcome).not.toBeInstanceOf(Error);
  }
  expect(served).toBeGreaterThan(0);
  expect(served).toBeLessThan(80);
  expect(live.upstreams[0]?.seen).toHaveLength(served);
  const metrics = await live.scrape();
  expect(metrics).toContain('router_budget_notices_total{budget="total, dollars per day",level="alert"} 1');
  const spent = Number(/billing_cost_nanodollars_total\{[^}]*\} (\d+)/.exec(metrics)?.[1]);
  expect(spent).toBeLessThanOrEqual(500_000);
});

test("a provider's limit is waited for, and others are taken meanwhile", async () => {
  const live = await startLive({ upstreams: 2, more: "limits: [{ deployment: one, requestsPerMinute: 2 }]" });
  for (let request = 0; request < 5; request += 1) await ask(live.client);
  expect(live.upstreams.map(({ seen }) => seen.length)).toEqual([2, 3]);
});

test("a user that the caller names is billed apart", async () => {
  const live = await startLive();
  await live.client.chat.completions.create({ model: "chat", messages, max_tokens: 16 }, { headers: { "x-headgate-user": "ann" } });
  await ask(live.client);
  const metrics = await live.scrape();
  expect(metrics).toMatch(/billing_user_cost_nanodollars_total\{tenant="[^"]*",user="ann"\} [1-9]\d*/);
  expect(metrics.match(/^billing_user_requests_total\{/gm)).toHaveLength(1);
});

test("a picture's price is in the bill of the request that shows it, and of no other", async () => {
  const live = await startLive({ deployment: ", priceChanges: [{ from: 2020-01-01T00:00:00Z, price: { input: 1, output: 0, picture: 0.01 } }]" });
  const seen = async (): Promise<number> => Number(/billing_cost_nanodollars_total\{[^}]*\} (\d+)/.exec(await live.scrape())?.[1] ?? 0);
  await ask(live.client);
  expect(await seen()).toBeLessThan(10_000_000);
  const parts = [
    { type: "text" as const, text: "what is this?" },
    { type: "image_url" as const, image_url: { url: "https://example.com/a.png" } },
  ];
  await live.client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: parts }], max_tokens: 16 });
  const nano = await seen();
  expect(nano).toBeGreaterThan(10_000_000);
  expect(nano).toBeLessThan(20_000_000);
});

/** What a request of a tier costs where batches cost half, as the answer says. */
async function costOfTier(
  live: LiveService,
  tier: "default" | "flex" | "priority" | undefined,
  stream = false,
): Promise<{ usd: number; dropped: string | null }> {
  const { data, response } = await live.client.chat.completions
    .create({ model: "chat", messages, max_tokens: 16, ...(tier === undefined ? {} : { service_tier: tier }), stream })
    .withResponse();
  const told = async (): Promise<{ cost_usd: string | null }> =>
    (await (await fetch(`${live.running.url}/v1/requests/${response.headers.get("x-headgate-request-id")}`)).json()) as { cost_usd: string | null };
  if (Symbol.asyncIterator in data) for await (const _chunk of data) void _chunk;
  return { usd: Number((await told()).cost_usd ?? Number.NaN), dropped: response.headers.get("x-headgate-dropped") };
}
const halfInBatches = "{ input: 100, output: 0, batch: { input: 50, output: 0 } }";
const servedAs =
  (tier: string | null): Script =>
  (response, { body }) => {
    const usage = { prompt_tokens: 11, completion_tokens: 3 };
    const choice = { index: 0, message: { role: "assistant", content: "hello" }, delta: { content: "hello" }, finish_reason: "stop" };
    const chunk = { id: "c", object: "chat.completion", choices: [choice], usage, ...(tier === null ? {} : { service_tier: tier }) };
    const text = JSON.stringify(chunk);
    response.setHeader("content-type", body["stream"] === true ? "text/event-stream" : "application/json");
    response.end(body["stream"] === true ? `data: ${text}\n\ndata: [DONE]\n\n` : text);
  };

test("a request that may be delayed is billed at the batch price, also after a change of prices", async () => {
  for (const prices of [{ price: halfInBatches }, { deployment: `, priceChanges: [{ from: 2020-01-01T00:00:00Z, price: ${halfInBatches} }]` }]) {
    const live = await startLive(prices);
    expect((await costOfTier(live, "default")).usd).toBeCloseTo(11 * 100e-6, 9);
    expect((await costOfTier(live, "flex")).usd).toBeCloseTo(11 * 50e-6, 9);
  }
});

test("what the provider says of the tier that it has served goes before what was asked for, plain and streamed", async () => {
  const live = await startLive({ providers: ["openai"], price: halfInBatches });
  for (const stream of [false, true]) {
    for (const [served, asked, dollars] of [
      ["default", "flex", 100],
      ["flex", "flex", 50],
      [null, "flex", 50],
      ["default", "default", 100],
    ] as const) {
      live.upstreams[0]?.next(servedAs(served));
      expect((await costOfTier(live, asked, stream)).usd, `${served} for ${asked}, stream ${stream}`).toBeCloseTo(11 * dollars * 1e-6, 9);
    }
  }
});

test("the tier priority is billed at its price, as served, also where nobody asked for it; without a price it is told to be unknown, never the usual one", async () => {
  const priced = await startLive({ providers: ["openai"], price: "{ input: 100, output: 0, priority: { input: 175, output: 0 } }" });
  const unpriced = await startLive({ providers: ["openai"], price: "{ input: 100, output: 0 }" });
  for (const stream of [false, true]) {
    for (const [served, asked, dollars] of [
      ["priority", "priority", 175],
      ["default", "priority", 100],
      [null, "priority", 175],
      ["priority", undefined, 175],
      ["scale", undefined, null],
    ] as const) {
      for (const [live, expected] of [
        [priced, dollars],
        [unpriced, dollars === 100 ? 100 : null],
      ] as const) {
        live.upstreams[0]?.next(servedAs(served));
        const { usd } = await costOfTier(live, asked, stream);
        const what = `${served} for ${asked}, stream ${stream}, expected ${expected}`;
        if (expected === null) expect(usd, what).toBeNaN();
        else expect(usd, what).toBeCloseTo(11 * expected * 1e-6, 9);
      }
    }
  }
  expect(await unpriced.scrape()).toMatch(/billing_unpriced_requests_total\{[^}]*\} 8\n/);
});

test("where unknown prices are refused, a request that asks for the tier without a price goes where it has one, or nowhere", async () => {
  const price = "{ input: 100, output: 0 }";
  const more = "unknownPrice: refuse\nlimits: [{ budget: { dollars: 5, per: day } }]";
  const live = await startLive({ upstreams: 2, providers: ["openai", "vllm"], price, more });
  const tier = { service_tier: "priority" as const };
  const { response } = await live.client.chat.completions.create({ model: "chat", messages, ...tier }).withResponse();
  expect(response.headers.get("x-headgate-deployment")).toBe("two");
  const alone = await startLive({ providers: ["openai"], price, more });
  let asked = 0;
  const counted: typeof fetch = async (url, init) => {
    asked += 1;
    return fetch(url, init);
  };
  const patient = alone.client.withOptions({ maxRetries: 2, fetch: counted });
  await expect(patient.chat.completions.create({ model: "chat", messages, ...tier })).rejects.toMatchObject({ status: 403, code: "price_unknown" });
  expect(asked).toBe(1);
  expect((await alone.client.chat.completions.create({ model: "chat", messages })).object).toBe("chat.completion");
});

test("what a request may cost is bounded for all the answers that it asks for", async () => {
  const { client } = await startLive();
  // $2 a million: 20 micro-dollars an answer, and about as much for the prompt.
  const ask = async (n: number) => {
    const body = { model: "chat", messages, max_tokens: 10, n, cost_budget: 0.0001 } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    return client.chat.completions.create(body);
  };
  expect((await ask(2)).object).toBe("chat.completion");
  for (const n of [5, 1e300]) await expect(ask(n)).rejects.toMatchObject({ status: 400, code: "cost_budget_too_small" });
});

test("a tier that is lost in translation is said to be, and the request billed as what it was served as", async () => {
  const live = await startLive({ providers: ["vertex"], price: halfInBatches, deployment: ", project: p", key: '"${UPSTREAM_KEY}"' });
  const generated = {
    candidates: [{ content: { role: "model", parts: [{ text: "hello" }] }, finishReason: "STOP", index: 0 }],
    usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 3 },
  };
  if (live.upstreams[0] !== undefined)
    live.upstreams[0].otherwise = (response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(generated));
    };
  for (const tier of ["default", "flex", "priority"] as const)
    expect(await costOfTier(live, tier), tier).toEqual({ usd: 11 * 100e-6, dropped: "service_tier" });
});
