import path from "node:path";
import { describe, expect, test } from "vitest";
import { runScenario } from "../../simulator/run/run-scenario.ts";
import { loadScenario } from "../../simulator/scenario/load-scenario.ts";
import { projectRoot } from "../support/project-root.ts";
import { sharedFolder } from "../support/shared-folder.ts";

const shared = sharedFolder();
const azure = ["trace.format=azure", "trace.relativeTo=shared", "trace.file=traces/azure2023_conv.csv.gz", "trace.rows=5000"];
const mooncake = ["trace.format=mooncake", "trace.relativeTo=shared", "trace.file=traces/mooncake_conversation_0-30min.jsonl.gz", "trace.jitter=3s"];

/** The shipped scenarios on the traces that their fixtures stand in for; Azure's requests have no routes, so each half is played for itself. */
const cases: readonly (readonly [name: string, settings: readonly string[]])[] = [
  ["pool-a-lost-at-peak", [...azure, "route=economy", "trace.speed=1"]],
  ["zone-lost", [...azure, "route=economy", "trace.speed=1"]],
  ["provider-brown-out", [...azure, "route=chat"]],
  ["retry-storm", [...azure, "route=chat"]],
  ["budget-exhausted", [...azure, "route=chat", "targets.costDollars.max=2.5"]],
  ["migration-2-vllm", [...azure, "route=economy"]],
  ["prefix-affinity", mooncake],
  ["long-context", [...mooncake, "trace.rows=3000"]],
];

describe.skipIf(shared === null)("shipped scenarios on the real slices", () => {
  test.each(cases)("%s keeps its targets", async (name, settings) => {
    const scenario = await loadScenario(path.join(projectRoot, "scenarios", `${name}.yaml`), process.env, { settings });
    if (scenario.kind !== "loaded") throw new Error(scenario.reason);
    const { verdicts } = runScenario(scenario, { seeds: [1], strict: false });
    expect(verdicts.filter(({ verdict }) => verdict !== "pass" && verdict !== "not-applicable")).toEqual([]);
  });
});
