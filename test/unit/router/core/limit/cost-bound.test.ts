import { describe, expect, test } from "vitest";
import { noFallbacks } from "../../../../../router/core/compiled-config.ts";
import type { DeploymentId, RouteId, RouterCommand } from "../../../../../router/core/messages.ts";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

/** Nano-dollars for a prompt of 100 tokens and 50 of output: 150 and 15,000. */
const cheap = { rates: { input: 1_000, output: 1_000, cachedRead: 1_000, cacheWrite: 1_000 }, weight: 1 };
const dear = { rates: { input: 100_000, output: 100_000, cachedRead: 100_000, cacheWrite: 100_000 }, weight: 1000 };
const asked = { inputTokens: 100, outputTokensMax: 50 };
const started = (commands: readonly RouterCommand[]): number[] => only(commands, "start-attempt").map(({ endpoint }) => endpoint);
const ended = (commands: readonly RouterCommand[]): unknown => only(commands, "finish-request")[0]?.result;

describe("what a caller will pay at most", () => {
  test("leaves out deployments that could cost more, to the nano-dollar", () => {
    const harness = new RouterHarness({ deployments: [cheap, dear] });
    const sent = [14_999, 15_000].map((costMaxNano, place) => started(harness.arrive(place, { ...asked, costMaxNano })));
    expect(sent).toEqual([[0], [1]]);
    expect(harness.invariants.violations).toEqual([]);
  });

  test("none of them: told at once, as the caller's own doing", () => {
    const harness = new RouterHarness({ deployments: [cheap, dear] });
    expect(ended(harness.arrive(0, { ...asked, costMaxNano: 149 }))).toMatchObject({ kind: "rejected", why: "too-dear" });
    expect(started(harness.arrive(1, asked))).toHaveLength(1);
  });

  test("none of them, and a fallback for budgets: there", () => {
    const harness = new RouterHarness({
      deployments: [dear, cheap],
      route: { deployments: [0 as DeploymentId], fallbacks: { ...noFallbacks, hopsMax: 1, budget: [1 as RouteId] } },
      moreRoutes: [{ deployments: [1 as DeploymentId] }],
    });
    expect(started(harness.arrive(0, { ...asked, costMaxNano: 200 }))).toEqual([1]);
  });

  test("counts what earlier attempts have cost", () => {
    const harness = new RouterHarness({ deployments: [dear, { ...dear, weight: 1 }], retry: { attemptsMax: 3, budgetPerMille: 10_000 } });
    const [first] = started(harness.arrive(0, { ...asked, costMaxNano: 20_000 }));
    expect(first).toBeDefined();
    const usage = { input: 100, cachedRead: 0, cacheWrite: 0, output: 0, reasoning: 0 };
    const after = harness.fail(0, "cut", { billed: "yes", usage });
    // 10,000 are spent, and the next could cost 15,000.
    expect(started([...after, ...harness.at(10).wake()])).toEqual([]);
  });

  test("the route's own bound holds for its requests, by fallbacks too, not for those that may be delayed; the smaller bound counts", () => {
    const options = { deployments: [cheap, dear], route: { costMaxNano: 14_999 } };
    const harness = new RouterHarness(options);
    expect(started(harness.arrive(0, asked))).toEqual([0]);
    expect(ended(harness.arrive(1, { ...asked, costMaxNano: 149 }))).toMatchObject({ why: "too-dear" });
    expect(started(harness.arrive(2, { ...asked, batch: true }))).toEqual([1]);
    const fallsBack = new RouterHarness({
      deployments: [dear, dear, cheap],
      route: { deployments: [0 as DeploymentId], costMaxNano: 200, fallbacks: { ...noFallbacks, hopsMax: 1, budget: [1 as RouteId] } },
      moreRoutes: [{ deployments: [1 as DeploymentId, 2 as DeploymentId] }],
    });
    expect(started(fallsBack.arrive(0, asked))).toEqual([2]);
  });

  test("an unknown price is taken, unless the configuration refuses those", () => {
    const request = { ...asked, costMaxNano: 1 };
    expect(started(new RouterHarness({ deployments: [{ priced: false }] }).arrive(0, request))).toEqual([0]);
    expect(ended(new RouterHarness({ deployments: [{ priced: false }], unknownPrice: "refuse" }).arrive(0, request))).toMatchObject({ why: "too-dear" });
  });
});

describe("the caller's strategy", () => {
  test("chooses for its request alone", () => {
    const harness = new RouterHarness({ deployments: [dear, cheap], strategy: "weighted" });
    const sent = (strategy: "cost-based" | undefined): number[] =>
      Array.from({ length: 10 }, (_, place) => {
        const commands = harness.arrive(place, { ...asked, ...(strategy === undefined ? {} : { strategy }) });
        harness.succeed(only(commands, "start-attempt")[0]?.attempt ?? -1);
        return started(commands)[0] ?? -1;
      });
    expect(new Set(sent("cost-based"))).toEqual(new Set([1]));
    expect(new Set(sent(undefined))).toEqual(new Set([0]));
  });

  test("that goes by what the route does not keep is the route's", () => {
    const harness = new RouterHarness({ deployments: [dear, cheap], strategy: "weighted" });
    for (const strategy of ["prefix-affinity", "adaptive"] as const)
      expect(started(harness.arrive(["prefix-affinity", "adaptive"].indexOf(strategy), { ...asked, strategy, blocks: Int32Array.of(1, 2) }))).toEqual([0]);
  });
});
