import { afterEach, expect, test } from "vitest";
import { failureRateSpec } from "../../../../../router/core/health/failure-rate.ts";
import { Router } from "../../../../../router/core/router.ts";
import { instantAt, seconds } from "../../../../../router/core/time.ts";
import { fixtureConfig, fixtureRequest, type FixtureOptions, only, RouterHarness } from "../../../../support/router-fixture.ts";
import { Recorder } from "../../../../support/recorder.ts";
import type { RouterCommand } from "../../../../../router/core/messages.ts";

let harness: RouterHarness | null = null;
const make = (options: FixtureOptions): RouterHarness => (harness = new RouterHarness({ retry: { attemptsMax: 1 }, ...options }));
afterEach(() => {
  expect(harness?.invariants.violations ?? []).toEqual([]);
  harness = null;
});

/** Every request fails until nothing but the floor is left: which endpoints still get attempts. */
const inUse = (router: RouterHarness, requests: number, failed: (request: number) => boolean = () => true): number[] => {
  const used: number[] = [];
  for (let request = 0; request < requests; request += 1) {
    const [start] = only(router.arrive(0), "start-attempt");
    if (start === undefined) continue;
    used.push(start.endpoint);
    if (failed(request)) router.fail(0);
    else router.succeed(0);
  }
  return used;
};

test("without a floor failing endpoints are all taken out", () => {
  expect(inUse(make({ deployments: [{ endpoints: 4 }] }), 100)).toHaveLength(20);
});

test("with one, its share of the endpoints stays in use, rounded up, and always the same least bad ones", () => {
  const router = make({ deployments: [{ endpoints: 4 }], route: { floorPercent: 30 } });
  const used = inUse(router, 200);
  expect(used).toHaveLength(200);
  expect(new Set(used.slice(-50)).size).toBe(2);
});

test("a floor of 100 % keeps a group of one", () => {
  expect(inUse(make({ route: { floorPercent: 100 } }), 30)).toHaveLength(30);
});

test("the explanation marks what is kept", () => {
  const router = new Router(fixtureConfig({ breaker: { failures: 1 }, retry: { attemptsMax: 1 }, route: { floorPercent: 100 } }), { seed: 1, explain: true });
  const recorder = new Recorder<RouterCommand>();
  const arrive = (serial: number): void => router.handle({ kind: "request-arrived", request: fixtureRequest(0, serial) }, instantAt(serial), recorder);
  const outcome = { kind: "failed", failure: "server-error", retryAfter: null, billed: "no", usage: null, usageEstimated: false, lagged: false } as const;
  arrive(0);
  router.handle({ kind: "attempt-ended", attempt: 0 as never, outcome }, instantAt(0), recorder);
  arrive(1);
  const kept = only(
    recorder.take().map(({ command }) => command),
    "record-decision",
  ).map(({ explanation }) => explanation.kept);
  expect(kept).toEqual([[], [0]]);
});

test("a group of one that fails half of the time is better than none; once nothing succeeds it is taken out", () => {
  const router = make({ breaker: { rate: failureRateSpec(0.05, 0.2, seconds(600), 5) } });
  expect(inUse(router, 60, (request) => request % 2 === 0)).toHaveLength(60);
  expect(router.router.snapshot().endpoints[0]?.breaker).toMatchObject({ phase: "open", reason: "failure-rate", partial: true });
  expect(inUse(router, 60).length).toBeLessThan(10);
});
