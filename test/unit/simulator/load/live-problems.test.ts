import { expect, test } from "vitest";
import { checkReplayable, checkTwinned } from "../../../../simulator/load/live-problems.ts";
import { loadScenario } from "../../../../simulator/scenario/load-scenario.ts";
import type { LoadedScenario } from "../../../../simulator/scenario/loaded-scenario.ts";
import { problemsOf } from "../../../support/problems-of.ts";
import { projectRoot } from "../../../support/project-root.ts";

async function demo(...settings: readonly string[]): Promise<LoadedScenario> {
  const loaded = await loadScenario(`${projectRoot}/scenarios/demo.yaml`, {}, { settings });
  if (loaded.kind !== "loaded") throw new Error(loaded.reason);
  return loaded;
}

const fieldsOf = async (check: (scenario: LoadedScenario) => void, ...settings: readonly string[]) => {
  const scenario = await demo(...settings);
  return (await problemsOf(() => check(scenario))).map(({ field }) => field);
};

test("what the two columns of a twin would not both play is refused before either is begun", async () => {
  expect(await fieldsOf(checkTwinned)).toEqual([]);
  expect(await fieldsOf(checkTwinned, "replicas=3", "membership=[{ target: cloud, leaves: 10s }]")).toEqual(["replicas", "membership"]);
  expect(
    await fieldsOf(checkTwinned, "replicas=2", "faults=[{ target: store, kind: down, at: 1s }, { target: 'replica:0', kind: down, at: 1s, for: 1s }]"),
  ).toEqual(["replicas", "faults", "faults"]);
});

test("a replay needs less: its router is whatever runs there", async () => {
  expect(await fieldsOf(checkReplayable, "replicas=3", "membership=[{ target: cloud, leaves: 10s }]")).toEqual([]);
  expect(await fieldsOf(checkReplayable, "changes=[{ at: 10s, config: { breaker: { failures: 3 } } }]")).toEqual(["changes"]);
});
