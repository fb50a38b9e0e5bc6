import { afterEach, describe, expect, test } from "vitest";
import { instantAt, seconds } from "../../../../router/core/time.ts";
import { type FixtureOptions, only, RouterHarness } from "../../../support/router-fixture.ts";

let harness: RouterHarness | null = null;
const make = (options: FixtureOptions = {}): RouterHarness => {
  harness = new RouterHarness(options);
  return harness;
};

afterEach(() => {
  expect(harness?.invariants.violations ?? []).toEqual([]);
  harness = null;
});

const two = { deployments: [{ endpoints: 2 }] };

describe("a request that goes well", () => {
  test("is dispatched, committed at its first token and accounted to the nano-dollar", () => {
    const router = make();
    expect(only(router.arrive(7), "start-attempt")).toMatchObject([{ attempt: 0, request: 7, endpoint: 0 }]);
    expect(router.at(1).firstToken(0)).toEqual([{ kind: "commit-attempt", attempt: 0 }]);
    const [finish] = only(router.at(2).succeed(0, { input: 1000, cachedRead: 400, output: 50 }), "finish-request");
    // 600 x $1/M + 400 x $0.1/M + 50 x $2/M = $0.00074
    expect(finish).toMatchObject({ request: 7, result: { kind: "served" }, account: { nanoDollars: 740_000, attempts: 1, priced: true, estimated: false } });
  });

  test("without a price is counted, never taken as free", () => {
    const router = make({ deployments: [{ priced: false }] });
    router.arrive(0);
    const [finish] = only(router.succeed(0), "finish-request");
    expect(finish?.account).toMatchObject({ nanoDollars: 0, priced: false });
    expect(router.router.snapshot().ledger[0]).toMatchObject({ unpriced: 1, input: 100 });
  });
});

describe("retry", () => {
  test("goes at once to an endpoint that has not been tried", () => {
    const router = make(two);
    const [first] = only(router.arrive(0), "start-attempt");
    const [second] = only(router.fail(0), "start-attempt");
    expect(new Set([first?.endpoint, second?.endpoint])).toEqual(new Set([0, 1]));
    expect(only(router.succeed(0), "finish-request")[0]).toMatchObject({ result: { kind: "served" }, account: { attempts: 2 } });
  });

  test("at the same endpoint waits a jittered backoff, counted from the failure even where the driver is late", () => {
    const router = make();
    router.arrive(0);
    expect(router.at(1).fail(0)).toEqual([]);
    const due = router.router.nextDeadline();
    expect(due).toBeGreaterThan(seconds(1));
    expect(due).toBeLessThanOrEqual(seconds(2));
    expect(only(router.at(5).wake(), "start-attempt")).toHaveLength(1);
    // The retry started at `due`, whatever the driver did: its first token is due 10 s later.
    expect(router.router.nextDeadline()).toBe(due + seconds(10));
  });

  test("honours Retry-After, and gives up where it is longer than allowed", () => {
    const router = make();
    router.arrive(0);
    expect(router.fail(0, "rate-limited", { retryAfter: seconds(7) })).toEqual([]);
    expect(only(router.at(6.999).wake(), "start-attempt")).toEqual([]);
    expect(only(router.at(7).wake(), "start-attempt")).toHaveLength(1);
    const [finish] = only(router.at(8).fail(0, "rate-limited", { retryAfter: seconds(31) }), "finish-request");
    expect(finish?.result).toEqual({ kind: "failed", failure: "rate-limited", retryAfter: seconds(31) });
  });

  test("never follows a client's own fault, nor a committed stream", () => {
    const router = make(two);
    router.arrive(0);
    expect(only(router.fail(0, "bad-request"), "finish-request")[0]?.result).toEqual({ kind: "failed", failure: "bad-request", retryAfter: null });
    router.arrive(1);
    router.firstToken(0);
    expect(only(router.fail(0, "cut"), "finish-request")[0]?.result).toEqual({ kind: "cut", failure: "cut" });
  });

  test("ends with the attempts", () => {
    const router = make({ deployments: [{ endpoints: 5 }], retry: { attemptsMax: 3, budgetPerMille: 10_000 } });
    router.arrive(0);
    let attempts = 1;
    for (let commands = router.fail(0); only(commands, "start-attempt").length > 0; commands = router.fail(0)) attempts += 1;
    expect(attempts).toBe(3);
  });

  test("may end sooner after some kinds of failure", () => {
    const router = make({ ...two, retry: { attemptsMax: 3, attemptsByFailure: { "rate-limited": 1 } } });
    router.arrive(0);
    expect(only(router.fail(0, "rate-limited"), "finish-request")).toHaveLength(1);
    router.at(2).arrive(0);
    expect(only(router.fail(0, "overloaded"), "start-attempt")).toHaveLength(1);
  });

  test("is not begun where it cannot end before the caller's deadline", () => {
    const router = make({ ...two, retry: { budgetPerMille: 1000 } });
    for (let request = 0; request < 20; request += 1) {
      router.at(request * 10).arrive(0);
      router.at(request * 10 + 4).succeed(0);
    }
    const arrive = (deadline: number): number => {
      router.at(300).arrive(0, { deadline: instantAt(seconds(deadline)) });
      return only(router.fail(0), "start-attempt").length;
    };
    expect(arrive(303)).toBe(0);
    expect(arrive(305)).toBe(1);
  });
});

describe("the bill has every attempt of a request", () => {
  const partly = (output: number) => ({ billed: "yes", usage: { input: 100, cachedRead: 0, cacheWrite: 0, output, reasoning: 0 } }) as const;
  const options = { deployments: [{ endpoints: 3 }], retry: { attemptsMax: 3, budgetPerMille: 10_000 } };
  const three = { attempts: 3, nanoDollars: 344_000, priced: true, usage: { input: 300, output: 22 } };

  test("that is served after two have failed, and none of another's", () => {
    const router = make(options);
    router.arrive(0);
    router.fail(0, "server-error", partly(5));
    router.fail(0, "server-error", partly(7));
    expect(only(router.succeed(0, { output: 10 }), "finish-request")).toMatchObject([{ result: { kind: "served" }, account: three }]);
    router.arrive(0);
    expect(only(router.succeed(0, { output: 10 }), "finish-request")).toMatchObject([{ account: { attempts: 1, usage: { input: 100, output: 10 } } }]);
  });

  test("that fails with the last one", () => {
    const router = make(options);
    router.arrive(0);
    router.fail(0, "server-error", partly(5));
    router.fail(0, "server-error", partly(7));
    expect(only(router.fail(0, "server-error", partly(10)), "finish-request")).toMatchObject([{ result: { kind: "failed" }, account: three }]);
  });

  test("that is retried when it has timed out", () => {
    const router = make(options);
    router.arrive(0);
    router.at(10).wake();
    router.end(0, partly(5));
    const account = { attempts: 2, nanoDollars: 230_000, usage: { input: 200, output: 15 } };
    expect(only(router.succeed(0, { output: 10 }), "finish-request")).toMatchObject([{ result: { kind: "served" }, account }]);
  });

  test("whose caller leaves while it waits for the next one", () => {
    const router = make();
    router.arrive(0);
    expect(router.fail(0, "server-error", partly(5))).toEqual([]);
    expect(only(router.leave(0), "finish-request")).toMatchObject([
      { result: { kind: "client-left" }, account: { attempts: 1, usage: { input: 100, output: 5 } } },
    ]);
  });
});

describe("retry budget", () => {
  let id = 0;
  const failing = (router: RouterHarness, requests: number): number => {
    let retries = 0;
    for (let request = 0; request < requests; request += 1) {
      // An id of its own: what cannot be paid for at once waits for a while.
      router.arrive((id += 1));
      for (let commands = router.fail(0); only(commands, "start-attempt").length > 0; commands = router.fail(0)) retries += 1;
    }
    return retries;
  };
  const off = { breaker: { enabled: false } };

  test("where everything fails, retries are what requests have earned in this second and the one before", () => {
    const router = make({ ...off, deployments: [{ endpoints: 2 }], retry: { attemptsMax: 2, budgetPerMille: 100, budgetFloorPerSecond: 0 } });
    expect(failing(router, 100)).toBe(10);
    router.at(1);
    expect(failing(router, 55)).toBe(5);
    router.at(4);
    expect(failing(router, 9)).toBe(0);
    router.at(10);
    expect(failing(router, 10)).toBe(1);
  });

  const floorOnly = { ...off, deployments: [{ endpoints: 3 }], retry: { attemptsMax: 3, budgetPerMille: 0, budgetFloorPerSecond: 100 } };

  test("the floor pays only where there is hope: a second chance, or an endpoint that answered last time", () => {
    const router = make(floorOnly);
    expect(failing(router, 3)).toBe(1);
    router.arrive((id += 1));
    router.firstToken(0);
    // Two of the three have failed their last attempt, and now the third does.
    expect(only(router.fail(0, "cut"), "start-attempt")).toHaveLength(0);
    expect(failing(router, 20)).toBe(0);
  });

  test("the floor pays once, and again when something has been answered", () => {
    const router = make({ ...floorOnly, deployments: [{ endpoints: 50 }] });
    expect(failing(router, 10)).toBe(1);
    router.arrive((id += 1));
    router.firstToken(0);
    router.end(0, { kind: "succeeded" });
    expect(failing(router, 10)).toBe(1);
  });

  test("a retry that would go somewhere that answers waits until an answer pays for it, a second where none is under way", () => {
    const router = make({ ...floorOnly, deployments: [{ endpoints: 50 }] });
    for (const request of [1, 2, 3]) router.arrive(request);
    // All at once: the first is paid for.
    expect([0, 1, 2].map((attempt) => only(router.fail(attempt), "start-attempt").length)).toEqual([1, 0, 0]);
    router.succeed(0);
    const retried = only(router.at(0.06).wake(), "start-attempt");
    expect(retried).toHaveLength(1);
    router.leave(2);
    router.end(retried[0]?.attempt ?? -1, { kind: "aborted" });
    const ended = [0.5, 1, 1.2].flatMap((at) => only(router.at(at).wake(), "finish-request"));
    expect(ended.map(({ request, result }) => [request, result.kind])).toEqual([[3, "failed"]]);
  });

  test("the routes together have a budget too", () => {
    const router = make({
      ...off,
      deployments: [{ endpoints: 2 }],
      retry: { budgetPerMille: 1000 },
      retryBudget: { budgetPerMille: 50, budgetFloorPerSecond: 0 },
    });
    expect(failing(router, 100)).toBe(5);
  });
});

describe("time limits", () => {
  test("no first token in time: aborted, and tried elsewhere once the outcome is in", () => {
    const router = make(two);
    router.arrive(0);
    expect(router.at(10).wake()).toEqual([{ kind: "abort-attempt", attempt: 0, why: "timeout" }]);
    expect(only(router.end(0, { kind: "aborted" }), "start-attempt")).toHaveLength(1);
  });

  test("an answer that comes after its deadline is late, whichever call comes first", () => {
    const router = make(two);
    router.arrive(0);
    const commands = router.at(11).firstToken(0);
    expect(commands.map(({ kind }) => kind)).toEqual(["abort-attempt"]);
  });

  test("one that comes at the very instant is in time", () => {
    const router = make(two);
    router.arrive(0);
    expect(
      router
        .at(10)
        .firstToken(0)
        .map(({ kind }) => kind),
    ).toEqual(["commit-attempt"]);
  });

  test("a plain answer has only the total limit", () => {
    const router = make(two);
    router.arrive(0, { stream: false });
    expect(router.at(99).wake()).toEqual([]);
    expect(only(router.at(100).wake(), "abort-attempt")).toHaveLength(1);
  });

  test("the caller's deadline ends it and is not held against the endpoint", () => {
    const router = make({ breaker: { failures: 1 } });
    router.arrive(0, { deadline: instantAt(seconds(3)) });
    expect(only(router.at(3).wake(), "abort-attempt")[0]?.why).toBe("deadline");
    expect(only(router.end(0, {}), "finish-request")[0]?.result).toEqual({ kind: "rejected", why: "deadline-passed", retryAfter: null });
    expect(router.router.snapshot().endpoints[0]?.breaker.phase).toBe("closed");
  });
});

describe("queue", () => {
  const one = { deployments: [{ concurrencyMax: 1 }] };

  test("waits for a place, first come first served", () => {
    const router = make(one);
    router.arrive(0);
    expect(router.arrive(1)).toEqual([]);
    expect(router.arrive(2)).toEqual([]);
    expect(only(router.at(1).succeed(0), "start-attempt")).toMatchObject([{ request: 1 }]);
    expect(only(router.at(2).succeed(0), "start-attempt")).toMatchObject([{ request: 2 }]);
  });

  test("is bounded in length and in time", () => {
    const router = make(one);
    router.arrive(0);
    for (let request = 1; request <= 10; request += 1) expect(router.arrive(request)).toEqual([]);
    expect(only(router.arrive(11), "finish-request")[0]?.result).toEqual({ kind: "rejected", why: "queue-full", retryAfter: null });
    const finished = only(router.at(5).wake(), "finish-request");
    expect(finished.map(({ request, result }) => [request, result.kind === "rejected" && result.why])).toEqual(
      Array.from({ length: 10 }, (_, place) => [place + 1, "deadline-passed"]),
    );
  });

  test("a client that leaves leaves the queue", () => {
    const router = make(one);
    router.arrive(0);
    router.arrive(1);
    router.arrive(2);
    expect(only(router.leave(1), "finish-request")[0]?.result).toEqual({ kind: "client-left" });
    expect(only(router.succeed(0), "start-attempt")).toMatchObject([{ request: 2 }]);
  });

  test("one that cannot use the free place lets the next one pass", () => {
    const router = make({
      deployments: [
        { concurrencyMax: 1, contextTokens: 1000 },
        { concurrencyMax: 1, contextTokens: 32_768 },
      ],
    });
    router.arrive(0);
    router.arrive(1);
    router.arrive(2, { inputTokens: 5000 });
    router.arrive(3);
    const small = router.router.snapshot().attempts.findIndex((attempt) => attempt?.endpoint === 0);
    expect(only(router.succeed(small), "start-attempt")).toMatchObject([{ request: 3, endpoint: 0 }]);
  });
});

describe("client leaves", () => {
  test("the attempt is aborted, its cost is accounted, nobody is blamed", () => {
    const router = make({ breaker: { failures: 1 } });
    router.arrive(0);
    router.firstToken(0);
    expect(router.leave(0)).toEqual([{ kind: "abort-attempt", attempt: 0, why: "client-left" }]);
    const usage = { input: 100, cachedRead: 0, cacheWrite: 0, output: 5, reasoning: 0 };
    const [finish] = only(router.end(0, { billed: "maybe", usage, usageEstimated: true }), "finish-request");
    expect(finish).toMatchObject({ result: { kind: "client-left" }, account: { nanoDollars: 110_000, estimated: true } });
    expect(router.router.snapshot().endpoints[0]?.breaker.failures).toBe(0);
  });
});

test("draining: what is under way goes on, what is new is sent away", () => {
  const router = make();
  router.arrive(0);
  router.send({ kind: "drain-started" });
  expect(only(router.arrive(1), "finish-request")[0]?.result).toEqual({ kind: "rejected", why: "draining", retryAfter: null });
  expect(only(router.succeed(0), "finish-request")[0]?.result).toEqual({ kind: "served" });
});

test("no endpoint has room for the prompt: rejected, not sent", () => {
  const router = make({ deployments: [{ contextTokens: 1000 }] });
  expect(only(router.arrive(0, { inputTokens: 1000 }), "finish-request")[0]?.result).toEqual({ kind: "rejected", why: "too-long", retryAfter: null });
});

test("state is bounded: what has ended is forgotten", () => {
  const router = make(two);
  for (let round = 0; round < 5000; round += 1) {
    router.at(round);
    router.arrive(round % 3);
    router.firstToken(0);
    router.succeed(0);
  }
  const { requests, attempts, requestDeadlines } = router.router.snapshot();
  expect(requests.length + attempts.length + requestDeadlines.keys.length).toBeLessThan(20);
  expect(requests.every((slot) => slot === null)).toBe(true);
});

test("a machine restored from a snapshot has the same future", () => {
  const options = { deployments: [{ endpoints: 3, concurrencyMax: 1 }], strategy: "weighted" as const };
  const original = make(options);
  for (let request = 0; request < 6; request += 1) original.arrive(request);
  original.at(1).fail(0);
  const copy = new RouterHarness(options, original.router.snapshot());
  for (const router of [original, copy]) router.at(1.5);
  const play = (router: RouterHarness): unknown => [router.succeed(1), router.at(20).wake(), router.end(0, {}), router.at(60).wake(), router.router.snapshot()];
  const played = play(original);
  expect(play(copy)).toEqual(played);
});
