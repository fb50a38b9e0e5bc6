/** What users of other routers complain about, as tests: retries, fallbacks and streams. The names are the threads' in github.com/BerriAI/litellm unless another repository is named. */
import { afterEach, describe, expect, test } from "vitest";
import { noFallbacks } from "../../../../../router/core/compiled-config.ts";
import type { DeploymentId, RouteId, RouterCommand } from "../../../../../router/core/messages.ts";
import { seconds } from "../../../../../router/core/time.ts";
import { type FixtureOptions, fixtureQueue, only, RouterHarness } from "../../../../support/router-fixture.ts";

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

describe("a server dies while the one that is left takes seconds to answer (seen at real vLLM servers after SIGTERM: 502 for a request that began later)", () => {
  /** Two requests at each of two endpoints; those at the first find it dead. @returns the ids of the attempts at the living one */
  function dying(router: RouterHarness): number[] {
    const attempts = [0, 1, 2, 3].flatMap((id) => only(router.arrive(id), "start-attempt"));
    const retried = attempts.filter(({ endpoint }) => endpoint === 0).flatMap(({ attempt }) => only(router.fail(attempt, "connect-failed"), "start-attempt"));
    expect(retried).toHaveLength(1);
    return [...attempts.filter(({ endpoint }) => endpoint === 1), ...retried].map(({ attempt }) => attempt);
  }
  /** Wakes it whenever it wants to be, up to then. @param to seconds */
  function wakeUntil(router: RouterHarness, to: number): RouterCommand[] {
    const commands: RouterCommand[] = [];
    for (let due = router.router.nextDeadline(); due <= seconds(to); due = router.router.nextDeadline()) commands.push(...router.at(due / 1_000_000).wake());
    router.at(to);
    return commands;
  }
  const slow: FixtureOptions = { deployments: [{ endpoints: 2 }], retry: { budgetFloorPerSecond: 10 } };

  test("a retry that it cannot pay for yet waits as long as an answer is under way that will pay", () => {
    const router = make(slow);
    const [answering = -1] = dying(router);
    expect(wakeUntil(router, 8)).toEqual([]);
    router.firstToken(answering);
    expect(started(wakeUntil(router, 9))).toEqual([1]);
  });

  test("it ends when what is under way there has failed: nobody is left to go to", () => {
    const router = make(slow);
    const attempts = dying(router);
    router.at(5);
    const ended = attempts.flatMap((attempt) => only(router.fail(attempt, "connect-failed"), "finish-request"));
    expect([...ended, ...only(wakeUntil(router, 6), "finish-request")]).toHaveLength(4);
  });

  test("it ends at the latest when an attempt of its own would have", () => {
    const router = make(slow);
    // What is under way neither answers nor fails, not even when told to.
    expect(dying(router)).toHaveLength(3);
    const commands = wakeUntil(router, 11);
    expect(only(commands, "abort-attempt")).toHaveLength(3);
    expect(only(commands, "finish-request").map(({ result }) => result)).toEqual([{ kind: "failed", failure: "connect-failed", retryAfter: null }]);
  });

  test("one that is only full is waited for, rather than the dead one asked again and again", () => {
    const router = make({ deployments: [{ endpoints: 2, concurrencyMax: 1 }] });
    const [busy = -1] = started(router.arrive(0));
    expect(started(router.arrive(1))).toEqual([1 - busy]);
    expect(router.fail(1, "connect-failed")).toEqual([]);
    expect(wakeUntil(router, 3)).toEqual([]);
    expect(started(router.succeed(0))).toEqual([busy]);
  });

  test("where nobody may wait, it gets its second chance", () => {
    const router = make({ deployments: [{ endpoints: 2, concurrencyMax: 1 }], route: { queue: fixtureQueue({ wait: seconds(0) }) } });
    const [busy = -1] = started(router.arrive(0));
    router.arrive(1);
    router.fail(1, "connect-failed");
    expect(started(wakeUntil(router, 3))).toEqual([1 - busy]);
  });
});
