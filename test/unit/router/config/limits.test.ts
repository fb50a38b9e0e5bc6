import { createHash } from "node:crypto";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../../router/config/load-config.ts";
import { InputError } from "../../../../router/config/problem.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const load = (more: string, deployment = "price: { input: 1, output: 2 }"): ReturnType<typeof loadConfig> => {
  const base = `deployments:\n  one: { provider: vllm, model: m, endpoints: ["http://127.0.0.1:9101"], ${deployment} }\nroutes:\n  chat: { deployments: [one] }\n${more}\n`;
  return loadConfig(path.join(temporaryFolder({ "headgate.yaml": base }), "headgate.yaml"), { ACME_KEY: "sk-acme" });
};
const problems = (more: string, deployment?: string): readonly string[] => {
  try {
    load(more, deployment);
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ field, message }) => `${field}: ${message}`);
    throw error;
  }
  return [];
};

test("without tenants and limits everybody is tenant 0, unlimited, and needs no key", () => {
  const { compiled, service } = load("");
  expect(compiled.tenants).toMatchObject([{ id: 0, name: "everybody", priority: 0 }]);
  expect([compiled.limits, service.tenantOf, service.periods]).toEqual([[], null, []]);
});

test("tenants with keys by digest and by reference, limits of every scope and unit", () => {
  const digest = createHash("sha256").update("sk-acme").digest("hex");
  const { compiled, service } = load(`
tenants:
  acme: { keys: ["\${ACME_KEY}"], priority: 3, requestsPerMinute: 60, budget: { dollars: 12.5, per: month, timeZone: Europe/Berlin } }
  umbra: { keys: [{ digest: "sha256:${"0".repeat(64)}" }] }
limits:
  - { concurrency: 9 }
  - { route: chat, tokensPerMinute: 1000 }
  - { provider: vllm, budget: { dollars: 200, atLimit: self-hosted } }`);
  expect([...(service.tenantOf ?? [])]).toEqual([
    [digest, 0],
    ["0".repeat(64), 1],
  ]);
  expect(compiled.limits.map(({ name, unit, amount, scope }) => [name, unit, amount, scope.kind])).toEqual([
    ["tenant acme, requests per minute", "requests", 60, "tenant"],
    ["tenant acme, dollars per month", "nano-dollars", 12_500_000_000, "tenant"],
    ["total, in flight", "attempts-in-flight", 9, "total"],
    ["route chat, tokens per minute", "tokens", 1000, "route"],
    ["provider vllm, dollars per day", "nano-dollars", 200_000_000_000, "deployments"],
  ]);
  expect(compiled.limits.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4]);
  expect(service.periods).toEqual([
    { lease: 1, per: "month", timeZone: "Europe/Berlin" },
    { lease: 4, per: "day", timeZone: "UTC" },
  ]);
  expect(compiled.limits[4]).toMatchObject({ alertPerMille: 800, atAlert: "notify", atLimit: "self-hosted" });
});

describe("what is refused", () => {
  test.each([
    ["limits: [{ tenant: acme, concurrency: 1 }]", "limits[0].tenant", 'there is no tenant "acme"'],
    ["limits: [{ provider: openai, concurrency: 1 }]", "limits[0].provider", 'there is no provider "openai"'],
    ["limits: [{ route: chat, deployment: one, concurrency: 1 }]", "limits[0].deployment", "stands beside route: a limit has one scope"],
    ["limits: [{ route: chat }]", "limits[0]", "limits nothing"],
    ["limits: [{ concurrency: 1 }, { concurrency: 2 }]", "limits", 'has 2 limits for "total, in flight"'],
    ["limits: [{ budget: { dollars: 1, timeZone: Mars } }]", "limits[0].budget.timeZone", '"Mars" is not a time zone'],
    ["tenants: { acme: { keys: [sk-written-here] } }", "tenants.acme.keys[0]", ""],
    ['tenants: { a: { keys: ["${ACME_KEY}"] }, b: { keys: ["${ACME_KEY}"] } }', "tenants.b.keys[0]", "is a key that stands here twice"],
  ])("%s", (more, field, message) => {
    const found = problems(more);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(field);
    expect(found[0]).toContain(message);
    expect(found[0]).not.toContain("sk-written-here");
  });
});

describe("prices", () => {
  const ratesOf = (price: string): unknown => load("", price).compiled.deployments[0]?.rates;

  test("a GPU hour becomes a cost per token by what is really worked through", () => {
    // $3.60 an hour is $0.001 a second; 1,000 tokens a second, half of the time: 500 tokens for $0.001, 2 micro-dollars each.
    const rates = ratesOf("price: { gpuHour: 1.8, gpus: 2, tokensPerSecond: 1000, utilisation: 50 }");
    expect(rates).toEqual({ input: 2_000_000, output: 2_000_000, cacheWrite: 2_000_000, cachedRead: 0 });
    expect(ratesOf("price: { gpuHour: 1.8, gpus: 2, tokensPerSecond: 1000, utilisation: 100 }")).toMatchObject({ input: 1_000_000 });
  });

  test("reasoning and long prompts have rates of their own", () => {
    expect(ratesOf("price: { input: 1, output: 2, reasoning: 3, longPrompt: { above: 200000, input: 2, output: 4 } }")).toEqual({
      input: 1_000_000,
      output: 2_000_000,
      cachedRead: 1_000_000,
      cacheWrite: 1_000_000,
      reasoning: 3_000_000,
      longPrompt: { aboveTokens: 200_000, rates: { input: 2_000_000, output: 4_000_000, cachedRead: 2_000_000, cacheWrite: 2_000_000 } },
    });
  });

  test("a price that comes into force later, at an instant that cannot be mistaken", () => {
    const changes = "price: { input: 1, output: 2 }, priceChanges: [{ from: '2026-04-01T00:00:00+02:00', price: { input: 3, output: 4 } }]";
    expect(load("", changes).service.priceChanges).toMatchObject([{ deployment: 0, fromMs: Date.parse("2026-03-31T22:00:00Z"), rates: { input: 3_000_000 } }]);
    expect(problems("", "priceChanges: [{ from: '2026-04-01', price: { input: 3, output: 4 } }]")[0]).toContain("is no instant");
  });
});
