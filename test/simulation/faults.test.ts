import path from "node:path";
import { expect, test } from "vitest";
import type { JudgedResult } from "../../simulator/result/run-result.ts";
import { runScenario } from "../../simulator/run/run-scenario.ts";
import { loadScenario } from "../../simulator/scenario/load-scenario.ts";
import { projectRoot } from "../support/project-root.ts";

/** The demo, 600 requests in 215 s over a pool of two and a provider, with other faults. */
async function demo(faults: string, more: readonly string[] = [], seed = 1): Promise<JudgedResult> {
  const settings = [`faults=${faults}`, ...more];
  const scenario = await loadScenario(path.join(projectRoot, "scenarios/demo.yaml"), {}, { settings });
  if (scenario.kind !== "loaded") throw new Error(scenario.reason);
  return runScenario(scenario, { seeds: [seed], strict: true });
}

const metric = ({ seeds }: JudgedResult, name: string): number | null => (seeds[0]?.metrics as Record<string, number | null> | undefined)?.[name] ?? null;

test("without faults nothing opens; every kind of fault that fails calls is found, and not for nothing", async () => {
  expect(metric(await demo("[]"), "breakerOpenings")).toBe(0);
  const kinds = [
    "{ target: cloud, kind: down, at: 60s, for: 60s }",
    "{ target: cloud, kind: error, rate: 0.9, at: 60s, for: 60s }",
    "{ target: cloud, kind: overload, rate: 0.9, at: 60s, for: 60s }",
    "{ target: cloud, kind: cut, rate: 0.9, at: 60s, for: 60s }",
    "{ target: cloud, kind: stall, at: 60s, for: 60s }",
    "{ target: network:cloud, kind: partition, at: 60s, for: 60s }",
  ];
  for (const kind of kinds) {
    const result = await demo(`[${kind}]`);
    const cloud = result.breakers.find(({ endpoint }) => endpoint === "cloud/0");
    expect(cloud, kind).toMatchObject({ troubles: 1, met: 1, falsePositives: 0, missed: 0 });
    expect(cloud?.openings, kind).toBeGreaterThan(0);
    expect(cloud?.timeToOpenMs, kind).not.toBeNull();
    expect(cloud?.timeToCloseMs, kind).not.toBeNull();
  }
}, 60_000);

test("with the breakers off the same outage is missed", async () => {
  const result = await demo("[{ target: cloud, kind: down, at: 60s, for: 60s }]", ["config.breaker.enabled=false"]);
  expect(metric(result, "breakerOpenings")).toBe(0);
  expect(metric(result, "breakerMissedFaults")).toBe(1);
});

test("a slow network delays answers by its delay both ways, and opens nothing", async () => {
  const sound = await demo("[]");
  const slow = await demo("[{ target: network, kind: latency, delay: 200ms, at: 0s }]");
  expect(metric(slow, "ttftP50Ms")).toBeGreaterThan((metric(sound, "ttftP50Ms") ?? 0) + 350);
  expect(metric(slow, "breakerOpenings")).toBe(0);
  expect(metric(slow, "servedPercent")).toBe(100);
});

test("while the store of limits is away, leases run out, and what is then refused is counted", async () => {
  const limits = "config.limits=[{ requestsPerMinute: 600 }]";
  expect((await demo("[]", [limits])).summary.requests.rejected).toBe(0);
  const { summary, faults } = await demo("[{ target: store, kind: down, at: 60s, for: 60s }]", [limits]);
  expect(summary.requests.reasons).toHaveProperty("limits-unknown");
  expect(faults).toMatchObject({ count: 1, store: [{ replica: null, atMs: 60_000, untilMs: 120_000 }] });
});

test("errors in clusters are faults by chance: in the script, another at another seed, and the result says what was drawn", async () => {
  const clusters = "fleet.cloud.errorClusters={ perHour: 120, meanDuration: 10s, percent: 80 }";
  const one = await demo("[]", [clusters]);
  const other = await demo("[]", [clusters], 2);
  expect(one.faults.count).toBeGreaterThan(2);
  expect(one.faults.endpoints.every(({ endpoint, kind }) => endpoint === "cloud/0" && kind === "error")).toBe(true);
  expect(one.faults.endpoints[0]?.atMs).not.toBe(other.faults.endpoints[0]?.atMs);
  expect(one.provenance.drawn).toContain("instants of random faults");
  expect(one.provenance.calibrated).toEqual({ calibrated: false, uncalibrated: ["gpu-pool", "cloud"] });
  // The pool that has to take it all is too small for it: its breakers open although nothing is wrong with it, and that is told apart.
  expect(one.breakers.find(({ endpoint }) => endpoint === "cloud/0")).toMatchObject({ openings: 4, falsePositives: 0 });
  const ofThePool = one.breakers.filter(({ endpoint }) => endpoint !== "cloud/0").reduce((sum, { falsePositives }) => sum + (falsePositives ?? 0), 0);
  expect(ofThePool).toBeGreaterThan(0);
  expect(metric(one, "breakerFalsePositives")).toBe(ofThePool);
});

test("only the window is measured", async () => {
  const { summary } = await demo("[]", ["window=60s"]);
  expect(summary.window.untilMs - summary.window.fromMs).toBe(60_000);
  expect(summary.requests.scheduled).toBeLessThan(250);
});
