import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LimitScope } from "../../../../../router/core/compiled-config.ts";
import { noFallbacks } from "../../../../../router/core/compiled-config.ts";
import type { DeploymentId, RouteId, TenantId } from "../../../../../router/core/messages.ts";
import { millis, seconds } from "../../../../../router/core/time.ts";
import { anyFleetMove, LeaseFleet } from "../../../../support/lease-fleet.ts";
import { type FixtureLimit, fixtureConfig, fixtureQueue } from "../../../../support/router-fixture.ts";

const period = { kind: "period", length: seconds(3600) } as const;
const queue = fixtureQueue({ lengthMax: 20, wait: seconds(3) });

/** A request of the fixture reserves 300,000 nano-dollars: 100 tokens in, 100 out. */
const budgetOf = (nanoDollars: number) =>
  fixtureConfig({
    deployments: [{ endpoints: 2 }],
    breaker: { enabled: false },
    retry: { backoffBase: seconds(0), budgetPerMille: 1000 },
    route: { queue },
    limits: [{ unit: "nano-dollars", amount: nanoDollars, window: period }],
  });

describe.each([1, 2, 5])("a budget shared by %i replicas", (replicas) => {
  test("is never exceeded by more than the stated bound, whatever is retried, lost, cut off, crashed and restored", () => {
    let exceeded = 0;
    fc.assert(
      fc.property(fc.array(anyFleetMove(replicas), { minLength: 20, maxLength: 250 }), fc.integer({ min: 300_000, max: 6_000_000 }), (moves, amount) => {
        const fleet = new LeaseFleet(budgetOf(amount), replicas);
        for (const move of moves) fleet.play(move);
        expect(fleet.finish()).toEqual([]);
        if (fleet.spent > amount) exceeded += 1;
      }),
      { numRuns: 300 },
    );
    // The bound would be idle if nothing ever came near it.
    expect(exceeded).toBeGreaterThan(0);
  });
});

/** Of a provider, a deployment and a tier alike: `deployments`. */
const scopes: readonly LimitScope[] = [
  { kind: "total" },
  { kind: "tenant", tenant: 1 as TenantId },
  { kind: "route", route: 0 as RouteId },
  { kind: "route", route: 1 as RouteId },
  { kind: "deployments", deployments: [0 as DeploymentId] },
  { kind: "deployments", deployments: [1 as DeploymentId, 2 as DeploymentId] },
];

const anyLimit: fc.Arbitrary<FixtureLimit> = fc
  .record({ scope: fc.constantFrom(...scopes), kind: fc.nat(5), size: fc.integer({ min: 1, max: 20 }) })
  .map(({ scope, kind, size }): FixtureLimit => {
    switch (kind) {
      case 0:
        return { scope, unit: "requests", amount: size };
      case 1:
        return { scope, unit: "tokens", amount: size * 200 };
      case 2:
        return { scope, unit: "attempts-in-flight", amount: size };
      case 3:
        return { scope, unit: "tokens", amount: size * 200, window: period };
      default:
        return { scope, unit: "nano-dollars", amount: size * 300_000, window: period, atAlert: size % 2 === 0 ? "cheapest" : "notify" };
    }
  });

/** Two routes: the first has two tiers, hedges, and falls back to the second, for want of budget too. */
const manyLimits = (limits: readonly FixtureLimit[]) =>
  fixtureConfig({
    deployments: [{ endpoints: 2 }, { tier: 1, rates: { input: 500_000, cachedRead: 0, cacheWrite: 0, output: 1_000_000 } }, { endpoints: 2 }],
    breaker: { enabled: false },
    retry: { backoffBase: millis(200), budgetPerMille: 1000 },
    route: {
      deployments: [0 as DeploymentId, 1 as DeploymentId],
      queue,
      hedge: { quantile: 0.5, delayMin: millis(1), budgetPerMille: 1000 },
      fallbacks: { ...noFallbacks, general: [1 as RouteId], budget: [1 as RouteId], hopsMax: 3 },
    },
    moreRoutes: [{ deployments: [2 as DeploymentId] }],
    tenants: 2,
    limits,
  });

describe.each([1, 3, 8])("limits of every unit and scope, shared by %i replicas", (replicas) => {
  const moves = fc.array(anyFleetMove(replicas), { minLength: 20, maxLength: 250 });
  const limits = fc.array(anyLimit, { minLength: 1, maxLength: 4 });

  test("hold within their bounds, with hedges and fallbacks beside all the rest", () => {
    fc.assert(
      fc.property(moves, limits, (played, given) => {
        const fleet = new LeaseFleet(manyLimits(given), replicas);
        for (const move of played) fleet.play(move);
        expect(fleet.finish()).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test("and a router that knows none of them is found out", () => {
    const found = fc.check(
      fc.property(moves, limits, (played, given) => {
        const fleet = new LeaseFleet(manyLimits([]), replicas, manyLimits(given));
        for (const move of played) fleet.play(move);
        expect(fleet.finish()).toEqual([]);
      }),
      { numRuns: 200, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });
});

test.each([1, 2, 8])("nothing is stranded: %i replicas spend 99 hundredths of a budget, and no more than it and a credit each", (replicas) => {
  const amount = 1_000_000_000;
  const fleet = new LeaseFleet(budgetOf(amount), replicas);
  for (let round = 0; round < 9000; round += 1) {
    const replica = round % replicas;
    // Answers are shorter than what is set aside for them, as they mostly are.
    fleet.arrive(replica, 40 + (round % 50));
    fleet.pass(7_000);
    for (const attempt of fleet.attempts(replica)) fleet.end(replica, attempt, true, 40);
  }
  expect(fleet.spent).toBeGreaterThan(0.99 * amount);
  expect(fleet.spent).toBeLessThanOrEqual(amount + replicas * fleet.largestReservation);
});

describe.each([1, 8])("a rate that %i replicas share", (replicas) => {
  const minutes = 10;
  const play = (limit: FixtureLimit): LeaseFleet => {
    const fleet = new LeaseFleet(fixtureConfig({ deployments: [{ endpoints: 2 }], breaker: { enabled: false }, route: { queue }, limits: [limit] }), replicas);
    while (fleet.now < minutes * 60_000_000) {
      for (let replica = 0; replica < replicas; replica += 1) {
        fleet.arrive(replica, 50);
        for (const attempt of fleet.attempts(replica)) fleet.end(replica, attempt, true, 50);
      }
      fleet.pass(100_000 * replicas);
    }
    expect(fleet.finish()).toEqual([]);
    return fleet;
  };

  test("gives 99 hundredths of its requests, and no more than it has", () => {
    const amount = 120;
    const { attemptsStarted } = play({ unit: "requests", amount });
    expect(attemptsStarted).toBeGreaterThan(0.99 * amount * (minutes + 1) - replicas);
    expect(attemptsStarted).toBeLessThanOrEqual(amount * (minutes + 1) + 2 * replicas);
  });

  test("gives 99 hundredths of its tokens, and no more than it has", () => {
    const amount = 30_000;
    const { tokens } = play({ unit: "tokens", amount });
    expect(tokens).toBeGreaterThan(0.99 * amount * (minutes + 1) - replicas * 200);
    expect(tokens).toBeLessThanOrEqual(amount * (minutes + 1) + replicas * 400);
  });
});
