import { expect, test } from "vitest";
import { FleetInvariants } from "../../simulator/core/invariant/fleet-invariants.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { randomScenario } from "../support/random-world.ts";
import type { Judge } from "./swarm/failure-of.ts";
import { shrink } from "./swarm/shrink.ts";

/** A judge to whom no probe is allowed: every half-open breaker that lets one through looks broken. */
const noProbes: Judge = ({ scenario, arrivals }, seed) => {
  const { config } = scenario;
  const strict = { ...config, deployments: config.deployments.map((deployment) => ({ ...deployment, breaker: { ...deployment.breaker, probes: 0 } })) };
  const invariants = new FleetInvariants({ ...scenario, config: strict });
  const observer = { requestEnded: () => undefined, breakerChanged: () => undefined };
  createWorld(scenario, { seed, arrivals: arrivals[Symbol.iterator](), observer, watch: invariants }).run();
  const [first] = invariants.finished();
  return first === undefined ? null : { signature: first.invariant, what: [first.what] };
};

test("a planted bug is found by the swarm, and its world is shrunk to a few arrivals", () => {
  const seeds = Array.from({ length: 40 }, (_, place) => place + 1);
  const seed = seeds.find((one) => noProbes(randomScenario(one), one) !== null) ?? 0;
  const world = randomScenario(seed);
  const failure = noProbes(world, seed) ?? { signature: "none", what: [] };
  const shrunk = shrink(world, seed, failure, noProbes);
  expect(failure.signature).toBe("I7");
  expect(shrunk.failure.signature).toBe("I7");
  // A breaker needs its failures to open and one more request to probe.
  expect(shrunk.world.arrivals.length).toBeLessThanOrEqual(12);
  expect(shrunk.world.scenario.faults.length).toBeLessThanOrEqual(1);
  expect(shrunk.world.scenario.config.routes[0]?.deployments).toHaveLength(1);
});
