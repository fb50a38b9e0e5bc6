import { afterEach, describe, expect, test } from "vitest";
import type { QueueSpec } from "../../../../../router/core/compiled-config.ts";
import type { RouterCommand, TenantId } from "../../../../../router/core/messages.ts";
import { instantAt, seconds } from "../../../../../router/core/time.ts";
import { fixtureQueue, only, RouterHarness } from "../../../../support/router-fixture.ts";

let harness: RouterHarness | null = null;

/** One endpoint with one place, taken by request 0 of tenant 9. */
function crowded(queue: Partial<QueueSpec> = {}, tenantWeights: readonly number[] = []): RouterHarness {
  const made = new RouterHarness({
    tenants: 10,
    tenantWeights,
    deployments: [{ concurrencyMax: 1 }],
    route: { queue: fixtureQueue({ lengthMax: 20, wait: seconds(1000), ...queue }) },
  });
  made.arrive(0, { tenant: tenant(9) });
  harness = made;
  return made;
}

const tenant = (id: number): TenantId => id as TenantId;
const started = (commands: readonly RouterCommand[]): number[] => only(commands, "start-attempt").map(({ request }) => request);
/** Every attempt in turn succeeds with so many tokens out; the order of requests that went on. */
function drain(router: RouterHarness, count: number, output = 100): number[] {
  return Array.from({ length: count }, () => started(router.succeed(0, { input: 100, output }))[0] ?? -1);
}

afterEach(() => {
  expect(harness?.invariants.violations ?? []).toEqual([]);
  harness = null;
});

describe("between tenants", () => {
  test("equal ones that wait take turns, however many requests one of them has", () => {
    const router = crowded();
    for (const id of [1, 2, 3, 4, 5, 6]) router.arrive(id, { tenant: tenant(1) });
    for (const id of [7, 8]) router.arrive(id, { tenant: tenant(2) });
    expect(drain(router, 8)).toEqual([1, 7, 2, 8, 3, 4, 5, 6]);
  });

  test("one of twice the weight gets twice the tokens", () => {
    const router = crowded({}, [1, 1, 2]);
    for (const id of [1, 2, 3, 4, 5, 6]) router.arrive(id, { tenant: tenant(1) });
    for (const id of [11, 12, 13, 14, 15, 16]) router.arrive(id, { tenant: tenant(2) });
    expect(drain(router, 9).filter((id) => id > 10)).toHaveLength(6);
  });

  test("it is tokens that are shared, not requests", () => {
    const router = crowded();
    for (const id of [1, 2, 3, 4, 5]) router.arrive(id, { tenant: tenant(1), inputTokens: 900, outputTokensMax: 300 });
    for (const id of [11, 12, 13, 14, 15, 16, 17, 18]) router.arrive(id, { tenant: tenant(2), inputTokens: 100, outputTokensMax: 100 });
    const order: number[] = [];
    for (
      let next = started(router.succeed(0))[0];
      order.length < 8;
      next = started(router.succeed(0, (next ?? 0) < 10 ? { input: 900, output: 300 } : { input: 100, output: 100 }))[0]
    )
      order.push(next ?? -1);
    // 1,500 weighted tokens a request against 300.
    expect(order).toEqual([1, 11, 12, 13, 14, 15, 2, 16]);
  });

  test("who comes back after a pause has saved nothing up", () => {
    const router = crowded();
    for (const id of [1, 2, 3, 4, 5, 6]) router.arrive(id, { tenant: tenant(1) });
    drain(router, 3);
    for (const id of [11, 12, 13]) router.arrive(id, { tenant: tenant(2) });
    expect(drain(router, 6)).toEqual([4, 11, 5, 12, 6, 13]);
  });

  test("with a burst, who has sent less comes before the others, for so many tokens", () => {
    // A request is 300 weighted tokens: three of them, then each in turn.
    const router = crowded({ burst: 700 });
    for (const id of [1, 2, 3, 4, 5, 6, 7]) router.arrive(id, { tenant: tenant(1) });
    drain(router, 4);
    for (const id of [11, 12, 13, 14, 15]) router.arrive(id, { tenant: tenant(2) });
    expect(drain(router, 8)).toEqual([11, 12, 13, 5, 14, 6, 15, 7]);
  });

  test("what an attempt really used replaces what was expected of it", () => {
    const router = crowded();
    // Both are expected to use their cap of 1,000; tenant 1 uses 10.
    for (const id of [1, 2, 3, 4]) router.arrive(id, { tenant: tenant(1), outputTokensMax: 1000 });
    for (const id of [11, 12]) router.arrive(id, { tenant: tenant(2), outputTokensMax: 1000 });
    expect(started(router.succeed(0))).toEqual([1]);
    expect(started(router.succeed(0, { input: 100, output: 10 }))).toEqual([11]);
    expect(started(router.succeed(0, { input: 100, output: 1000 }))).toEqual([2]);
    expect(started(router.succeed(0, { input: 100, output: 10 }))).toEqual([3]);
  });

  test("fcfs: one line for all", () => {
    const router = crowded({ order: "fcfs" });
    for (const id of [1, 2, 3]) router.arrive(id, { tenant: tenant(1) });
    router.arrive(4, { tenant: tenant(2) });
    expect(drain(router, 4)).toEqual([1, 2, 3, 4]);
  });

  test("a full queue turns away requests of the tenant that fills it", () => {
    const router = crowded({ lengthMax: 4 });
    for (const id of [1, 2, 3, 4]) router.arrive(id, { tenant: tenant(1) });
    expect(only(router.arrive(5, { tenant: tenant(2) }), "finish-request")).toMatchObject([{ request: 4, result: { kind: "rejected", why: "queue-full" } }]);
    expect(only(router.arrive(6, { tenant: tenant(1) }), "finish-request")).toMatchObject([{ request: 6, result: { kind: "rejected", why: "queue-full" } }]);
    expect(drain(router, 4)).toEqual([1, 5, 2, 3]);
  });
});

describe("within a tenant", () => {
  test("priority goes first, but a point of it is worth only so much waiting", () => {
    const router = crowded({ ageing: seconds(2) });
    router.arrive(1);
    router.at(1).arrive(2, { priority: 1 });
    router.at(3).arrive(3, { priority: 1 });
    expect(drain(router, 3)).toEqual([2, 1, 3]);
  });

  test("the earlier deadline goes first", () => {
    const router = crowded();
    router.arrive(1);
    router.arrive(2, { deadline: instantAt(seconds(30)) });
    router.arrive(3, { deadline: instantAt(seconds(20)) });
    expect(drain(router, 3)).toEqual([3, 2, 1]);
  });
});

describe("a place that would come too late", () => {
  /** Ten requests, two seconds each. */
  const measured = (rejectEarly: boolean): RouterHarness => {
    const router = crowded({ rejectEarly, wait: seconds(60) });
    for (let id = 1; id <= 10; id += 1) router.arrive(id);
    for (let id = 1; id <= 10; id += 1) router.at(2 * id).succeed(0);
    for (let id = 11; id <= 15; id += 1) router.arrive(id, { priority: 100 });
    return router;
  };

  test("is said at once, with a Retry-After after which there is one", () => {
    const router = measured(true);
    // The sixth place comes in twelve seconds.
    const [refused] = only(router.arrive(16, { deadline: instantAt(seconds(29)) }), "finish-request");
    expect(refused?.result).toEqual({ kind: "rejected", why: "deadline-unreachable", retryAfter: seconds(3) });
    router.at(22).succeed(0);
    router.at(23);
    // The same patience of nine seconds, three seconds later.
    expect(router.arrive(17, { deadline: instantAt(seconds(32)) })).toEqual([]);
    for (let end = 24; end <= 32; end += 2) router.at(end).succeed(0);
    expect(router.router.snapshot().requests[17]).toMatchObject({ phase: "attempting" });
  });

  test("is waited for where that is asked for", () => {
    const router = measured(false);
    expect(router.arrive(16, { deadline: instantAt(seconds(29)) })).toEqual([]);
    expect(only(router.at(30).wake(), "finish-request")).toMatchObject([{ result: { why: "deadline-passed" } }]);
  });
});
