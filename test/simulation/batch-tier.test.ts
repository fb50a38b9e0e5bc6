import path from "node:path";
import { expect, test } from "vitest";
import type { JudgedResult } from "../../simulator/result/run-result.ts";
import { runScenario } from "../../simulator/run/run-scenario.ts";
import { loadScenario } from "../../simulator/scenario/load-scenario.ts";
import { projectRoot } from "../support/project-root.ts";

async function played(...settings: readonly string[]): Promise<JudgedResult> {
  const scenario = await loadScenario(path.join(projectRoot, "scenarios", "migration-3-batch.yaml"), {}, { settings: ["trace.rows=1200", ...settings] });
  if (scenario.kind !== "loaded") throw new Error(scenario.reason);
  return runScenario(scenario, { seeds: [1], strict: true });
}

test("batches cost what batches cost, take longer, and what is asked at once keeps its times", async () => {
  const apart = await played();
  const together = await played("batches=false");
  const waiting = apart.summary.batches;
  if (waiting === undefined) throw new Error("there are no batches");
  expect(together.summary.batches).toBeUndefined();
  expect(waiting.percent).toBeGreaterThan(40);
  expect(waiting.percent).toBeLessThan(60);
  const economy = (result: JudgedResult) => result.routes.find(({ name }) => name === "economy");
  expect(waiting.figures.requests).toEqual(economy(apart)?.requests);
  expect(waiting.figures.cost.dollars).toBeCloseTo(waiting.savedDollars, 6);
  expect(waiting.figures.cost.dollars * 2).toBeCloseTo(economy(together)?.cost.dollars ?? 0, 6);
  expect(waiting.figures.ttftMs?.p50).toBeCloseTo(4 * (economy(together)?.ttftMs?.p50 ?? 0), 1);
  expect(waiting.atOnce.ttftMs).toEqual(together.routes.find(({ name }) => name === "chat")?.ttftMs);
});

test("the route's own timeouts hold for batches, and an endpoint has one breaker for both tiers", async () => {
  // Without a fallback, which would serve what has timed out here.
  const alone = ["config.routes.economy.retry.attempts=1", "config.routes.economy.fallbacks={ general: [] }"];
  const { summary, breakers } = await played("config.routes.economy.timeouts.firstToken=2s", "fleet.openai.batch={ firstTokenFactor: 100 }", ...alone);
  expect(summary.batches?.figures.requests.reasons).toHaveProperty("timed-out-first-token");
  expect(breakers.find(({ endpoint }) => endpoint === "openai/0")?.openings).toBeGreaterThan(0);
});

test("a tier that is short of resources answers 429; most are served elsewhere, and what is asked at once meets none of it", async () => {
  const { summary } = await played("fleet.openai.batch={ refusedPercent: 5 }");
  const { figures, atOnce } = summary.batches ?? {};
  expect(figures?.retries).toBeGreaterThan(10);
  expect(figures?.requests.served).toBeGreaterThan(0.98 * (figures?.requests.scheduled ?? 0));
  expect(atOnce).toMatchObject({ retries: 0, requests: { failed: 0, served: atOnce?.requests.scheduled } });
});
