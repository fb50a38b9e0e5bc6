/** What users of other routers complain about, as tests: what a shared store that is gone, or one dead endpoint, does to everybody. Threads of github.com/BerriAI/litellm unless another is named. */
import { afterEach, describe, expect, test } from "vitest";
import type { RouterCommand, TenantId } from "../../../../../router/core/messages.ts";
import { seconds } from "../../../../../router/core/time.ts";
import { fixtureQueue, only, RouterHarness } from "../../../../support/router-fixture.ts";

let harness: RouterHarness | null = null;
const make = (options: ConstructorParameters<typeof RouterHarness>[0]): RouterHarness => (harness = new RouterHarness(options));
const results = (commands: readonly RouterCommand[]): unknown[] => only(commands, "finish-request").map(({ result }) => result);
const attemptsOf = (commands: readonly RouterCommand[]): number => only(commands, "start-attempt").length;
afterEach(() => {
  expect(harness?.invariants.violations ?? []).toEqual([]);
  harness = null;
});

describe("21: Redis that cannot be reached hangs every request, or turns limits into one per process in silence (#35273, #32232, #35533)", () => {
  const limited = { tenants: 2, limits: [{ unit: "requests", amount: 40, scope: { kind: "tenant", tenant: 1 as TenantId } }] } as const;
  const ofLimited = { tenant: 1 as TenantId };

  test("whom no limit binds notices nothing", () => {
    const router = make(limited);
    router.store = null;
    router.send({ kind: "store-lost" });
    for (let request = 0; request < 50; request += 1) expect(attemptsOf(router.arrive(request))).toBe(1);
  });

  test("what was leased is spent to its end, then it is said that the limits are not known: no wait, and no limit of its own", () => {
    const router = make(limited);
    router.arrive(0, ofLimited);
    router.store = null;
    router.send({ kind: "store-lost" });
    let served = 1;
    const ended: unknown[] = [];
    for (let request = 1; request < 60; request += 1) {
      const commands = router.arrive(request, ofLimited);
      served += attemptsOf(commands);
      ended.push(...results(commands));
    }
    expect(served).toBeGreaterThan(1);
    expect(served).toBeLessThanOrEqual(40);
    expect(served + ended.length).toBe(60);
    for (const result of ended) expect(result).toMatchObject({ kind: "rejected", why: "limits-unknown" });
  });

  test("it goes on by itself when the store is back", () => {
    const router = make(limited);
    const { store } = router;
    router.store = null;
    router.send({ kind: "store-lost" });
    router.arrive(0, ofLimited);
    expect(results(router.arrive(1, ofLimited))).toMatchObject([{ why: "limits-unknown" }]);
    router.store = store;
    router.at(5).send({ kind: "store-back" });
    expect(attemptsOf(router.arrive(1, ofLimited))).toBe(1);
  });
});

describe("16: the place of a request is released while it still runs (#18116)", () => {
  test("neither a timeout, nor a client that leaves, nor a committed stream frees a place before the outcome is in", () => {
    const router = make({ deployments: [{ concurrencyMax: 1 }], route: { queue: fixtureQueue({ wait: seconds(200) }) }, retry: { attemptsMax: 1 } });
    router.arrive(0);
    expect(attemptsOf(router.arrive(1))).toBe(0);
    expect(attemptsOf(router.at(10).wake())).toBe(0);
    expect(attemptsOf(router.end(0, { kind: "aborted" }))).toBe(1);
    router.arrive(2);
    expect(attemptsOf(router.leave(1))).toBe(0);
    expect(attemptsOf(router.end(0, { kind: "aborted" }))).toBe(1);
    router.arrive(3);
    expect(attemptsOf(router.firstToken(0))).toBe(0);
    expect(attemptsOf(router.succeed(0))).toBe(1);
  });
});

describe("23: one dead endpoint holds up everybody (vllm-project/production-stack #448, #749)", () => {
  test("while one of three takes requests and never answers, the others start theirs at once, and its own go elsewhere at their limit", () => {
    const router = make({ deployments: [{ endpoints: 3 }], retry: { budgetPerMille: 1000 } });
    let hung = 0;
    for (let request = 0; request < 30; request += 1) {
      const [start] = only(router.at(request / 100).arrive(request), "start-attempt");
      expect(start).toBeDefined();
      if (start?.endpoint === 0) hung += 1;
      else router.succeed(start?.attempt ?? -1);
    }
    expect(hung).toBeGreaterThan(0);
    const aborted = only(router.at(11).wake(), "abort-attempt");
    expect(aborted).toHaveLength(hung);
    for (const { attempt } of aborted) for (const { endpoint } of only(router.end(attempt, { kind: "aborted" }), "start-attempt")) expect(endpoint).not.toBe(0);
  });
});
