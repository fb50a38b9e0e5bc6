import { expect, test } from "vitest";
import { playScenario, randomScenario } from "../support/random-world.ts";

const seeds = Array.from({ length: 200 }, (_, place) => place + 1);

test("200 random worlds with faults: every invariant holds, every request ends", () => {
  const results = new Map<string, number>();
  for (const seed of seeds) {
    const { scenario, arrivals } = randomScenario(seed);
    const { records, hedgesLost, violations } = playScenario(scenario, arrivals, seed);
    expect({ seed, violations, ended: records.length }).toEqual({ seed, violations: [], ended: arrivals.length });
    results.set("hedge lost", (results.get("hedge lost") ?? 0) + hedgesLost);
    for (const { result, why } of records) results.set(`${result} ${why ?? ""}`.trim(), (results.get(`${result} ${why ?? ""}`.trim()) ?? 0) + 1);
  }
  // The swarm would prove nothing if it never met these.
  for (const met of [
    "served",
    "cut cut",
    "failed server-error",
    "failed connect-failed",
    "failed rate-limited",
    "failed timed-out-first-token",
    "rejected queue-full",
    "rejected deadline-passed",
    "rejected deadline-unreachable",
    "hedge lost",
    "rejected no-candidate",
  ])
    expect([met, (results.get(met) ?? 0) > 0]).toEqual([met, true]);
});

test("the same seed gives the same events and commands, another seed others", () => {
  let differing = 0;
  for (const seed of [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
    const { scenario, arrivals } = randomScenario(seed);
    const { log } = playScenario(scenario, arrivals, seed, { log: true });
    expect(playScenario(scenario, arrivals, seed, { log: true }).log).toEqual(log);
    if (JSON.stringify(playScenario(scenario, arrivals, seed + 1, { log: true }).log) !== JSON.stringify(log)) differing += 1;
  }
  expect(differing).toBeGreaterThanOrEqual(7);
});
