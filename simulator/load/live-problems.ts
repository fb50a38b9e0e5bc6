import { InputError, type Problem } from "../../router/config/problem.ts";
import type { LoadedScenario } from "../scenario/loaded-scenario.ts";

type Unplayable = readonly [field: string, message: string, fix: string];

/** What a replay cannot do to a router that runs. */
function notReplayed({ trace, compiled }: LoadedScenario): readonly Unplayable[] {
  const closed: Unplayable = [
    "trace",
    "is of sessions, which wait for their answers: they cannot be replayed open loop",
    "simulate the scenario, or replay one of requests at recorded instants",
  ];
  const changing: Unplayable = [
    "changes",
    "change the configuration while it runs: a replay cannot do that to a live router",
    "simulate the scenario, or leave `changes` out",
  ];
  return [...(trace.loop === "closed" ? [closed] : []), ...((compiled.changes ?? []).length > 0 ? [changing] : [])];
}

/** What the simulated side would have and the live one would not: one service of its own, with a store of limits within it. */
function notTwinned({ compiled }: LoadedScenario): readonly Unplayable[] {
  const { replicas, membership = [], faultPlans = [], leaseStore } = compiled;
  const strikes = (kind: "store" | "replica"): boolean => faultPlans.some(({ target }) => target.kind === kind);
  const found = [
    [replicas.count > 1, "replicas", `are ${replicas.count}: the live side is one service`],
    [membership.length > 0, "membership", "changes the fleet while it runs, which the live side does not"],
    [strikes("store") || (leaseStore?.loss ?? 0) > 0, "faults", "strike the store of limits, which the live side has within itself"],
    [strikes("replica"), "faults", "strike a replica of the router, which the live side does not do to itself"],
  ] as const;
  return found.flatMap(([is, field, message]) => (is ? [[field, message, `simulate the scenario, or leave \`${field}\` out with --set`] as const] : []));
}

/** @throws InputError */
export function checkReplayable(scenario: LoadedScenario): void {
  refuse(scenario, notReplayed(scenario));
}

/** @throws InputError */
export function checkTwinned(scenario: LoadedScenario): void {
  refuse(scenario, [...notReplayed(scenario), ...notTwinned(scenario)]);
}

function refuse({ file }: LoadedScenario, found: readonly Unplayable[]): void {
  const problems = found.map(([field, message, fix]): Problem => ({ file, line: null, column: null, field, message, fix }));
  if (problems.length > 0) throw new InputError(problems);
}
