import { expect, test } from "vitest";
import type { RouterEvent } from "../../router/core/messages.ts";
import { FleetInvariants } from "../../simulator/core/invariant/fleet-invariants.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { randomScenario } from "../support/random-world.ts";

function playReplicas(seed: number, count: number) {
  const { scenario: drawn, arrivals } = randomScenario(seed);
  const scenario = { ...drawn, replicas: { ...drawn.replicas, count } };
  const invariants = new FleetInvariants(scenario);
  const arrived = Array.from({ length: count }, () => [] as number[]);
  const ended: number[] = [];
  createWorld(scenario, {
    seed,
    arrivals: arrivals[Symbol.iterator](),
    observer: { requestEnded: ({ serial }) => void ended.push(serial), breakerChanged: () => undefined },
    watch: {
      event: (event: RouterEvent, now, replica) => {
        if (event.kind === "request-arrived") arrived[replica]?.push(event.request.serial);
        invariants.event(event, now, replica);
      },
      command: (command, at, replica) => invariants.command(command, at, replica),
    },
  }).run();
  return { arrived, ended, violations: invariants.finished() };
}

test("eight replicas share the arrivals, every request ends once, the invariants hold for each", () => {
  const { arrived, ended, violations } = playReplicas(11, 8);
  expect(violations).toEqual([]);
  expect(ended.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 300 }, (_, serial) => serial));
  expect(arrived.flat()).toHaveLength(300);
  for (const serials of arrived) expect(serials.length).toBeGreaterThan(300 / 8 / 2);
});

test("the same seed spreads the same way", () => {
  expect(playReplicas(12, 3).arrived).toEqual(playReplicas(12, 3).arrived);
});
