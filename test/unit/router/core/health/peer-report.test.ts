import { afterEach, expect, test } from "vitest";
import type { BreakerReason, EndpointId, RouterCommand } from "../../../../../router/core/messages.ts";
import { instantAt, seconds } from "../../../../../router/core/time.ts";
import { type FixtureOptions, only, RouterHarness } from "../../../../support/router-fixture.ts";

let harness: RouterHarness | null = null;
const make = (options: FixtureOptions = {}): RouterHarness => (harness = new RouterHarness({ retry: { attemptsMax: 1 }, ...options }));
const hear = (router: RouterHarness, breaker: "open" | "closed", since: number, why: BreakerReason = "failures-in-a-row"): string[] =>
  changes(router.send({ kind: "peer-reported", endpoint: 0 as EndpointId, breaker, why, since: instantAt(seconds(since)) }));
const changes = (commands: readonly RouterCommand[]): string[] => only(commands, "breaker-changed").map(({ to, why }) => `${to}: ${why}`);
afterEach(() => {
  expect(harness?.invariants.violations ?? []).toEqual([]);
  harness = null;
});

test("a peer's opening opens a closed breaker for what is left of its time", () => {
  const router = make();
  expect(hear(router.at(10), "open", 0)).toEqual(["open: peer-reported"]);
  expect(only(router.at(11).arrive(0), "start-attempt")).toEqual([]);
  expect(changes(router.at(60).wake())).toEqual(["half-open: open-time-passed"]);
});

test("news that is older than an open time, or than our own closing, says nothing", () => {
  const router = make();
  expect(hear(router.at(70), "open", 9)).toEqual([]);
  for (let request = 0; request < 5; request += 1) {
    router.arrive(0);
    router.fail(0);
  }
  router.at(130).wake();
  for (let probe = 0; probe < 3; probe += 1) {
    router.arrive(0);
    router.succeed(0);
  }
  expect(router.router.snapshot().endpoints[0]?.breaker.phase).toBe("closed");
  expect(hear(router.at(131), "open", 129)).toEqual([]);
  expect(hear(router.at(132), "open", 131)).toEqual(["open: peer-reported"]);
});

test("a peer's closing lets probes through, which decide for themselves", () => {
  const router = make();
  hear(router, "open", 0);
  expect(hear(router.at(5), "closed", 4)).toEqual(["half-open: peer-reported"]);
  router.arrive(0);
  expect(changes(router.fail(0))).toEqual(["open: probe-failed"]);
});

test("what a peer found failing in part is kept where nothing else is left", () => {
  const router = make();
  hear(router, "open", 0, "failure-rate");
  expect(only(router.arrive(0), "start-attempt")).toHaveLength(1);
});
