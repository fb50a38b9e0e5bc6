import { expect, test } from "vitest";
import { runScenario } from "../../simulator/run/run-scenario.ts";
import { loadScenario } from "../../simulator/scenario/load-scenario.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const config = `
deployments:
  large: { provider: openai, model: gpt-4o, quality: 0.9, price: { input: 2.5, output: 10 } }
  small: { provider: openai, model: gpt-4o-mini, quality: 0.6, price: { input: 0.15, output: 0.6 } }
routes:
  chat: { deployments: [large, small], strategy: cost-based }
`;
const scenario = (floor: string): string => `
config: config.yaml
trace: { format: azure, file: trace.csv, features: { qualityFloor: ${floor} } }
fleet:
  large: { kind: hosted, firstToken: { p50: 100ms, p95: 200ms }, perToken: { p50: 5ms, p95: 10ms } }
  small: { kind: hosted, firstToken: { p50: 100ms, p95: 200ms }, perToken: { p50: 5ms, p95: 10ms } }
`;
const trace = [
  "TIMESTAMP,ContextTokens,GeneratedTokens",
  ...Array.from({ length: 200 }, (_, row) => `2024-01-01 09:00:${String(10 + (row % 50))}.0000000,100,20`).toSorted(),
].join("\n");

async function sharesOf(floor: string): Promise<Readonly<Record<string, number>>> {
  const folder = temporaryFolder({ "config.yaml": config, "scenario.yaml": scenario(floor), "trace.csv": `${trace}\n` });
  const loaded = await loadScenario(`${folder}/scenario.yaml`, {}, { settings: [] });
  if (loaded.kind !== "loaded") throw new Error(loaded.reason);
  const { summary, deployments } = runScenario(loaded, { seeds: [1], strict: true });
  return { ...Object.fromEntries(deployments.map(({ name, requests }) => [name, requests.served])), rejected: summary.requests.rejected };
}

test("floors that a trace's requests have move them from the cheap deployment to the good one, and beyond it they are refused", async () => {
  expect(await sharesOf("{ from: 0, to: 0.6 }")).toEqual({ large: 0, small: 200, rejected: 0 });
  const mixed = await sharesOf("{ from: 0.4, to: 0.8 }");
  expect(mixed["large"]).toBeGreaterThan(70);
  expect(mixed["small"]).toBe(200 - (mixed["large"] ?? 0));
  expect(await sharesOf("{ from: 0.95, to: 1 }")).toEqual({ large: 0, small: 0, rejected: 200 });
});
