import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { MetricName } from "../../simulator/core/measure/metric-names.ts";
import type { JudgedResult } from "../../simulator/result/run-result.ts";
import { runScenario } from "../../simulator/run/run-scenario.ts";
import { loadScenario } from "../../simulator/scenario/load-scenario.ts";
import { projectRoot } from "../support/project-root.ts";

const folder = path.join(projectRoot, "scenarios");

/** Each passes, and each of its broken configurations misses (among others) the target that says so. */
const shipped: Readonly<Record<string, Readonly<Record<string, MetricName>>>> = {
  "chapter-38": { "weights-swapped": "savedPercent", "no-pools": "savedPercent" },
  "pool-a-lost-at-peak": { "breaker-off": "amplification", "no-retries": "servedPercent" },
  "zone-lost": { "no-fallback": "rejectedPercent" },
  "provider-brown-out": { "breaker-off": "amplification", "rate-test-off": "amplification" },
  "rate-limit-storm": { weighted: "amplification", "no-third-provider": "servedPercent" },
  "retry-storm": { "breaker-and-budget-off": "amplification", "breaker-off": "servedPercent" },
  "budget-exhausted": { "limits-off": "costDollars", reject: "servedPercent" },
  "long-context": { "pool-c-without-limit": "amplification", "no-context-fallback": "servedPercent" },
  "prefix-affinity": { "round-robin": "cachedTokenPercent", "caching-off": "cachedTokenPercent" },
  "agent-sessions": { "round-robin": "cachedTokenPercent" },
  "canary-10-percent": { "for-all": "servedPercent" },
  "migration-1-router": { "no-failover": "servedPercent" },
  "migration-2-vllm": { "pools-for-nobody": "savedPercent" },
  "migration-3-batch": { "list-price": "savedPercent" },
  "migration-4-production": { "no-retries": "servedPercent" },
  research: { "cloud-only": "savedPercent", "no-quota-known": "servedPercent" },
};

async function played(file: string): Promise<JudgedResult> {
  const scenario = await loadScenario(path.join(folder, file), {});
  if (scenario.kind !== "loaded") throw new Error(`${file} has no trace here: ${scenario.reason}`);
  return runScenario(scenario, { seeds: [1, 2], strict: false });
}

describe.each(Object.entries(shipped))("%s", (name, broken) => {
  test("keeps its targets", async () => {
    const { verdicts } = await played(`${name}.yaml`);
    expect(verdicts.filter(({ verdict }) => verdict !== "pass")).toEqual([]);
    expect(verdicts.length).toBeGreaterThan(1);
  });

  test.each(Object.entries(broken))("broken: %s misses %s", async (what, metric) => {
    const { verdict, verdicts } = await played(`broken/${name}--${what}.yaml`);
    expect(verdict).toBe("fail");
    expect(verdicts.filter((one) => one.verdict === "fail").map((one) => one.metric)).toContain(metric);
  });
});

test("every broken configuration in the folder is one of these", () => {
  const named = Object.entries(shipped).flatMap(([name, broken]) => Object.keys(broken).map((what) => `${name}--${what}.yaml`));
  expect(readdirSync(path.join(folder, "broken")).toSorted()).toEqual(named.toSorted());
});
