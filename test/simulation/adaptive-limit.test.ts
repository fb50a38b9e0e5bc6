import { expect, test } from "vitest";
import type { AdaptiveLimitSpec } from "../../router/core/compiled-config.ts";
import { keyedUnit, purposeOf } from "../../router/core/random.ts";
import { instantAt, micros, seconds } from "../../router/core/time.ts";
import { oneReplica } from "../../simulator/core/compiled-scenario.ts";
import type { Arrival } from "../../simulator/core/workload/arrival.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { fixtureConfig, fixtureQueue } from "../support/router-fixture.ts";
import { smallVllm } from "../support/small-scenario.ts";

const draw = purposeOf("adaptive-limit-test");

/** One replica that runs 16 sequences at once gets a fifth more than it can do. */
function play(adaptiveLimit: AdaptiveLimitSpec | null): { readonly limits: number[]; readonly endedAt: number; readonly heldP95: number } {
  const arrivals = Array.from({ length: 6000 }, (_, place): Arrival => {
    const unit = (index: number): number => keyedUnit(1, draw, place, index);
    return {
      at: instantAt(place * 18_000),
      inputTokens: 50 + Math.floor(unit(0) * 300),
      outputTokens: 20 + Math.floor(unit(1) * 120),
      blocks: null,
      route: null,
    };
  });
  const week = seconds(604_800);
  const config = fixtureConfig({
    deployments: [adaptiveLimit === null ? {} : { adaptiveLimit }],
    route: { queue: fixtureQueue({ lengthMax: 100_000, wait: week }), limits: { connect: seconds(1), firstToken: week, idle: week, total: week } },
  });
  const limits: number[] = [];
  const startedAt = new Map<number, number>();
  const held: number[] = [];
  let endedAt = 0;
  createWorld(
    { name: "adaptive", config, endpoints: [smallVllm], faults: [], replicas: oneReplica, defaultRoute: 0 as never, warmUp: micros(0), targets: [] },
    {
      seed: 1,
      arrivals: arrivals[Symbol.iterator](),
      observer: { requestEnded: ({ end }) => (endedAt = end), breakerChanged: () => undefined },
      watch: {
        event: () => undefined,
        command: (command, at) => {
          if (command.kind === "limit-changed") limits.push(command.limit);
          else if (command.kind === "start-attempt") startedAt.set(command.attempt, at);
          else if (command.kind === "commit-attempt") held.push(at - (startedAt.get(command.attempt) ?? 0));
        },
      },
    },
  ).run();
  return { limits, endedAt, heldP95: held.toSorted((one, other) => one - other)[Math.floor(held.length * 0.95)] ?? NaN };
}

test("an overloaded replica: requests wait at the router, where they are served in fair order, instead of inside it, at the cost of less than a tenth of the throughput", () => {
  const fixed = play(null);
  const adaptive = play({ min: 4, tolerance: 2, measureEvery: seconds(60) });
  expect(adaptive.heldP95 / fixed.heldP95).toBeLessThan(0.05);
  expect(adaptive.endedAt / fixed.endedAt).toBeLessThan(1.1);
  const settled = adaptive.limits.filter((limit) => limit > 4);
  expect(Math.max(...settled)).toBeLessThan(48);
});
