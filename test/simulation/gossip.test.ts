import { expect, test } from "vitest";
import { forkRandom, nextUnit } from "../../router/core/random.ts";
import type { EndpointId } from "../../router/core/messages.ts";
import { instantAt, millis, never } from "../../router/core/time.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { defaultScenario } from "../support/default-scenario.ts";

/** Attempts at the endpoint that is down, over eight replicas at 20 requests/s. */
function attemptsAtTheDead(gossip: boolean): number {
  const random = forkRandom(3, "arrivals");
  let at = 0;
  const arrivals = Array.from({ length: 1000 }, () => {
    at += Math.floor(-Math.log(1 - nextUnit(random)) * 50_000);
    return { at: instantAt(at), inputTokens: 50, outputTokens: 5, blocks: null, route: null };
  });
  // Probes would spare them too.
  const deployment = "probe: { enabled: false }";
  const scenario = defaultScenario({
    endpoints: 3,
    deployment,
    faults: [{ endpoint: 0 as EndpointId, at: instantAt(0), until: never, fault: { kind: "down" } }],
  });
  let attempts = 0;
  createWorld(
    { ...scenario, replicas: { count: 8, gossip: gossip ? millis(50) : null, signals: null } },
    {
      seed: 3,
      arrivals: arrivals[Symbol.iterator](),
      observer: { requestEnded: () => undefined, breakerChanged: () => undefined },
      watch: {
        event: () => undefined,
        command: (command) => {
          if (command.kind === "start-attempt" && command.endpoint === 0) attempts += 1;
        },
      },
    },
  ).run();
  return attempts;
}

test("with gossip one replica's breaker spares the others' attempts", () => {
  const alone = attemptsAtTheDead(false);
  expect(alone).toBeGreaterThanOrEqual(8 * 5);
  expect(attemptsAtTheDead(true)).toBeLessThan(alone * 0.75);
});
