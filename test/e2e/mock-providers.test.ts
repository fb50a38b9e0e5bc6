import { afterEach, describe, expect, test } from "vitest";
import type { FaultSpec } from "../../simulator/core/compiled-scenario.ts";
import type { HostedSpec } from "../../simulator/core/hosted/hosted-spec.ts";
import { type MockFleet, startMockFleet } from "../../simulator/mock/mock-fleet.ts";
import { smallHosted, smallScenario } from "../support/small-scenario.ts";

/** What hosted mocks say when they do not answer, each in its own dialect; what they answer is seen through the clients in clients.test.ts. */
const fleets: MockFleet[] = [];
afterEach(async () => {
  await Promise.all(fleets.splice(0).map(async (fleet) => fleet.close()));
});

interface Dialect {
  readonly provider: string;
  readonly path: string;
  readonly key: Readonly<Record<string, string>>;
  readonly body: object;
  readonly limited: object;
  readonly overloaded: { readonly status: number; readonly body: object };
  readonly keyless: object;
  readonly quotaHeader: string | null;
}
const chat = { model: "m", max_tokens: 2, messages: [{ role: "user", content: "one two" }] };
const dialects: readonly Dialect[] = [
  {
    provider: "openai",
    path: "/v1/chat/completions",
    key: { authorization: "Bearer k" },
    body: chat,
    limited: { error: { code: "rate_limit_exceeded" } },
    overloaded: { status: 503, body: { error: { type: "server_error" } } },
    keyless: { error: { code: "invalid_api_key" } },
    quotaHeader: "x-ratelimit-remaining-requests",
  },
  {
    provider: "azure",
    path: "/openai/deployments/m/chat/completions?api-version=2024-10-21",
    key: { "api-key": "k" },
    body: { max_tokens: 2, messages: chat.messages },
    limited: { error: { code: "rate_limit_exceeded" } },
    overloaded: { status: 503, body: { error: { type: "server_error" } } },
    keyless: { error: { code: "invalid_api_key" } },
    quotaHeader: "x-ratelimit-remaining-requests",
  },
  {
    provider: "anthropic",
    path: "/v1/messages",
    key: { "x-api-key": "k" },
    body: chat,
    limited: { type: "error", error: { type: "rate_limit_error" } },
    overloaded: { status: 529, body: { type: "error", error: { type: "overloaded_error" } } },
    keyless: { type: "error", error: { type: "authentication_error" } },
    quotaHeader: "anthropic-ratelimit-requests-remaining",
  },
  {
    provider: "vertex",
    path: "/v1/projects/p/locations/l/publishers/google/models/m:generateContent",
    key: { authorization: "Bearer k" },
    body: { contents: [{ role: "user", parts: [{ text: "one two" }] }], generationConfig: { maxOutputTokens: 2 } },
    limited: { error: { code: 429, status: "RESOURCE_EXHAUSTED" } },
    overloaded: { status: 503, body: { error: { status: "UNAVAILABLE" } } },
    keyless: { error: { status: "UNAUTHENTICATED" } },
    quotaHeader: null,
  },
];

async function start(provider: string, spec: HostedSpec, faults: readonly FaultSpec[] = []): Promise<string> {
  const fleet = await startMockFleet(smallScenario([{ name: "cloud", provider, model: "m", replicas: [spec] }], faults), {
    file: "test",
    seed: 11,
    host: "127.0.0.1",
    ports: "ephemeral",
  });
  fleets.push(fleet);
  return fleet.origins["cloud"]?.[0] ?? "";
}

describe.each(dialects)("a mock of $provider", ({ provider, path, key, body, limited, overloaded, keyless, quotaHeader }) => {
  const ask = async (origin: string, headers: Readonly<Record<string, string>> = key) =>
    fetch(`${origin}${path}`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });

  test("tells what is left of its quota, and beyond it when to come again", async () => {
    const origin = await start(provider, { ...smallHosted, quota: { requestsPerMinute: 2, tokensPerMinute: 1000 } });
    const first = await ask(origin);
    expect(first.status).toBe(200);
    await first.text();
    expect(first.headers.get(quotaHeader ?? "none")).toBe(quotaHeader === null ? null : "1");
    await (await ask(origin)).text();
    const third = await ask(origin);
    expect(third.status).toBe(429);
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await third.json()).toMatchObject(limited);
  });

  test("overload, and a call without a key", async () => {
    const origin = await start(provider, { ...smallHosted, overloadRate: 1 });
    const busy = await ask(origin);
    expect([busy.status, await busy.json()]).toMatchObject([overloaded.status, overloaded.body]);
    const unknown = await ask(origin, {});
    expect([unknown.status, await unknown.json()]).toMatchObject([401, keyless]);
  });
});

const several = dialects.flatMap(({ provider, path, key, body }) => {
  const { generationConfig = null } = body as { readonly generationConfig?: object };
  const withAnswers = (answers: number): object =>
    generationConfig === null ? { ...body, n: answers } : { ...body, generationConfig: { ...generationConfig, candidateCount: answers } };
  return provider === "anthropic" ? [] : [{ provider, path, key, withAnswers }];
});

describe.each(several)("several answers to one call, a mock of $provider", ({ provider, path, key, withAnswers }) => {
  const ask = async (origin: string, answers: number) =>
    fetch(`${origin}${path}`, { method: "POST", headers: { "content-type": "application/json", ...key }, body: JSON.stringify(withAnswers(answers)) });

  test("are as many choices, one prompt and all their tokens, and count for the quota", async () => {
    const origin = await start(provider, { ...smallHosted, quota: { tokensPerMinute: 60 } });
    const answer = await ask(origin, 3);
    const told = (await answer.json()) as {
      readonly choices?: readonly unknown[];
      readonly candidates?: readonly unknown[];
      readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number; readonly total_tokens: number };
      readonly usageMetadata?: { readonly promptTokenCount: number; readonly candidatesTokenCount: number; readonly totalTokenCount: number };
    };
    expect(told.choices ?? told.candidates).toHaveLength(3);
    const { usage, usageMetadata } = told;
    const counted = usage === undefined ? Object.values(usageMetadata ?? {}) : [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens];
    expect(counted).toEqual([2, 6, 8]);
    // 8 tokens so far, then 18 each: the fourth call is beyond 60 a minute.
    expect((await ask(origin, 8)).status).toBe(200);
    expect((await ask(origin, 8)).status).toBe(200);
    expect((await ask(origin, 8)).status).toBe(429);
  });

  test("none, or more than the provider makes, are refused", async () => {
    const origin = await start(provider, smallHosted);
    for (const answers of [0, 129, 1e9]) {
      const refused = await ask(origin, answers);
      expect([answers, refused.status]).toEqual([answers, 400]);
    }
  });
});
