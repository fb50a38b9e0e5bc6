import { expect, test } from "vitest";
import type { Duration } from "../../router/core/machine.ts";
import type { EndpointId, RouteId, RouterEvent } from "../../router/core/messages.ts";
import { instantAt, micros, millis, seconds } from "../../router/core/time.ts";
import type { CompiledScenario } from "../../simulator/core/compiled-scenario.ts";
import { FleetInvariants } from "../../simulator/core/invariant/fleet-invariants.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { randomScenario } from "../support/random-world.ts";
import { fixtureConfig } from "../support/router-fixture.ts";
import { smallVllm } from "../support/small-scenario.ts";

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

/** Three replicas, two endpoints of which one is down for 20 s; ten requests a second. */
function playOutage(gossip: Duration | null, believed = gossip, seed = 1) {
  const config = fixtureConfig({ deployments: [{ endpoints: 2 }], breaker: { failures: 3, open: seconds(5), probes: 1 }, retry: { budgetPerMille: 1000 } });
  const replicas = { count: 3, gossip, signals: null };
  const scenario: CompiledScenario = {
    name: "outage",
    config,
    endpoints: [smallVllm, smallVllm],
    faults: [{ endpoint: 0 as EndpointId, at: instantAt(5_000_000), until: instantAt(25_000_000), fault: { kind: "down" } }],
    replicas,
    defaultRoute: 0 as RouteId,
    warmUp: micros(0),
    targets: [],
  };
  const arrivals = Array.from({ length: 400 }, (_, serial) => ({
    at: instantAt(serial * 100_000),
    inputTokens: 50,
    outputTokens: 5,
    blocks: null,
    route: null,
  }));
  const invariants = new FleetInvariants({ config, replicas: { ...replicas, gossip: believed } });
  const refused: number[] = [];
  const reasons = new Set<string>();
  createWorld(scenario, {
    seed,
    arrivals: arrivals[Symbol.iterator](),
    observer: { requestEnded: () => undefined, breakerChanged: () => undefined },
    watch: {
      event: (event, now, replica) => {
        if (event.kind === "attempt-ended" && event.outcome.failure === "connect-failed") refused.push(replica);
        invariants.event(event, now, replica);
      },
      command: (command, at, replica) => {
        if (command.kind === "breaker-changed") reasons.add(`${command.why} ${command.to}`);
        invariants.command(command, at, replica);
      },
    },
  }).run();
  return { refused: refused.length, reasons, violations: invariants.finished() };
}

test("gossip: what one replica finds broken, the others need not find out", () => {
  const seeds = Array.from({ length: 10 }, (_, index) => index + 1);
  let saved = 0;
  for (const seed of seeds) {
    const alone = playOutage(null, null, seed);
    const told = playOutage(millis(20), millis(20), seed);
    expect([...alone.violations, ...told.violations]).toEqual([]);
    expect(told.reasons).toContain("peer-reported open");
    expect(alone.reasons).not.toContain("peer-reported open");
    // Each replica pays three failures to open and one per probe; told, the fleet pays the three about once.
    expect(alone.refused).toBeGreaterThanOrEqual(9);
    saved += alone.refused - told.refused;
  }
  // Six, less those that were under way while it opened.
  expect(saved / seeds.length).toBeGreaterThan(2);
});

test("gossip that does not arrive is noticed (I7 over the fleet)", () => {
  expect(playOutage(null, millis(20)).violations.map(({ invariant }) => invariant)).toContain("I7");
});

test("signals are sampled once per interval and replica, and arrive when they are as old as the delay", () => {
  const { scenario: drawn, arrivals } = randomScenario(21);
  const endpoints = drawn.endpoints.map(() => smallVllm);
  const scenario = { ...drawn, endpoints, replicas: { count: 2, gossip: null, signals: { every: seconds(1), delay: millis(30) } } };
  const seen = new Map<string, number[]>();
  const event = (heard: RouterEvent, now: number, replica: number): void => {
    if (heard.kind !== "signal-observed") return;
    expect(now - heard.sampledAt).toBe(30_000);
    const key = `${replica} ${heard.endpoint}`;
    seen.set(key, [...(seen.get(key) ?? []), heard.sampledAt]);
  };
  const observer = { requestEnded: () => undefined, breakerChanged: () => undefined };
  createWorld(scenario, { seed: 21, arrivals: arrivals[Symbol.iterator](), observer, watch: { event, command: () => undefined } }).run();
  expect(seen.size).toBe(2 * endpoints.length);
  expect(seen.get("0 0")?.slice(0, 3)).toEqual([0, 1_000_000, 2_000_000]);
  expect(seen.get("1 0")?.slice(0, 3)).toEqual([500_000, 1_500_000, 2_500_000]);
});

test("an endpoint that leaves gets nothing until it is back, at every replica", () => {
  const config = fixtureConfig({ deployments: [{ endpoints: 2 }] });
  const replicas = { count: 2, gossip: null, signals: null };
  const leaves = instantAt(5_000_000);
  const joins = instantAt(15_000_000);
  const membership = [
    { endpoint: 0 as EndpointId, at: leaves, kind: "leaves" },
    { endpoint: 0 as EndpointId, at: joins, kind: "joins" },
  ] as const;
  const scenario: CompiledScenario = {
    name: "membership",
    config,
    endpoints: [smallVllm, smallVllm],
    faults: [],
    replicas,
    membership,
    defaultRoute: 0 as RouteId,
    warmUp: micros(0),
    targets: [],
  };
  const arrivals = Array.from({ length: 250 }, (_, serial) => ({
    // None in the instant in which it leaves: whoever comes first there may still go to it.
    at: instantAt(50_000 + serial * 100_000),
    inputTokens: 50,
    outputTokens: 5,
    blocks: null,
    route: null,
  }));
  const invariants = new FleetInvariants(scenario);
  const started = [0, 0, 0];
  const forgotten: number[] = [];
  createWorld(scenario, {
    seed: 1,
    arrivals: arrivals[Symbol.iterator](),
    observer: { requestEnded: ({ result }) => expect(result).toBe("served"), breakerChanged: () => undefined },
    watch: {
      event: (event, now, replica) => invariants.event(event, now, replica),
      command: (command, at, replica) => {
        invariants.command(command, at, replica);
        if (command.kind === "forget-endpoint") forgotten.push(replica);
        if (command.kind !== "start-attempt" || command.endpoint !== 0) return;
        const span = at < leaves ? 0 : at < joins ? 1 : 2;
        started[span] = (started[span] ?? 0) + 1;
      },
    },
  }).run();
  expect(invariants.finished()).toEqual([]);
  expect(started[1]).toBe(0);
  expect(Math.min(started[0] ?? 0, started[2] ?? 0)).toBeGreaterThan(10);
  expect(forgotten.toSorted((one, other) => one - other)).toEqual([0, 1]);
});
