import { afterEach, describe, expect, test } from "vitest";
import { type FallbackSpec, noFallbacks } from "../../../../router/core/compiled-config.ts";
import type { DeploymentId, FailureKind, RouteId, RouterCommand } from "../../../../router/core/messages.ts";
import { instantAt, seconds } from "../../../../router/core/time.ts";
import { type FixtureDeployment, type FixtureOptions, fixtureQueue, only, RouterHarness } from "../../../support/router-fixture.ts";

let harness: RouterHarness | null = null;

/** Route 0 over deployment 0, route 1 over deployment 1, and so on. */
const make = (
  fallbacks: readonly Partial<FallbackSpec>[],
  options: FixtureOptions & { readonly deployments?: readonly FixtureDeployment[] } = {},
): RouterHarness => {
  const spec = (place: number): FallbackSpec => ({ ...noFallbacks, hopsMax: 5, ...fallbacks[place] });
  harness = new RouterHarness({
    retry: { attemptsMax: 1, budgetPerMille: 1000 },
    ...options,
    deployments: options.deployments ?? fallbacks.map(() => ({})),
    route: { deployments: [0 as DeploymentId], fallbacks: spec(0), ...options.route },
    moreRoutes: fallbacks.slice(1).map((_, place) => ({ deployments: [(place + 1) as DeploymentId], fallbacks: spec(place + 1) })),
  });
  return harness;
};
const to = (...routes: number[]): RouteId[] => routes.map((route) => route as RouteId);
const started = (commands: readonly RouterCommand[]): number[] => only(commands, "start-attempt").map(({ endpoint }) => endpoint);
const ended = (commands: readonly RouterCommand[]): unknown => only(commands, "finish-request")[0]?.result;

afterEach(() => {
  expect(harness?.invariants.violations ?? []).toEqual([]);
  harness = null;
});

describe("a route that has failed", () => {
  test("is followed by the next of its list, then by the rest of it where that one has none", () => {
    const router = make([{ general: to(1, 2) }, {}, {}]);
    expect(started(router.arrive(0))).toEqual([0]);
    const commands = router.fail(0);
    expect(started(commands)).toEqual([1]);
    expect(only(commands, "request-rerouted")).toEqual([{ kind: "request-rerouted", request: 0, from: 0, to: 1, cause: "general" }]);
    expect(started(router.fail(0))).toEqual([2]);
    expect(only(router.succeed(0), "finish-request")[0]).toMatchObject({ result: { kind: "served" }, account: { attempts: 3 } });
  });

  test("is never visited twice, and hops are bounded", () => {
    const loop = make([{ general: to(1) }, { general: to(0, 1) }]);
    loop.arrive(0);
    expect(started(loop.fail(0))).toEqual([1]);
    expect(ended(loop.fail(0))).toMatchObject({ kind: "failed" });
    const chain = make([{ general: to(1), hopsMax: 2 }, { general: to(2) }, { general: to(3) }, {}]);
    chain.arrive(0);
    expect([started(chain.fail(0)), started(chain.fail(0)), started(chain.fail(0))]).toEqual([[1], [2], []]);
  });

  test("grants one attempt more, not a fresh set of retries", () => {
    const router = make([{ general: to(1) }, {}], {
      deployments: [{ endpoints: 3 }, { endpoints: 3 }],
      retry: { attemptsMax: 3, budgetPerMille: 10_000 },
      retryBudget: { budgetPerMille: 10_000 },
      breaker: { enabled: false },
    });
    router.arrive(0);
    let attempts = 1;
    for (let commands = router.fail(0); started(commands).length > 0; commands = router.fail(0)) attempts += 1;
    expect(attempts).toBe(4);
  });

  test("is left only where the retry budget pays for it", () => {
    const router = make([{ general: to(1) }, {}], { retry: { attemptsMax: 1, budgetPerMille: 0, budgetFloorPerSecond: 0 } });
    router.arrive(0);
    expect(ended(router.fail(0))).toMatchObject({ kind: "failed", failure: "server-error" });
  });

  test("a lone request whose endpoint is gone goes to the fallback: the one retry that nobody has earned is not spent on the endpoint's second chance", () => {
    const router = make([{ general: to(1) }, {}], { retry: { attemptsMax: 3, budgetPerMille: 100, budgetFloorPerSecond: 10 } });
    for (const request of [0, 1, 2]) {
      router.at(request * 20).arrive(request);
      expect(started(router.fail(0, "connect-failed"))).toEqual([1]);
      router.firstToken(0);
      expect(ended(router.succeed(0))).toEqual({ kind: "served" });
    }
  });

  test("a hop that would go somewhere that answers waits until an answer pays for it, and answers there pay for those that follow", () => {
    const router = make([{ general: to(1) }, {}], { retry: { attemptsMax: 1, budgetPerMille: 0, budgetFloorPerSecond: 10 } });
    for (const request of [0, 1, 2]) router.arrive(request);
    expect([0, 1, 2].flatMap((attempt) => started(router.fail(attempt, "connect-failed")))).toEqual([1]);
    expect(started(router.at(0.5).wake())).toEqual([]);
    router.at(8).wake();
    const hop = router.router.snapshot().attempts.findIndex((attempt) => attempt !== null);
    router.firstToken(hop);
    expect(started(router.at(8.3).wake())).toEqual([1]);
    router.succeed(hop);
    expect(started(router.at(8.6).wake())).toEqual([1]);
  });

  test("not for a client's own fault, nor past the deadline", () => {
    const router = make([{ general: to(1), contentPolicy: [] }, {}]);
    for (const failure of ["bad-request", "content-filtered"] as const satisfies readonly FailureKind[]) {
      router.arrive(0);
      expect(ended(router.fail(0, failure))).toMatchObject({ kind: "failed", failure });
    }
    router.arrive(1, { deadline: instantAt(seconds(3)) });
    router.at(3).wake();
    expect(ended(router.end(0, { kind: "aborted" }))).toMatchObject({ kind: "rejected", why: "deadline-passed" });
  });
});

describe("by cause", () => {
  test("a prompt that fits nowhere goes to the context list without an attempt, and from a provider's refusal with one", () => {
    const router = make([{ contextWindow: to(2), general: to(1) }, {}, {}], {
      deployments: [{ contextTokens: 1000 }, { contextTokens: 1000 }, { contextTokens: 9000 }],
    });
    expect(started(router.arrive(0, { inputTokens: 5000 }))).toEqual([2]);
    router.arrive(1, { inputTokens: 999 });
    expect(started(router.fail(1, "context-exceeded"))).toEqual([2]);
  });

  test("context is asked again at every hop: one that is too small is passed over, and the caller hears the first reason", () => {
    const router = make([{ contextWindow: to(1), general: to(2) }, {}, {}], {
      deployments: [{ contextTokens: 1000 }, { contextTokens: 2000 }, { contextTokens: 9000 }],
    });
    expect(started(router.arrive(0, { inputTokens: 5000 }))).toEqual([2]);
    expect(ended(router.arrive(1, { inputTokens: 10_000 }))).toEqual({ kind: "rejected", why: "too-long", retryAfter: null });
  });

  test("a content filter's refusal goes to its own list, unpaid", () => {
    const router = make([{ contentPolicy: to(1) }, {}], { retry: { attemptsMax: 1, budgetPerMille: 0, budgetFloorPerSecond: 0 } });
    router.arrive(0);
    expect(started(router.fail(0, "content-filtered"))).toEqual([1]);
  });

  test("a spent budget of the route goes to the budget list; one of everybody stops there too", () => {
    const limits = [
      {
        unit: "nano-dollars",
        amount: 1000,
        scope: { kind: "deployments", deployments: [0 as DeploymentId] },
        window: { kind: "period", length: seconds(3600) },
      },
    ] as const;
    const router = make([{ budget: to(1) }, {}], { limits });
    expect(started(router.arrive(0))).toEqual([1]);
    const everybody = make([{ budget: to(1) }, {}], { limits: [{ ...limits[0], scope: { kind: "total" } }] });
    expect(ended(everybody.arrive(0))).toMatchObject({ kind: "rejected", why: "budget-spent" });
  });

  test("residency is asked again at every hop", () => {
    const router = make([{ general: to(1, 2) }, {}, {}], { deployments: [{ region: 0 }, { region: 1 }, { region: 0 }] });
    router.arrive(0, { residency: 0 });
    expect(started(router.fail(0))).toEqual([2]);
  });

  test("a full queue and an open breaker are causes too, and cost no retry", () => {
    const router = make([{ general: to(1) }, {}], {
      deployments: [{ concurrencyMax: 1 }, {}],
      retry: { attemptsMax: 1, budgetPerMille: 0, budgetFloorPerSecond: 0 },
      route: { queue: fixtureQueue({ lengthMax: 0, wait: seconds(5) }) },
    });
    expect(started(router.arrive(0))).toEqual([0]);
    expect(started(router.arrive(1))).toEqual([1]);
  });
});

describe("tiers", () => {
  const tiered: FixtureOptions = { deployments: [{ tier: 1 }, { tier: 0, concurrencyMax: 1 }, { tier: 2 }], strategy: "weighted" };
  const alone = (options: FixtureOptions): RouterHarness => (harness = new RouterHarness(options));

  test("a later tier has traffic only while no endpoint of those before is eligible", () => {
    const router = alone(tiered);
    expect(started(router.arrive(0))).toEqual([1]);
    expect(started(router.arrive(1))).toEqual([0]);
    router.succeed(0);
    expect(started(router.arrive(2))).toEqual([1]);
  });

  test("a retry goes down the tiers", () => {
    const router = alone({ ...tiered, retry: { budgetPerMille: 10_000 } });
    expect(started(router.arrive(0))).toEqual([1]);
    expect(started(router.fail(0))).toEqual([0]);
    expect(started(router.fail(0))).toEqual([2]);
  });
});
