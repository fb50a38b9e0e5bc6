import { afterEach, describe, expect, test } from "vitest";
import type { ProbeSpec } from "../../../../../router/core/health/health-probe.ts";
import type { EndpointId, RouterCommand } from "../../../../../router/core/messages.ts";
import { seconds } from "../../../../../router/core/time.ts";
import { type FixtureOptions, fixtureQueue, only, RouterHarness } from "../../../../support/router-fixture.ts";

const probe: ProbeSpec = { path: "/health", every: seconds(5), timeout: seconds(1), healthyAfter: 2, unhealthyAfter: 3 };
const fixtureWait = fixtureQueue({ wait: seconds(100) });
let harness: RouterHarness | null = null;
/** Two endpoints, the first busy first. */
const make = (options: FixtureOptions = {}): RouterHarness => {
  harness = new RouterHarness({ deployments: [{ probe, endpoints: 2 }], strategy: "round-robin", retry: { attemptsMax: 1 }, ...options });
  return harness;
};

afterEach(() => {
  expect(harness?.invariants.violations ?? []).toEqual([]);
  harness = null;
});

/** Goes on to the next probe of the endpoint, and answers it; other endpoints' probes are well. */
function answerNext(router: RouterHarness, endpoint: number, healthy: boolean | null): RouterCommand[] {
  for (let rounds = 0; rounds < 100; rounds += 1) {
    router.at(router.router.nextDeadline() / 1_000_000);
    const commands = router.wake();
    let met: RouterCommand[] | null = null;
    for (const asked of only(commands, "start-probe")) {
      const answer = router.send({ kind: "probe-ended", endpoint: asked.endpoint, nonce: asked.nonce, healthy: asked.endpoint === endpoint ? healthy : true });
      if (asked.endpoint === endpoint) met = answer;
    }
    if (met !== null) return met;
  }
  throw new Error("it was not probed");
}
const failProbes = (router: RouterHarness, endpoint: number, times: number): boolean[] =>
  Array.from({ length: times }, () => only(answerNext(router, endpoint, false), "health-changed").map(({ healthy }) => healthy)).flat();
const isHealthy = (router: RouterHarness, endpoint: number): boolean | undefined => router.router.snapshot().endpoints[endpoint]?.health.healthy;
const startedAt = (commands: readonly RouterCommand[]): EndpointId[] => only(commands, "start-attempt").map(({ endpoint }) => endpoint);

describe("an endpoint that is probed", () => {
  test("is asked within its interval first, then every interval, a tenth more or less, and never twice at once", () => {
    const router = make({ deployments: [{ probe }] });
    const times: number[] = [];
    for (let round = 0; round < 50; round += 1) {
      router.at(router.router.nextDeadline() / 1_000_000);
      const [asked] = only(router.wake(), "start-probe");
      expect(asked).toMatchObject({ endpoint: 0, nonce: round, path: "/health", timeout: seconds(1) });
      times.push(router.now);
      expect(router.router.nextDeadline()).toBe(Infinity);
      router.send({ kind: "probe-ended", endpoint: 0 as EndpointId, nonce: round, healthy: true });
    }
    expect(times[0]).toBeLessThan(seconds(5));
    const gaps = times.slice(1).map((time, place) => time - (times[place] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(seconds(4.5));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(seconds(5.5));
    expect(new Set(gaps).size).toBeGreaterThan(20);
  });

  test("is taken out after three bad answers in a row, and is back after two good ones", () => {
    const router = make();
    expect(failProbes(router, 0, 2)).toEqual([]);
    answerNext(router, 0, true);
    expect(failProbes(router, 0, 3)).toEqual([false]);
    expect([0, 1, 2].flatMap((request) => startedAt(router.arrive(request)))).toEqual([1, 1, 1]);
    expect(only(answerNext(router, 0, true), "health-changed")).toEqual([]);
    expect(only(answerNext(router, 0, true), "health-changed")).toMatchObject([{ endpoint: 0, healthy: true }]);
    expect([3, 4].flatMap((request) => startedAt(router.arrive(request)))).toContain(0);
  });

  test("is not taken out while it answers requests: who is too busy to say how it is is not dead", () => {
    const router = make();
    for (let round = 0; round < 6; round += 1) {
      for (const request of [0, 1]) router.arrive(request);
      for (const attempt of [0, 1]) router.succeed(attempt);
      expect(failProbes(router, 0, 1)).toEqual([]);
    }
    expect(isHealthy(router, 0)).toBe(true);
    expect(failProbes(router, 0, 3)).toEqual([false]);
  });

  test("an answer that our own stall has kept us from says nothing", () => {
    const router = make();
    failProbes(router, 0, 2);
    expect(only(answerNext(router, 0, null), "health-changed")).toEqual([]);
    expect(failProbes(router, 0, 1)).toEqual([false]);
  });

  test("an answer to a probe that is not under way is not heard", () => {
    const router = make();
    failProbes(router, 0, 2);
    for (const nonce of [0, 1, 2, 77]) router.send({ kind: "probe-ended", endpoint: 0 as EndpointId, nonce, healthy: false });
    expect(isHealthy(router, 0)).toBe(true);
  });
});

describe("probes and a route", () => {
  test("where all are unhealthy, all are eligible: a wrong path empties no route", () => {
    const router = make();
    failProbes(router, 0, 3);
    failProbes(router, 1, 3);
    expect([isHealthy(router, 0), isHealthy(router, 1)]).toEqual([true, false]);
    const alone = make({ deployments: [{ probe }] });
    failProbes(alone, 0, 3);
    expect(isHealthy(alone, 0)).toBe(false);
    expect(startedAt(alone.arrive(0))).toEqual([0]);
  });

  test("an unhealthy endpoint is better than an open breaker, and worse than waiting for a place", () => {
    const router = make({ breaker: { failures: 1 } });
    failProbes(router, 0, 3);
    router.arrive(0);
    router.fail(0);
    expect(startedAt(router.arrive(1))).toEqual([0]);
    const full = make({ deployments: [{ probe, endpoints: 2, concurrencyMax: 1 }] });
    failProbes(full, 0, 3);
    expect(startedAt(full.arrive(0))).toEqual([1]);
    expect(startedAt(full.arrive(1))).toEqual([]);
    expect(startedAt(full.succeed(0))).toEqual([1]);
  });

  test("who waits goes on when an endpoint is well again", () => {
    const router = make({ deployments: [{ probe, endpoints: 2, concurrencyMax: 1 }], route: { queue: fixtureWait } });
    failProbes(router, 0, 3);
    router.arrive(0);
    answerNext(router, 0, true);
    expect(startedAt(router.arrive(1))).toEqual([]);
    expect(startedAt(answerNext(router, 0, true))).toEqual([0]);
  });
});

describe("probes and breakers", () => {
  test("good answers alone never close a breaker, nor end its open time", () => {
    const router = make({ deployments: [{ probe }], breaker: { failures: 1 } });
    router.arrive(0);
    router.fail(0);
    for (let round = 0; round < 5; round += 1) expect(only(answerNext(router, 0, true), "breaker-changed")).toEqual([]);
    expect(only(router.arrive(1), "start-attempt")).toEqual([]);
  });

  test("an endpoint that comes back by its probes is probed by a request at once, not after its open time", () => {
    const router = make({ deployments: [{ probe }], breaker: { failures: 1, open: seconds(600) }, route: { queue: { ...fixtureWait, wait: seconds(0) } } });
    failProbes(router, 0, 3);
    router.arrive(0);
    router.fail(0);
    expect(only(router.arrive(1), "start-attempt")).toEqual([]);
    answerNext(router, 0, true);
    expect(only(answerNext(router, 0, true), "breaker-changed")).toMatchObject([{ from: "open", to: "half-open", why: "health-returned" }]);
    expect(startedAt(router.arrive(2))).toEqual([0]);
    expect(only(router.arrive(3), "start-attempt")).toEqual([]);
    expect(only(router.fail(0), "breaker-changed")).toMatchObject([{ to: "open", why: "probe-failed" }]);
  });

  test("a half-open breaker's requests do not go to an endpoint that its probes find dead, while there is another", () => {
    const router = make({ breaker: { failures: 1, open: seconds(30) } });
    const [first] = startedAt(router.arrive(0));
    router.fail(0);
    failProbes(router, first ?? 0, 3);
    router.at(200).wake();
    const requests = Array.from({ length: 8 }, (_, place) => place + 1);
    expect(requests.flatMap((request) => startedAt(router.arrive(request)))).toEqual(requests.map(() => 1 - (first ?? 0)));
  });
});
