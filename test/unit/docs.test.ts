import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { metricNames } from "../../simulator/core/measure/metric-names.ts";
import { resultVersion } from "../../simulator/result/run-result.ts";
import { runScenario } from "../../simulator/run/run-scenario.ts";
import { loadScenario } from "../../simulator/scenario/load-scenario.ts";
import { projectRoot } from "../support/project-root.ts";

const page = readFileSync(path.join(projectRoot, "docs/results.md"), "utf8");
const [, keys = "", figures = ""] = page.split(/^## /m).slice(0, 3);

test("every key of the result is in docs/results.md", async () => {
  const scenario = await loadScenario(path.join(projectRoot, "scenarios/demo.yaml"), {});
  if (scenario.kind !== "loaded") throw new Error(scenario.reason);
  expect(page).toContain(`## The result, version ${resultVersion}`);
  for (const key of Object.keys(runScenario(scenario, { seeds: [1], strict: false }))) expect(keys).toMatch(new RegExp(`\`${key}(\\[\\])?\``));
});

test("every figure that can have a target is in docs/results.md", () => {
  const named = [...figures.matchAll(/`([A-Za-z0-9*]+)`/g)].map(([, name = ""]) => new RegExp(`^${name.replace("*", "[A-Za-z0-9]+")}$`));
  for (const metric of metricNames)
    expect(
      named.some((name) => name.test(metric)),
      metric,
    ).toBe(true);
});
