/** The shipped scenario of a budget over a far, lossy, partitioned store: with every invariant watched; and what is said of bad figures in its YAML. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { headgate } from "../support/headgate.ts";
import { projectRoot } from "../support/project-root.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const file = path.join(projectRoot, "scenarios/shared-budget.yaml");

test("four replicas keep a budget over a store that is far, loses messages, cuts one off and goes down", () => {
  const { status, stdout, stderr } = headgate(["simulate", file, "--strict", "--seeds", "3"]);
  expect(stderr).not.toContain("invariants broken");
  expect(stdout).toMatch(/budget-spent.*limits-unknown/);
  expect(status).toBe(0);
});

test("a store that is quicker at its p95 than at its p50 is bad input", () => {
  const text = readFileSync(file, "utf8").replace("../fixtures", path.join(projectRoot, "fixtures")).replace("p95: 60ms", "p95: 6ms");
  const { status, stderr } = headgate(["simulate", path.join(temporaryFolder({ "try.yaml": text }), "try.yaml")]);
  expect(stderr).toContain("leaseStore.latency.p95: is shorter than p50");
  expect(status).toBe(2);
});
