/** What users of other routers complain about, as tests: retries, fallbacks and streams. The names are the threads' in github.com/BerriAI/litellm unless another repository is named. */
import { afterEach, describe, expect, test } from "vitest";
import { noFallbacks } from "../../../../../router/core/compiled-config.ts";
import type { DeploymentId, RouteId, RouterCommand } from "../../../../../router/core/messages.ts";
import { seconds } from "../../../../../router/core/time.ts";
import { type FixtureOptions, only, RouterHarness } from "../../../../support/router-fixture.ts";

let harness: RouterHarness | null = null;
const make = (options: FixtureOptions = {}): RouterHarness => (harness = new RouterHarness(options));
const started = (commands: readonly RouterCommand[]): number[] => only(commands, "start-attempt").map(({ endpoint }) => endpoint);
afterEach(() => {
  expect(harness?.invariants.violations ?? []).toEqual([]);
  harness = null;
});

describe("18: a fallback starts the retries again, ten calls for one request (#19985, #7669)", () => {
  const deployments = [{ endpoints: 3 }, { endpoints: 3 }, { endpoints: 3 }];
  const routes: FixtureOptions = {
    deployments,
    retry: { attemptsMax: 3, budgetPerMille: 100, budgetFloorPerSecond: 1 },
    breaker: { enabled: false },
    route: { deployments: [0 as DeploymentId], fallbacks: { ...noFallbacks, general: [1 as RouteId, 2 as RouteId], hopsMax: 5 } },
    moreRoutes: [{ deployments: [1 as DeploymentId] }, { deployments: [2 as DeploymentId] }],
  };

  test("with every retry paid, a request makes the attempts of one route and one more per hop", () => {
    const router = make({ ...routes, retry: { ...routes.retry, budgetPerMille: 10_000 }, retryBudget: { budgetPerMille: 10_000 } });
    router.arrive(0);
    let attempts = 1;
    for (let commands = router.fail(0); started(commands).length > 0; commands = router.fail(0)) attempts += 1;
    expect(attempts).toBe(3 + 2);
  });

  test("through three routes that all fail, a thousand requests make less than 1.15 calls each", () => {
    const router = make(routes);
    let attempts = 0;
    const attemptsOf = (commands: readonly RouterCommand[]): number[] => only(commands, "start-attempt").map(({ attempt }) => attempt);
    for (let request = 0; request < 1000; request += 1) {
      const open = attemptsOf(router.at(request / 100).arrive(request));
      for (let attempt = open.pop(); attempt !== undefined; attempt = open.pop()) {
        attempts += 1;
        open.push(...attemptsOf(router.fail(attempt)));
      }
    }
    expect(attempts).toBeGreaterThanOrEqual(1000);
    expect(attempts).toBeLessThan(1150);
  });
});

describe("19: a cut stream looks complete, and has no limit in total (#40404, Portkey-AI/gateway #1797, tensorzero/tensorzero #6328)", () => {
  test("a stream that breaks off before its first token goes elsewhere", () => {
    const router = make({ deployments: [{ endpoints: 2 }] });
    const [first] = started(router.arrive(0));
    expect(started(router.fail(0, "cut"))).toEqual([first === 0 ? 1 : 0]);
  });

  test("one that breaks off after it ends as cut, never as served", () => {
    const router = make();
    router.arrive(0);
    router.firstToken(0);
    expect(only(router.fail(0, "cut"), "finish-request")[0]?.result).toEqual({ kind: "cut", failure: "cut" });
  });

  test("a stream that never ends is stopped at the total limit, and the caller is told", () => {
    const router = make();
    router.arrive(0);
    router.at(1).firstToken(0);
    expect(only(router.at(100).wake(), "abort-attempt")).toHaveLength(1);
    expect(only(router.end(0, { kind: "aborted" }), "finish-request")[0]?.result).toEqual({ kind: "cut", failure: "timed-out-total" });
  });
});

describe("20: a slow first token is not failed over (#5859, #17991, #19909, #19184)", () => {
  test("it is aborted at its limit, tried elsewhere at once, and counts against the endpoint", () => {
    const router = make({ deployments: [{ endpoints: 2 }] });
    const [slow = -1] = started(router.arrive(0));
    expect(only(router.at(10).wake(), "abort-attempt")).toEqual([{ kind: "abort-attempt", attempt: 0, why: "timeout" }]);
    expect(started(router.end(0, { kind: "aborted" }))).toEqual([1 - slow]);
    expect(router.router.snapshot().endpoints[slow]?.breaker.failures).toBe(1);
  });

  test("a plain answer has no first token to wait for: only the total limit", () => {
    const router = make();
    router.arrive(0, { stream: false });
    router.at(11).wake();
    expect(router.router.nextDeadline()).toBe(seconds(100));
  });
});
