import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { strategyNames } from "../../router/core/compiled-config.ts";
import { failureRateSpec } from "../../router/core/health/failure-rate.ts";
import type { DeploymentId, RouteId, RouterCommand, TenantId } from "../../router/core/messages.ts";
import { Router, type RouterSnapshot } from "../../router/core/router.ts";
import { instantAt, seconds, startOfTime } from "../../router/core/time.ts";
import { RouterInvariants } from "../../simulator/core/invariant/router-invariants.ts";
import { Recorder } from "../support/recorder.ts";
import { type FixtureOptions, fixtureConfig, fixtureQueue, fixtureRequest } from "../support/router-fixture.ts";
import { anyRouterMove, laterThanAll, replayEvents, resolveRouterMoves } from "../support/router-history.ts";

const resilient: FixtureOptions = {
  deployments: [{ endpoints: 2 }, { concurrencyMax: 2, tier: 1 }, { contextTokens: 1000, concurrencyMax: 1 }],
  breaker: { failures: 2, probes: 1, growthPercent: 200, openMax: seconds(300), rate: failureRateSpec(0.05, 0.2, seconds(60), 3) },
  retry: { budgetPerMille: 500, attemptsByFailure: { "rate-limited": 1 } },
  route: {
    deployments: [0, 1].map((id) => id as DeploymentId),
    fallbacks: { general: [1 as RouteId], contextWindow: [2 as RouteId], contentPolicy: [1 as RouteId], budget: [], hopsMax: 2 },
    floorPercent: 30,
  },
  moreRoutes: [
    { deployments: [2 as DeploymentId], fallbacks: { general: [2 as RouteId, 0 as RouteId], contextWindow: [], contentPolicy: [], budget: [], hopsMax: 5 } },
    { deployments: [1 as DeploymentId], queue: fixtureQueue({ lengthMax: 1, wait: seconds(2) }) },
  ],
};

const fixtures: Record<string, FixtureOptions> = {
  "fallbacks, tiers, a floor, a failure rate": resilient,
  "one endpoint, one place": { deployments: [{ concurrencyMax: 1 }] },
  "three deployments, weighted": {
    strategy: "weighted",
    deployments: [
      { weight: 60, endpoints: 2, concurrencyMax: 2 },
      { weight: 25, contextTokens: 10_000 },
      { weight: 15, priced: false },
    ],
  },
  "tenants in a short queue that turns away early": {
    tenants: 3,
    deployments: [{ concurrencyMax: 1 }],
    route: { queue: fixtureQueue({ lengthMax: 3, rejectEarly: true }) },
  },
  "probed endpoints": {
    deployments: [
      { endpoints: 2, concurrencyMax: 2, probe: { path: "/health", every: seconds(3), timeout: seconds(1), healthyAfter: 1, unhealthyAfter: 1 } },
      {},
    ],
    breaker: { failures: 2 },
  },
  "a breaker that opens at once": { deployments: [{ endpoints: 2, concurrencyMax: 3 }], breaker: { failures: 1, probes: 1 } },
  "limits and budgets of every kind": {
    tenants: 2,
    deployments: [{ endpoints: 2, concurrencyMax: 3 }, {}],
    limits: [
      { unit: "requests", amount: 12, scope: { kind: "tenant", tenant: 1 as TenantId } },
      { unit: "tokens", amount: 30_000 },
      { unit: "attempts-in-flight", amount: 4 },
      {
        unit: "nano-dollars",
        amount: 3_000_000,
        window: { kind: "period", length: seconds(60) },
        scope: { kind: "deployments", deployments: [0 as DeploymentId] },
      },
    ],
  },
  "tags, regions and residencies": {
    deployments: [
      { region: 0, tags: [0, 1], concurrencyMax: 2, quality: 0.9 },
      { region: 1, tags: [1, 2], endpoints: 2, concurrencyMax: 2, quality: 0.5 },
      { region: 1, concurrencyMax: 1 },
      { tags: [0, 2] },
    ],
    breaker: { failures: 2, probes: 1 },
  },
  ...Object.fromEntries(
    strategyNames.map((strategy) => [
      strategy,
      {
        strategy,
        deployments: [
          { endpoints: 2, concurrencyMax: 2, requestsPerMinute: 5 },
          { priced: false, weight: 3 },
        ],
        breaker: { failures: 2 },
      },
    ]),
  ),
};
const moves = fc.array(anyRouterMove, { maxLength: 80 });
const wakes = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 });

describe.each(Object.entries(fixtures))("router, %s", (_name, options) => {
  const config = fixtureConfig(options);
  const make = (snapshot?: RouterSnapshot): Router => new Router(config, { seed: 5, explain: true }, snapshot);

  test("law 1: equal histories give equal commands", () => {
    fc.assert(
      fc.property(moves, (list) => {
        const { events, commands } = resolveRouterMoves(make(), list, config);
        const again = resolveRouterMoves(make(), list, config);
        expect(again.commands).toEqual(commands);
        expect(again.events).toEqual(events);
      }),
    );
  });

  test("laws 2 and 3: late, split and missing wakes change neither the commands nor their instants", () => {
    fc.assert(
      fc.property(moves, wakes, (list, shares) => {
        const { events, commands } = resolveRouterMoves(make(), list, config);
        const until = laterThanAll(commands, events);
        expect(replayEvents(make(), events, shares, until)).toEqual(commands);
        expect(replayEvents(make(), events, [], until)).toEqual(commands);
      }),
    );
  });

  test("law 3: nothing is due after wake, and commands come in order of time", () => {
    fc.assert(
      fc.property(moves, (list) => {
        const { events, commands } = resolveRouterMoves(make(), list, config);
        const router = make();
        const recorder = new Recorder<RouterCommand>();
        events.forEach(({ event, at }, place) => {
          router.handle(event, at, recorder);
          if (events[place + 1]?.at === at) return;
          router.wake(at, recorder);
          expect(router.nextDeadline()).toBeGreaterThan(at);
        });
        const instants = commands.map(({ at }) => at);
        expect(instants).toEqual(instants.toSorted((one, other) => one - other));
      }),
    );
  });

  test("law 5: what has ended is forgotten", () => {
    fc.assert(
      fc.property(moves, (list) => {
        const router = make();
        resolveRouterMoves(router, list, config);
        const { requests, attempts, requestDeadlines, freeAttempts, routes } = router.snapshot();
        expect(requests.every((slot) => slot === null) && attempts.every((slot) => slot === null)).toBe(true);
        expect([requestDeadlines.count, freeAttempts.length, routes[0]?.queue.length]).toEqual([0, attempts.length, 0]);
      }),
    );
  });

  test("a snapshot anywhere has the same future", () => {
    fc.assert(
      fc.property(moves, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
        const { events, commands } = resolveRouterMoves(make(), list, config);
        const cut = Math.floor(share * events.length);
        const first = make();
        const recorder = new Recorder<RouterCommand>();
        for (const { event, at } of events.slice(0, cut)) first.handle(event, at, recorder);
        const rest = replayEvents(make(first.snapshot()), events.slice(cut), [], laterThanAll(commands, events));
        expect([...recorder.take(), ...rest]).toEqual(commands);
      }),
    );
  });

  test("invariants hold over any history", () => {
    fc.assert(
      fc.property(moves, (list) => {
        const { events } = resolveRouterMoves(make(), list, config);
        const invariants = new RouterInvariants(config);
        const router = make();
        const out = { emit: (command: RouterCommand, at: typeof startOfTime): void => invariants.command(command, at) };
        for (const { event, at } of events) {
          invariants.event(event, at);
          router.handle(event, at, out);
        }
        router.wake(instantAt(1e12), out);
        expect(invariants.finished()).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("law 4: re-entry is refused", () => {
    const router = make();
    const arrival = { kind: "request-arrived", request: fixtureRequest(0, 0) } as const;
    const reenter = { emit: (): void => router.wake(startOfTime, { emit: () => undefined }) };
    expect(() => router.handle(arrival, startOfTime, reenter)).toThrow("entered while it is at work");
  });

  test("law 1: the clock going back is refused", () => {
    const router = make();
    router.wake(instantAt(10), { emit: () => undefined });
    expect(() => router.wake(instantAt(9), { emit: () => undefined })).toThrow("clock goes back");
  });
});
