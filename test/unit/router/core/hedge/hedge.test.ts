import { afterEach, describe, expect, test } from "vitest";
import type { HedgeSpec } from "../../../../../router/core/compiled-config.ts";
import { millis, seconds } from "../../../../../router/core/time.ts";
import { type FixtureOptions, only, RouterHarness } from "../../../../support/router-fixture.ts";

let harness: RouterHarness | null = null;

const spec: HedgeSpec = { quantile: 0.9, delayMin: millis(1), budgetPerMille: 1000 };

/** Twenty streams have had their first token after 100 ms; none is under way at second 100. */
function warm(options: FixtureOptions = {}, hedge: Partial<HedgeSpec> = {}): RouterHarness {
  const router = new RouterHarness({ deployments: [{ endpoints: 2 }], ...options, route: { hedge: { ...spec, ...hedge }, ...options.route } });
  for (let id = 0; id < 20; id += 1) {
    const attempt = only(router.at(id).arrive(0), "start-attempt")[0]?.attempt ?? -1;
    router.at(id + 0.1).firstToken(attempt);
    router.succeed(attempt);
  }
  router.at(100);
  harness = router;
  return router;
}

/** At second 101 both attempts of request 5 are under way: 0 at its first endpoint, 1 at the other. */
function doubled(options: FixtureOptions = {}): RouterHarness {
  const router = warm(options);
  router.arrive(5);
  expect(only(router.at(101).wake(), "start-attempt")).toMatchObject([{ attempt: 1, request: 5 }]);
  return router;
}

afterEach(() => {
  expect(harness?.invariants.violations ?? []).toEqual([]);
  harness = null;
});

describe("a stream that shows no first token", () => {
  test("is tried at another endpoint once it is later than the learned quantile", () => {
    const router = warm();
    const [first] = only(router.arrive(5), "start-attempt");
    expect(router.at(100.09).wake()).toEqual([]);
    const [second] = only(router.at(100.2).wake(), "start-attempt");
    expect(second?.request).toBe(5);
    expect(second?.endpoint).not.toBe(first?.endpoint);
  });

  test("is not before enough is known, nor a plain request, nor where there is no other endpoint", () => {
    const fresh = new RouterHarness({ deployments: [{ endpoints: 2 }], route: { hedge: spec } });
    fresh.arrive(0);
    expect(fresh.at(9).wake()).toEqual([]);
    const plain = warm();
    plain.arrive(5, { stream: false });
    expect(plain.at(109).wake()).toEqual([]);
    const single = warm({ deployments: [{}] });
    single.arrive(5);
    expect(single.at(109).wake()).toEqual([]);
  });

  test("is not beyond the budget, the bound on attempts, or a full endpoint", () => {
    const poor = warm({}, { budgetPerMille: 40 });
    poor.arrive(5);
    expect(poor.at(109).wake()).toEqual([]);
    const once = warm({ retry: { attemptsMax: 1 } });
    once.arrive(5);
    expect(once.at(109).wake()).toEqual([]);
    const full = warm({ deployments: [{ endpoints: 2, concurrencyMax: 1 }] });
    full.arrive(5);
    full.arrive(6);
    expect(only(full.at(109).wake(), "start-attempt")).toEqual([]);
  });

  test("waits no less than the least delay", () => {
    const router = warm({}, { delayMin: seconds(2) });
    router.arrive(5);
    expect(router.at(101.9).wake()).toEqual([]);
    expect(only(router.at(102).wake(), "start-attempt")).toHaveLength(1);
  });
});

describe("of two attempts", () => {
  test("the first token wins; the other is aborted, accounted, and its outcome awaited", () => {
    const router = doubled();
    expect(router.firstToken(1)).toEqual([
      { kind: "commit-attempt", attempt: 1 },
      { kind: "abort-attempt", attempt: 0, why: "hedge-lost" },
    ]);
    // Crossed with the abort.
    expect(router.firstToken(0)).toEqual([]);
    expect(only(router.at(102).succeed(1), "finish-request")).toEqual([]);
    const lost = {
      kind: "aborted",
      billed: "maybe",
      usage: { input: 100, cachedRead: 0, cacheWrite: 0, output: 3, reasoning: 0 },
      usageEstimated: true,
    } as const;
    const [finish] = only(router.end(0, lost), "finish-request");
    expect(finish).toMatchObject({ result: { kind: "served" }, account: { attempts: 2, usage: { input: 200, output: 13 }, estimated: true } });
    expect(router.router.snapshot().endpoints.map(({ inFlight, breaker }) => [inFlight, breaker.phase])).toEqual([
      [0, "closed"],
      [0, "closed"],
    ]);
  });

  test("one that has lost is on the bill also where its outcome comes first", () => {
    const router = doubled();
    router.firstToken(1);
    const lost = { billed: "maybe", usage: { input: 100, cachedRead: 0, cacheWrite: 0, output: 3, reasoning: 0 }, usageEstimated: true } as const;
    expect(only(router.end(0, lost), "finish-request")).toEqual([]);
    expect(only(router.succeed(1), "finish-request")).toMatchObject([{ account: { attempts: 2, usage: { input: 200, output: 13 }, estimated: true } }]);
  });

  test("one that fails leaves it to the other", () => {
    const router = doubled();
    expect(router.fail(1)).toEqual([]);
    expect(router.firstToken(0)).toEqual([{ kind: "commit-attempt", attempt: 0 }]);
    expect(only(router.succeed(0), "finish-request")).toMatchObject([{ result: { kind: "served" }, account: { attempts: 2 } }]);
  });

  test("both failing is one failure, and retried as one", () => {
    const router = doubled({ deployments: [{ endpoints: 3 }] });
    expect(router.fail(0)).toEqual([]);
    expect(only(router.fail(1), "start-attempt")).toMatchObject([{ request: 5 }]);
  });

  test("each has its own limit for the first token", () => {
    const router = doubled();
    expect(only(router.at(110).wake(), "abort-attempt")).toEqual([{ kind: "abort-attempt", attempt: 0, why: "timeout" }]);
    router.end(0, {});
    expect(only(router.at(111).wake(), "abort-attempt")).toEqual([{ kind: "abort-attempt", attempt: 1, why: "timeout" }]);
  });

  test("both go with the client", () => {
    const router = doubled();
    expect(only(router.leave(5), "abort-attempt")).toEqual([
      { kind: "abort-attempt", attempt: 0, why: "client-left" },
      { kind: "abort-attempt", attempt: 1, why: "client-left" },
    ]);
    expect(router.end(1, {})).toEqual([]);
    expect(only(router.end(0, {}), "finish-request")).toMatchObject([{ result: { kind: "client-left" } }]);
  });

  test("a client that leaves when its answer is whole changes nothing", () => {
    const router = doubled();
    router.firstToken(0);
    router.succeed(0);
    expect(router.leave(5)).toEqual([]);
    expect(only(router.end(1, {}), "finish-request")).toMatchObject([{ result: { kind: "served" } }]);
  });

  test("a stream that breaks off after it won is cut, whatever the other did", () => {
    const router = doubled();
    router.firstToken(0);
    expect(only(router.fail(0, "cut"), "finish-request")).toEqual([]);
    expect(only(router.end(1, {}), "finish-request")).toMatchObject([{ result: { kind: "cut", failure: "cut" } }]);
  });
});
