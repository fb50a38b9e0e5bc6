import { afterEach, describe, expect, test } from "vitest";
import { seconds } from "../../../../router/core/time.ts";
import type { FailureKind, RouterCommand } from "../../../../router/core/messages.ts";
import { type FixtureOptions, only, RouterHarness } from "../../../support/router-fixture.ts";

let harness: RouterHarness | null = null;
const make = (options: FixtureOptions = {}): RouterHarness => {
  harness = new RouterHarness({ retry: { attemptsMax: 1 }, ...options });
  return harness;
};
const changes = (commands: readonly RouterCommand[]): string[] => only(commands, "breaker-changed").map(({ to }) => to);

afterEach(() => {
  expect(harness?.invariants.violations ?? []).toEqual([]);
  harness = null;
});

const failTimes = (router: RouterHarness, times: number, failure: FailureKind = "server-error"): string[] =>
  Array.from({ length: times }, () => {
    router.arrive(0);
    return changes(router.fail(0, failure));
  }).flat();

describe("a group of one", () => {
  test("opens at the fifth failure in a row, and rejects with a true Retry-After", () => {
    const router = make();
    expect(failTimes(router, 4)).toEqual([]);
    router.arrive(0);
    router.succeed(0);
    expect(failTimes(router, 4)).toEqual([]);
    expect(failTimes(router, 1)).toEqual(["open"]);
    expect(only(router.at(20).arrive(1), "finish-request")[0]?.result).toEqual({ kind: "rejected", why: "no-candidate", retryAfter: seconds(40) });
  });

  test("half-opens after its open time, lets one probe through at a time, closes at the third success", () => {
    const router = make();
    failTimes(router, 5);
    expect(changes(router.at(60).wake())).toEqual(["half-open"]);
    expect(only(router.arrive(0), "start-attempt")).toHaveLength(1);
    for (const waiting of [1, 2, 3]) expect(router.arrive(waiting)).toEqual([]);
    const started = (commands: readonly RouterCommand[]): number[] => only(commands, "start-attempt").map(({ request }) => request);
    expect(started(router.succeed(0))).toEqual([1]);
    expect(started(router.firstToken(0))).toEqual([2]);
    const commands = router.succeed(1);
    expect(changes(commands)).toEqual(["closed"]);
    expect(started(commands)).toEqual([3]);
  });

  test("where so many are let through at once, three are", () => {
    const router = make({ breaker: { probesAtOnce: 3 } });
    failTimes(router, 5);
    expect(changes(router.at(60).wake())).toEqual(["half-open"]);
    for (let probe = 0; probe < 3; probe += 1) expect(only(router.arrive(probe), "start-attempt")).toHaveLength(1);
    expect(router.arrive(3)).toEqual([]);
    expect(changes(router.succeed(0))).toEqual([]);
    expect(router.arrive(4)).toEqual([]);
    expect(changes(router.succeed(1))).toEqual([]);
    const commands = router.succeed(2);
    expect(changes(commands)).toEqual(["closed"]);
    expect(only(commands, "start-attempt").map(({ request }) => request)).toEqual([3, 4]);
  });

  test("a probe that streams has succeeded with its first token, and can still fail after it", () => {
    const router = make({ breaker: { probesAtOnce: 3 } });
    failTimes(router, 5);
    router.at(60).wake();
    for (let probe = 0; probe < 3; probe += 1) router.arrive(probe);
    expect(changes(router.firstToken(0))).toEqual([]);
    expect(changes(router.succeed(0))).toEqual([]);
    router.firstToken(1);
    expect(changes(router.firstToken(2))).toEqual(["closed"]);
    for (const attempt of [1, 2]) expect(changes(router.fail(attempt, "cut"))).toEqual([]);
    expect(router.router.snapshot().endpoints[0]?.breaker.failures).toBe(1);
  });

  test("a probe that is cut after its first token opens it again", () => {
    const router = make();
    failTimes(router, 5);
    router.at(60).wake();
    router.arrive(0);
    router.firstToken(0);
    expect(changes(router.at(61).fail(0, "cut"))).toEqual(["open"]);
  });

  test("opens again at the first probe that fails, for the whole open time", () => {
    const router = make();
    failTimes(router, 5);
    router.at(60).wake();
    router.arrive(0);
    expect(changes(router.at(61).fail(0))).toEqual(["open"]);
    expect(changes(router.at(120).wake())).toEqual([]);
    expect(changes(router.at(121).wake())).toEqual(["half-open"]);
  });

  test("a probe that says nothing gives its place back", () => {
    const router = make();
    failTimes(router, 5);
    router.at(60).wake();
    for (let round = 0; round < 10; round += 1) {
      router.arrive(0);
      router.leave(0);
      router.end(0, { kind: "aborted" });
    }
    expect(only(router.arrive(0), "start-attempt")).toHaveLength(1);
  });
});

test("client faults, rate limits, aborts and lagged attempts never count", () => {
  const router = make({ breaker: { failures: 1 } });
  for (const failure of ["bad-request", "context-exceeded", "content-filtered"] as const) expect(failTimes(router, 3, failure)).toEqual([]);
  router.arrive(0);
  expect(changes(router.fail(0, "server-error", { lagged: true }))).toEqual([]);
  router.arrive(0);
  router.leave(0);
  expect(changes(router.end(0, { kind: "aborted" }))).toEqual([]);
  expect(failTimes(router, 1, "rate-limited")).toEqual([]);
  router.at(2).wake();
  expect(failTimes(router, 1, "draining")).toEqual([]);
  expect(router.router.snapshot().endpoints[0]?.breaker.failures).toBe(0);
});

test.each(["overloaded", "server-error", "connect-failed", "cut", "timed-out-idle", "unauthorised", "not-found"] as const)("%s counts", (failure) => {
  expect(failTimes(make(), 5, failure)).toEqual(["open"]);
});

test("a limit that ran out counts, as of its own instant", () => {
  const router = make({ breaker: { failures: 1 } });
  router.arrive(0);
  router.at(10).wake();
  expect(changes(router.end(0, { kind: "aborted" }))).toEqual(["open"]);
});

test("what was under way when it opened neither closes it nor keeps it open", () => {
  const router = make();
  for (let request = 0; request < 8; request += 1) router.arrive(request);
  for (let attempt = 0; attempt < 4; attempt += 1) router.fail(attempt);
  expect(changes(router.fail(4))).toEqual(["open"]);
  expect(changes(router.at(30).succeed(5))).toEqual([]);
  expect(changes(router.at(59).fail(6))).toEqual([]);
  expect(changes(router.at(60).wake())).toEqual(["half-open"]);
  expect(changes(router.at(61).fail(7))).toEqual([]);
});

test("a rate limit cools apart: no attempt until Retry-After has passed, then at once, and the breaker stays closed", () => {
  const router = make({ deployments: [{ endpoints: 1 }] });
  router.arrive(0);
  router.fail(0, "rate-limited", { retryAfter: seconds(3) });
  expect(router.at(1).arrive(1)).toEqual([]);
  expect(only(router.at(3).wake(), "start-attempt")).toMatchObject([{ request: 1 }]);
  expect(router.router.snapshot().endpoints[0]).toMatchObject({ coolUntil: 0, breaker: { phase: "closed" } });
});

test("one that is off never opens", () => {
  expect(failTimes(make({ breaker: { enabled: false } }), 50)).toEqual([]);
});
