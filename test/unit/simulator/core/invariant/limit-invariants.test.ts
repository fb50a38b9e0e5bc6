import { describe, expect, test } from "vitest";
import type { LimitSpec } from "../../../../../router/core/compiled-config.ts";
import { instantAt, micros, millis, seconds } from "../../../../../router/core/time.ts";
import { FleetInvariants } from "../../../../../simulator/core/invariant/fleet-invariants.ts";
import { type CompiledScenario, oneReplica } from "../../../../../simulator/core/compiled-scenario.ts";
import type { Arrival } from "../../../../../simulator/core/workload/arrival.ts";
import { createWorld } from "../../../../../simulator/core/world.ts";
import { fixtureQueue, type FixtureLimit, fixtureConfig } from "../../../../support/router-fixture.ts";
import { smallHosted } from "../../../../support/small-scenario.ts";

const arrivals: readonly Arrival[] = Array.from({ length: 2000 }, (_, place) => ({
  at: instantAt(place * 20_000),
  inputTokens: 200,
  outputTokens: 50,
  blocks: null,
  route: null,
}));

function play(
  limits: readonly FixtureLimit[],
  replicas: number,
  obeyed: boolean,
): { readonly found: readonly string[]; readonly nanoDollars: number; readonly served: number } {
  const route = { outputTokensDefault: 100, queue: fixtureQueue({ lengthMax: 100 }) };
  const config = fixtureConfig({ deployments: [{ endpoints: 1 }], limits, route });
  const scenario: CompiledScenario = {
    name: "limits",
    // The planted bug: a router that has a way around its limits.
    config: obeyed ? config : { ...config, limits: [] },
    endpoints: [{ ...smallHosted, quota: null }],
    faults: [],
    replicas: { ...oneReplica, count: replicas },
    defaultRoute: config.routes[0]?.id ?? (0 as never),
    warmUp: micros(0),
    targets: [],
    leaseStore: { latency: { p50: millis(1), p95: millis(4) }, loss: 0.01, faults: [] },
  };
  const invariants = new FleetInvariants({ ...scenario, config });
  let nanoDollars = 0;
  let served = 0;
  const world = createWorld(scenario, {
    seed: 3,
    arrivals: arrivals[Symbol.iterator](),
    observer: {
      requestEnded: (record) => {
        nanoDollars += record.nanoDollars;
        if (record.result === "served") served += 1;
      },
      breakerChanged: () => undefined,
    },
    watch: {
      event: (event, now, replica) => invariants.event(event, now, replica),
      command: (command, at, replica) => invariants.command(command, at, replica),
    },
  });
  world.run();
  return { found: [...new Set(invariants.finished().map(({ invariant }) => invariant))], nanoDollars, served };
}

const budget: FixtureLimit = { unit: "nano-dollars", amount: 200_000_000, window: { kind: "period", length: seconds(3600) } };
const limits: Readonly<Record<string, FixtureLimit>> = {
  "requests per minute": { unit: "requests", amount: 120 },
  "tokens per minute": { unit: "tokens", amount: 30_000 },
  "dollars per period": budget,
  "attempts in flight": { unit: "attempts-in-flight", amount: 1 } satisfies Partial<LimitSpec>,
};

describe.each(Object.entries(limits))("I6, %s", (_name, limit) => {
  test.each([1, 8])("holds with %i replicas", (replicas) => expect(play([limit], replicas, true).found).toEqual([]));
  test("a way around it is caught", () => expect(play([limit], 1, false).found).toEqual(["I6"]));
});

test("one and eight replicas spend the same of a budget, and 99 hundredths of it", () => {
  const alone = play([budget], 1, true);
  const together = play([budget], 8, true);
  for (const { nanoDollars } of [alone, together]) {
    expect(nanoDollars).toBeGreaterThan(0.99 * budget.amount);
    // A credit each.
    expect(nanoDollars).toBeLessThan(budget.amount + 8 * 400_000);
  }
});
