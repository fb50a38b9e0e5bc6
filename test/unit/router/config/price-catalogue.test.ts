import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { environmentConfig, providersIn } from "../../../../router/config/environment-config.ts";
import { compileConfigAt, loadConfig } from "../../../../router/config/load-config.ts";
import { builtInPrices } from "../../../../router/config/price-catalogue.ts";
import { isStale } from "../../../../router/config/pricing.ts";
import { parseYaml, plainValue } from "../../../../router/config/yaml-source.ts";
import { priceLine, priceNotes, priceTold, tierNotes } from "../../../../router/commands/price-told.ts";
import { projectRoot } from "../../../support/project-root.ts";
import { placed, problemsOf } from "../../../support/problems-of.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

function loaded(deployments: readonly string[], more = "", files: Readonly<Record<string, string>> = {}): ReturnType<typeof loadConfig> {
  const names = deployments.map((_, place) => `d${place}`);
  const yaml = `${more}\ndeployments:\n${deployments.map((fields, place) => `  ${names[place]}: { ${fields} }`).join("\n")}\nroutes: { chat: { deployments: [${names.join(", ")}] } }\n`;
  return loadConfig(path.join(temporaryFolder({ ...files, "headgate.yaml": yaml }), "headgate.yaml"), null);
}
const rate = (dollars: number): number => Math.round(dollars * 1_000_000);

describe("the built-in catalogue", () => {
  test("knows the main models of all four, a version by its model unless it has a price of its own", () => {
    const input = (provider: string, model: string): number | undefined => builtInPrices.find(provider, model)?.rates.input;
    expect(input("openai", "gpt-4o")).toBe(rate(2.5));
    expect(input("openai", "gpt-4o-2024-08-06")).toBe(rate(2.5));
    expect(input("openai", "gpt-4o-2024-05-13")).toBe(rate(5));
    expect(input("azure", "gpt-4o")).toBe(rate(2.5));
    expect(input("anthropic", "claude-sonnet-4-5-20250929")).toBe(rate(3));
    expect(input("anthropic", "claude-3-5-haiku-latest")).toBe(rate(0.8));
    expect(input("vertex", "gemini-2.0-flash-001")).toBe(rate(0.1));
    for (const model of ["gpt-4o-mine", "constructor", "", "gpt-4o-2024"]) expect(builtInPrices.find("openai", model), model).toBeNull();
    for (const provider of ["vllm", "openai-compatible", "toString"]) expect(builtInPrices.find(provider, "gpt-4o"), provider).toBeNull();
  });

  test("has cached tokens, cache writes, long prompts and batches, these at half of everything", () => {
    expect(builtInPrices.find("anthropic", "claude-sonnet-4-5")).toMatchObject({
      date: "2026-08-21",
      file: null,
      rates: {
        cachedRead: rate(0.3),
        cacheWrite: rate(3.75),
        output: rate(15),
        longPrompt: { aboveTokens: 200_000, rates: { input: rate(6), output: rate(22.5) } },
        batch: {
          input: rate(1.5),
          cachedRead: rate(0.15),
          cacheWrite: rate(1.875),
          output: rate(7.5),
          longPrompt: { aboveTokens: 200_000, rates: { output: rate(11.25) } },
        },
      },
    });
  });

  test("has OpenAI's list prices of the tier priority, and says where there is none", () => {
    const priority = (provider: string, model: string) => builtInPrices.find(provider, model)?.rates.priority;
    expect(priority("openai", "gpt-4.1-2025-04-14")).toMatchObject({ input: rate(3.5), cachedRead: rate(0.875), output: rate(14) });
    expect(priority("azure", "gpt-4o-mini")).toMatchObject({ input: rate(0.25), output: rate(1) });
    expect([priority("openai", "gpt-5-nano"), priority("anthropic", "claude-sonnet-4-5")]).toEqual([null, null]);
    expect(priority("vertex", "gemini-2.5-flash")).toBeUndefined();
    // Batches cost half of what is usual.
    expect(builtInPrices.find("openai", "gpt-4.1")?.rates.batch).toEqual({ input: rate(1), cachedRead: rate(0.25), cacheWrite: rate(1), output: rate(4) });
    const { compiled } = loaded([
      "provider: openai, model: gpt-5-nano",
      "provider: openai, model: gpt-4o",
      "provider: openai, model: x, price: { input: 1, output: 2 }",
    ]);
    expect(tierNotes(compiled.deployments)).toEqual([
      "prices: unknown for d0, d2 in service tier priority; what is served in it is counted as unknown, never as usual",
    ]);
  });

  test("names a source and a day for everything", () => {
    const text = readFileSync(path.join(projectRoot, "fixtures/prices/catalogue.yaml"), "utf8");
    const providers = plainValue(parseYaml("catalogue.yaml", text)) as Record<string, { source: string; date: string; models: Record<string, unknown> }>;
    expect(Object.keys(providers)).toEqual(["openai", "azure", "anthropic", "vertex"]);
    for (const { source, date } of Object.values(providers)) {
      expect(source).toMatch(/^https:|^assumed/);
      expect(date).toMatch(/^2026-/);
    }
    const models = Object.entries(providers).flatMap(([provider, block]) => Object.keys(block.models).map((model) => [provider, model] as const));
    expect(models.length).toBeGreaterThan(80);
    for (const [provider, model] of models) expect(builtInPrices.find(provider, model)?.model, model).toBe(model);
  });
});

describe("where a deployment's price is from", () => {
  const day = Date.parse("2026-09-01");
  const deployments = [
    "provider: openai, model: gpt-4o, price: { input: 1, output: 2 }",
    "provider: openai, model: gpt-4o",
    "provider: openai, model: gpt-4o, endpoints: ['https://b.example'], price: unknown",
    "provider: vllm, model: gpt-4o, endpoints: ['http://a.example']",
  ];

  test("the configuration, the catalogue, or nowhere; each is said", () => {
    const { compiled, prices } = loaded([
      "provider: openai, model: gpt-4o, endpoints: ['https://c.example'], price: { input: 1, output: 2 }",
      ...deployments.slice(1),
    ]);
    expect(compiled.deployments.map(({ rates }) => rates?.input ?? null)).toEqual([rate(1), rate(2.5), null, null]);
    expect(prices.of.map(({ by }) => by)).toEqual(["file", "catalogue", "nobody", "nobody"]);
    const lines = compiled.deployments.map(({ id }) => priceLine(priceTold(prices, id, day)));
    expect(lines[0]).toBe("as the configuration says");
    expect(lines[1]).toMatch(/^list price of gpt-4o on 2026-08-21, from the catalogue \(https:/);
    expect(lines[2]).toMatch(/^not known/);
    const names = compiled.deployments.map(({ name }) => name);
    expect(priceNotes(prices, names, false, day)).toEqual([
      "prices: list prices (2026-08-21) for d1",
      "prices: unknown for d2, d3; their cost is counted as unknown, never as zero",
    ]);
  });

  test("a list price that is old is said to be, by the days that the configuration names", () => {
    const { compiled, prices } = loaded(["provider: openai, model: gpt-4o"], "prices: { staleAfterDays: 10 }");
    const [pricing = { by: "nobody" }] = prices.of;
    expect(isStale(pricing, 10, Date.parse("2026-08-31"))).toBe(false);
    expect(isStale(pricing, 10, day)).toBe(true);
    expect(isStale({ by: "file" }, 10, day)).toBe(false);
    expect(priceNotes(prices, ["d0"], false, day)).toContain(
      "prices: those of d0 are more than 10 days old: check them, and write them into the configuration",
    );
    expect(priceLine(priceTold(prices, compiled.deployments[0]?.id ?? (0 as never), day))).toContain("; that is old:");
  });

  test("an own catalogue goes before the built-in one, which can be left out", () => {
    const own =
      'openai: { source: contract 4711, date: 2026-11-01, models: { gpt-4o: { input: "2.10", output: 8 }, house: { input: 1, output: 1, source: memo } } }';
    const models = ["gpt-4o", "house", "gpt-4.1"].map((model) => `provider: openai, model: ${model}`);
    const both = loaded(models, "prices: { file: ours.yaml }", { "ours.yaml": own });
    expect(both.compiled.deployments.map(({ rates }) => rates?.input)).toEqual([rate(2.1), rate(1), rate(2)]);
    expect(both.prices.of[1]).toMatchObject({ by: "catalogue", source: "memo", date: "2026-11-01", file: expect.stringMatching(/ours\.yaml$/) });
    // Another price there is another version of the configuration, though its own file is the same.
    const dearer = loaded(models, "prices: { file: ours.yaml }", { "ours.yaml": own.replaceAll(/input: [0-9.]+/g, "input: 77") });
    expect(dearer.compiled.version).not.toBe(both.compiled.version);
    const alone = loaded(models, "prices: { file: ours.yaml, catalogue: none }", { "ours.yaml": own });
    expect(alone.compiled.deployments[2]?.rates).toBeNull();
  });

  test("what is wrong with an own catalogue is said with its place", async () => {
    const broken = async (text: string): Promise<readonly string[]> =>
      placed(await problemsOf(() => loaded(["provider: openai, model: gpt-4o"], "prices: { file: ours.yaml }", { "ours.yaml": text })));
    expect(await broken("openai: { source: x, date: yesterday, models: { m: { input: 1 } } }\n")).toEqual([
      '1:28 openai.date: "yesterday" is no day',
      "1:49 openai.models.m.output: is missing",
    ]);
    expect((await broken("opnai: {}\n"))[0]).toMatch(/^1:1 opnai: /);
    const [absent] = await problemsOf(() => loaded(["provider: openai, model: gpt-4o"], "prices: { file: gone.yaml }"));
    expect(absent).toMatchObject({ file: expect.stringMatching(/gone\.yaml$/), message: "there is no such price catalogue file" });
  });

  test("what init writes has list prices where they are known, and says so", () => {
    const [found] = providersIn({ OPENAI_API_KEY: "sk-x" });
    if (found === undefined) throw new Error("assertion");
    const yaml = environmentConfig([{ found, models: ["gpt-4o", "gpt-next"] }], { callers: 8080, metrics: 9090 });
    expect(yaml).toContain(" # list price of 2026-08-21: input 2.5, output 10");
    const source = parseYaml("environment", yaml);
    const { compiled } = compileConfigAt({ source, base: [] }, plainValue(source), null);
    expect(compiled.deployments.map(({ rates }) => rates?.output ?? null)).toEqual([rate(10), null]);
  });
});
