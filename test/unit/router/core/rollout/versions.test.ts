import { describe, expect, test } from "vitest";
import type { CompiledConfig, ConfigVersion } from "../../../../../router/core/compiled-config.ts";
import type { DeploymentId, RouteId, RouterCommand, TenantId } from "../../../../../router/core/messages.ts";
import { alignConfig } from "../../../../../router/core/rollout/align-config.ts";
import { LiveVersions } from "../../../../../router/core/rollout/live-versions.ts";
import { liveVersionsMax } from "../../../../../router/core/rollout/versions.ts";
import { fixtureConfig, type FixtureOptions, only, RouterHarness } from "../../../../support/router-fixture.ts";

const versionOf = (number: number, options: FixtureOptions, live: readonly CompiledConfig[]): CompiledConfig =>
  alignConfig({ ...fixtureConfig(options), version: number as ConfigVersion }, live).config;

/** A router with one version, and a way to bring others. */
function rollout(options: FixtureOptions) {
  const harness = new RouterHarness(options);
  const live = [harness.config];
  const activate = (number: number, share: number, next: FixtureOptions = options, by: "request" | "tenant" = "request"): RouterCommand[] => {
    const known = live.find(({ version }) => version === number);
    const config = known ?? versionOf(number, next, live);
    if (known === undefined) live.push(config);
    return harness.send({ kind: "config-activated", config, share, by });
  };
  return { harness, activate };
}
const versionsOf = (commands: readonly RouterCommand[]): number[] => only(commands, "start-attempt").map(({ version }) => version);
const retired = (commands: readonly RouterCommand[]): number[] => only(commands, "retire-config").map(({ version }) => version);
const two: FixtureOptions = { deployments: [{}, {}], retry: { budgetFloorPerSecond: 10 } };

describe("a request belongs to the version it arrived under", () => {
  test("through its retry, though a new version has all new requests; then the old version is retired", () => {
    const { harness, activate } = rollout({ ...two, strategy: "round-robin" });
    expect(versionsOf(harness.arrive(0))).toEqual([1]);
    expect(retired(activate(2, 1, { deployments: [{}] }))).toEqual([]);
    expect(versionsOf(harness.arrive(1))).toEqual([2]);
    const retry = harness.fail(0);
    // To the second deployment, which the new version does not have.
    expect(only(retry, "start-attempt")).toMatchObject([{ endpoint: 1, version: 1 }]);
    const end = harness.succeed(only(retry, "start-attempt")[0]?.attempt ?? -1);
    expect(only(end, "finish-request")).toMatchObject([{ version: 1 }]);
    expect(end.slice(-2)).toMatchObject([
      { kind: "forget-endpoint", endpoint: 1 },
      { kind: "retire-config", version: 1 },
    ]);
    expect(harness.invariants.finished().filter(({ invariant }) => invariant !== "I1" && invariant !== "I14")).toEqual([]);
  });

  test("in the queue, and along its fallbacks", () => {
    const fallbacks = { general: [1 as RouteId], contextWindow: [], contentPolicy: [], budget: [], hopsMax: 1 };
    const { harness, activate } = rollout({
      deployments: [{ concurrencyMax: 1 }, {}],
      retry: { attemptsMax: 1 },
      route: { deployments: [0 as DeploymentId], fallbacks },
      moreRoutes: [{ deployments: [1 as DeploymentId] }],
    });
    harness.arrive(0);
    expect(versionsOf(harness.arrive(1))).toEqual([]);
    activate(2, 1, { deployments: [{ concurrencyMax: 1 }] });
    const queued = harness.succeed(0);
    expect(versionsOf(queued)).toEqual([1]);
    const hop = harness.fail(only(queued, "start-attempt")[0]?.attempt ?? -1);
    expect(only(hop, "request-rerouted")).toHaveLength(1);
    expect(only(hop, "start-attempt")).toMatchObject([{ endpoint: 1, version: 1 }]);
  });

  test("rollback: the canary gets no new requests, its own go on, and it is retired with the last", () => {
    const { harness, activate } = rollout(two);
    activate(2, 0.999999, { deployments: [{}, {}], strategy: "weighted" });
    expect(versionsOf(harness.arrive(0))).toEqual([2]);
    expect(retired(activate(2, 0))).toEqual([]);
    expect(versionsOf(harness.arrive(1))).toEqual([1]);
    expect(retired(harness.succeed(0))).toEqual([2]);
  });
});

describe("canary share", () => {
  test.each(["request", "tenant"] as const)("by %s: a tenth of them, always the same, and a larger share has them all", (by) => {
    const play = (share: number): number[] => {
      const { harness, activate } = rollout({ ...two, tenants: 2000 });
      activate(2, share, two, by);
      return Array.from({ length: 2000 }, (_, serial) => {
        const started = harness.arrive(0, { tenant: serial as TenantId });
        const attempt = only(started, "start-attempt")[0];
        harness.succeed(attempt?.attempt ?? -1);
        return attempt?.version ?? 0;
      });
    };
    const tenth = play(0.1);
    const canary = tenth.filter((version) => version === 2).length;
    // Four standard deviations of a draw of 2,000 with one in ten.
    expect(Math.abs(canary - 200)).toBeLessThan(54);
    expect(play(0.1)).toEqual(tenth);
    const half = play(0.5);
    expect(tenth.every((version, place) => version === 1 || half[place] === 2)).toBe(true);
  });

  test("a route that only one version has gets its requests there", () => {
    const { harness, activate } = rollout(two);
    activate(2, 0.000001, { ...two, moreRoutes: [{}] });
    expect(versionsOf(harness.arrive(0, { route: 1 as RouteId }))).toEqual([2]);
  });
});

describe("what exists once is shared", () => {
  test("a breaker that the old version's failures have opened is open for the new one", () => {
    const { harness, activate } = rollout({ deployments: [{}], breaker: { failures: 1 }, retry: { attemptsMax: 1 } });
    harness.arrive(0);
    activate(2, 1, { deployments: [{ weight: 3 }], breaker: { failures: 1 } });
    expect(only(harness.fail(0), "breaker-changed")).toMatchObject([{ to: "open" }]);
    expect(only(harness.arrive(1), "finish-request")).toMatchObject([{ version: 2, result: { kind: "rejected", why: "no-candidate" } }]);
  });

  test("places: two versions together do not have more at an endpoint than the stable one allows", () => {
    const { harness, activate } = rollout({ deployments: [{ concurrencyMax: 2 }] });
    activate(2, 0.5, { deployments: [{ concurrencyMax: 10 }] });
    const started = Array.from({ length: 8 }, (_, id) => versionsOf(harness.arrive(id))).flat();
    expect(started).toHaveLength(2);
    // Promoted, its own rule holds.
    expect(versionsOf(activate(2, 1)).length + started.length).toBe(8);
  });

  test("a limit: its amount is the stable version's, spent by both", () => {
    const limited = (amount: number): FixtureOptions => ({ ...two, limits: [{ name: "all", unit: "requests", amount }] });
    const { harness, activate } = rollout(limited(8));
    harness.store = null;
    activate(2, 0.5, limited(1000));
    expect(harness.router.snapshot().leases).toHaveLength(1);
    const started = Array.from({ length: 4 }, (_, id) => versionsOf(harness.arrive(id))).flat();
    // One on credit, whichever version it is of; the others wait for the lease.
    expect(started).toHaveLength(1);
  });

  test("an endpoint keeps what was learned of it when its deployment gets another name", () => {
    const { harness, activate } = rollout({ deployments: [{}] });
    harness.arrive(0);
    harness.at(2).firstToken(0);
    harness.succeed(0);
    const before = harness.router.snapshot().endpoints[0]?.learned.firstTokens;
    const renamed = fixtureConfig({ deployments: [{}] });
    const deployments = renamed.deployments.map((deployment) => ({ ...deployment, name: "renamed" }));
    const { config } = alignConfig({ ...renamed, deployments, version: 2 as ConfigVersion }, [harness.config]);
    harness.send({ kind: "config-activated", config, share: 1, by: "request" });
    expect(before).toBe(1);
    expect(harness.router.snapshot().endpoints[0]?.learned.firstTokens).toBe(1);
    activate(3, 1);
  });

  test("a breaker switched off by the new version closes", () => {
    const { harness, activate } = rollout({ deployments: [{}], breaker: { failures: 1 }, retry: { attemptsMax: 1 } });
    harness.arrive(0);
    harness.fail(0);
    expect(only(activate(2, 1, { deployments: [{}], breaker: { enabled: false } }), "breaker-changed")).toMatchObject([{ to: "closed", why: "rule-changed" }]);
  });
});

test("at most four versions are live: a fifth waits until one is retired, and only the newest waits", () => {
  const versions = new LiveVersions(fixtureConfig());
  const offer = (number: number) =>
    versions.offer({
      version: number as ConfigVersion,
      prepare: (live) => ({ kind: "config-activated", config: versionOf(number, {}, live), share: 1, by: "request" }),
    })?.config.version ?? null;
  expect([2, 3, 4, 5, 6].map(offer)).toEqual([2, 3, 4, null, null]);
  expect(liveVersionsMax).toBe(4);
  expect(versions.retired(1 as ConfigVersion)?.config.version).toBe(6);
  expect(versions.retired(2 as ConfigVersion)).toBe(null);
});
