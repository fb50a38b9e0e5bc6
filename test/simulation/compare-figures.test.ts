import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { metricsOf } from "../../simulator/core/measure/metrics.ts";
import type { SeedFigures } from "../../simulator/result/run-result.ts";
import { runSeed } from "../../simulator/run/run-seed.ts";
import { loadScenario } from "../../simulator/scenario/load-scenario.ts";
import { compareFigures } from "../../simulator/verify/compare-figures.ts";
import { defaultTolerances } from "../../simulator/verify/tolerances.ts";
import { projectRoot } from "../support/project-root.ts";

/** The demo's first minute without its fault: an engine and a hosted provider whose latencies and failures are drawn by the seed. */
const small = ["trace.rows=150", "fleet.cloud.errorPercent=2", "faults=[]"];

async function figures(settings: readonly string[], from: number, count: number): Promise<SeedFigures[]> {
  const scenario = await loadScenario(path.join(projectRoot, "scenarios/demo.yaml"), {}, { settings: [...small, ...settings] });
  if (scenario.kind !== "loaded") throw new Error("the demo's trace is not there");
  return Array.from({ length: count }, (_, index) => {
    const { seed, figures: run, facts } = runSeed(scenario, from + index, { strict: false });
    return { seed, metrics: metricsOf(run.summary, facts) };
  });
}

function changes(before: readonly SeedFigures[], after: readonly SeedFigures[]) {
  const pairs = before.flatMap(({ seed, metrics }, index) => {
    const other = after[index];
    return other === undefined ? [] : [{ seed, before: metrics, after: other.metrics }];
  });
  return compareFigures(pairs, defaultTolerances);
}

describe("comparison of runs, paired by seed", () => {
  let base: readonly SeedFigures[] = [];
  beforeAll(async () => {
    base = await figures([], 1, 10);
  });
  const worse = (compared: ReturnType<typeof changes>): readonly string[] => compared.flatMap(({ metric, change }) => (change === "worse" ? [metric] : []));

  test("two identical runs are equal", async () => {
    expect(new Set(changes(base, await figures([], 1, 10)).map(({ change }) => change))).toEqual(new Set(["equal"]));
  });

  test("an engine that is 5 % slower is found with 10 seeds, one that is 0.5 % slower is no regression at 1 %", async () => {
    const slower = (scale: number) => figures([`fleet.gpu-pool.engine.calibration.scale=${scale}`], 1, 10);
    expect(worse(changes(base, await slower(1.05)))).toContain("tpotMeanMs");
    expect(worse(changes(base, await slower(1.005)))).toEqual([]);
  });

  test("20 A/A comparisons, each of 10 seeds with 10 others, give no false alarm", async () => {
    const pool = await figures([], 1, 110);
    for (let round = 0; round < 20; round += 1) {
      const start = round * 5;
      const [one, other] = [pool.slice(start, start + 10), pool.slice((start + 50) % 100, ((start + 50) % 100) + 10)];
      expect(worse(changes(one, other)), `round ${round}`).toEqual([]);
    }
  });

  test("three seeds are too few for a test: worse only where all of them are", async () => {
    const three = base.slice(0, 3);
    const slow = (await figures(["fleet.gpu-pool.engine.calibration.scale=1.2"], 1, 3)).slice(0, 3);
    expect(worse(changes(three, slow))).toContain("tpotMeanMs");
    const mixed = slow.map((seed, index) => (index === 0 ? (three[0] ?? seed) : seed));
    expect(changes(three, mixed).find(({ metric }) => metric === "tpotMeanMs")?.change).toBe("inconclusive");
  });
});
