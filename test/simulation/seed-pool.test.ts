import path from "node:path";
import { expect, test } from "vitest";
import { writeResult } from "../../simulator/result/result-json.ts";
import { runScenario, runWithRecordsParallel } from "../../simulator/run/run-scenario.ts";
import { SeedPool } from "../../simulator/run/seed-pool.ts";
import { loadScenario } from "../../simulator/scenario/load-scenario.ts";
import { projectRoot } from "../support/project-root.ts";

const demo = path.join(projectRoot, "scenarios/demo.yaml");

test("seeds on all cores give the same bytes as one after the other", async () => {
  const scenario = await loadScenario(demo, {}, { settings: ["trace.rows=200"] });
  if (scenario.kind !== "loaded") throw new Error("the demo's trace is not there");
  const options = { seeds: [3, 1, 2, 7, 5], strict: false } as const;
  const pool = new SeedPool(3);
  const { result } = await runWithRecordsParallel(scenario, options, pool);
  await pool.close();
  expect(writeResult(result)).toBe(writeResult(runScenario(scenario, options)));
});

test("what a worker cannot do is the job's failure, and the others go on", async () => {
  const pool = new SeedPool(1);
  const job = { file: demo, settings: ["trace.rows=20", "warmUp=0s"], seed: 1, strict: false, journal: null };
  const [bad, good] = await Promise.allSettled([pool.run({ ...job, file: "/nowhere.yaml" }), pool.run(job)]);
  await pool.close();
  expect([bad.status, good.status]).toEqual(["rejected", "fulfilled"]);
});
