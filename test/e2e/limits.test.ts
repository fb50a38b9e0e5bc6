import { createHash } from "node:crypto";
import OpenAI, { RateLimitError } from "openai";
import { describe, expect, test } from "vitest";
import { type LiveService, startLive } from "../support/live-service.ts";

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

test("a request that may be delayed is billed at the batch price", async () => {
  const live = await startLive({
    deployment: ", priceChanges: [{ from: 2020-01-01T00:00:00Z, price: { input: 100, output: 0, batch: { input: 50, output: 0 } } }]",
  });
  const paid = async (tier: "default" | "flex"): Promise<number> => {
    const before = Number(/billing_cost_nanodollars_total\{[^}]*\} (\d+)/.exec(await live.scrape())?.[1] ?? 0);
    await live.client.chat.completions.create({ model: "chat", messages, max_tokens: 16, service_tier: tier });
    return Number(/billing_cost_nanodollars_total\{[^}]*\} (\d+)/.exec(await live.scrape())?.[1]) - before;
  };
  const full = await paid("default");
  expect(full).toBeGreaterThan(0);
  expect(await paid("flex")).toBe(full / 2);
});

test("a request that may be delayed is billed at the batch price", async () => {
  const live = await startLive({
    deployment: ", priceChanges: [{ from: 2020-01-01T00:00:00Z, price: { input: 100, output: 0, batch: { input: 50, output: 0 } } }]",
  });
  const billed = async (): Promise<number> => Number(/billing_cost_nanodollars_total\{[^}]*\} (\d+)/.exec(await live.scrape())?.[1] ?? 0);
  const paid = async (tier: "default" | "flex"): Promise<number> => {
    const before = await billed();
    await live.client.chat.completions.create({ model: "chat", messages, max_tokens: 16, service_tier: tier });
    return (await billed()) - before;
  };
  const full = await paid("default");
  expect(full).toBeGreaterThan(0);
  expect(await paid("flex")).toBe(full / 2);
});
