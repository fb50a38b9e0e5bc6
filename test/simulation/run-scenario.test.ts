import path from "node:path";
import { expect, test } from "vitest";
import { writeResult } from "../../simulator/result/result-json.ts";
import { runScenario } from "../../simulator/run/run-scenario.ts";
import { loadScenario } from "../../simulator/scenario/load-scenario.ts";
import type { LoadedScenario } from "../../simulator/scenario/loaded-scenario.ts";
import { headgate } from "../support/headgate.ts";
import { projectRoot } from "../support/project-root.ts";
import { sharedFolder } from "../support/shared-folder.ts";

async function load(name: string): Promise<LoadedScenario> {
  const loaded = await loadScenario(path.join(projectRoot, "scenarios", `${name}.yaml`), { HEADGATE_SHARED: sharedFolder() ?? undefined });
  if (loaded.kind !== "loaded") throw new Error(loaded.reason);
  return loaded;
}

test("the demo passes, holds the invariants, and opens the breaker of the replica that goes down, after it went down", async () => {
  const result = runScenario(await load("demo"), { seeds: [1], strict: true });
  expect(result.verdict).toBe("pass");
  const { requests } = result.summary;
  expect(requests.served + requests.cut + requests.failed + requests.rejected + requests.clientLeft).toBe(requests.scheduled);
  expect(requests.scheduled + result.summary.warmUpRequests).toBe(600);
  expect(result.breakers.map(({ endpoint, openings }) => [endpoint, openings > 0])).toEqual([
    ["gpu-pool/0", false],
    ["gpu-pool/1", true],
    ["cloud/0", false],
  ]);
  const changes = result.breakers[1]?.changes ?? [];
  expect(changes[0]).toMatchObject({ from: "closed", to: "open" });
  expect(changes[0]?.atMs).toBeGreaterThanOrEqual(80_000);
  expect(changes.at(-1)).toMatchObject({ from: "half-open", to: "closed" });
  expect(changes.at(-1)?.atMs).toBeGreaterThan(110_000);
});

test("the same seed gives the same bytes in two processes, and in this one; another seed gives others", async () => {
  const run = (seed: number) => headgate(["simulate", "scenarios/demo.yaml", "--json", "--seed", String(seed)]).stdout;
  const first = run(1);
  expect(run(1)).toBe(first);
  expect(writeResult(runScenario(await load("demo"), { seeds: [1], strict: false }))).toBe(first);
  expect(run(2)).not.toBe(first);
});

test("several seeds: a figure for each, the first one's in full, verdicts over all", async () => {
  const demo = await load("demo");
  const result = runScenario(demo, { seeds: [3, 4, 5], strict: false });
  expect(result.seeds.map(({ seed }) => seed)).toEqual([3, 4, 5]);
  expect(result.verdicts.every(({ values }) => values.length === 3)).toBe(true);
  expect(result.summary).toEqual(runScenario(demo, { seeds: [3], strict: false }).summary);
  expect(new Set(result.seeds.map(({ metrics }) => metrics.ttftP95Ms)).size).toBe(3);
});

test.skipIf(sharedFolder() === null)("an hour of Azure's conversation traffic: every request ends, the targets hold", async () => {
  const result = runScenario(await load("azure-conversation"), { seeds: [1], strict: true });
  expect(result.provenance.arrivals).toMatchObject({ rows: 19_366, spanMs: 3_501_721.937 });
  expect(result.verdict).toBe("pass");
  expect(result.summary.requests.scheduled + result.summary.warmUpRequests).toBe(19_366);
});

test.skipIf(sharedFolder() === null)("the twin's scenario lasts less than three minutes, opens a breaker, and holds its targets", async () => {
  const result = runScenario(await load("azure-twin"), { seeds: [1], strict: true });
  expect(result.provenance.arrivals.spanMs).toBeLessThan(180_000);
  expect(result.verdict).toBe("pass");
  expect(result.breakers.filter(({ openings }) => openings > 0).map(({ endpoint }) => endpoint)).toEqual(["pool-a/0"]);
});
