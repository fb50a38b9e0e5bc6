import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EndpointState } from "../../../../../router/core/state.ts";
import { nextBelow } from "../../../../../router/core/random.ts";
import { learnSignal } from "../../../../../router/core/strategy/learn.ts";
import { notePeak, signalAgeMax } from "../../../../../router/core/strategy/learned.ts";
import { strategies } from "../../../../../router/core/strategy/strategy.ts";
import { instantAt, millis, seconds } from "../../../../../router/core/time.ts";
import { choiceOf, freshWorld } from "../../../../support/choice-of.ts";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

function endpointOf(world: ReturnType<typeof freshWorld>, id: number): EndpointState {
  const endpoint = world.state.endpoints[id];
  if (endpoint === undefined) throw new Error("no endpoint");
  return endpoint;
}

/** Where the harness' next request goes. */
function destination(harness: RouterHarness, id: number, request: Parameters<RouterHarness["arrive"]>[1] = {}): number | undefined {
  return only(harness.arrive(id, request), "start-attempt")[0]?.endpoint;
}

describe("weighted", () => {
  test("any window is within one request of the weights", () => {
    const weights = [60, 25, 15];
    const { config, state, all } = freshWorld({ deployments: weights.map((weight) => ({ weight })) });
    const counts = [0, 0, 0];
    for (let round = 1; round <= 1000; round += 1) {
      const id = strategies.weighted.pick(choiceOf(config, state, all));
      counts[id] = (counts[id] ?? 0) + 1;
      weights.forEach((weight, place) => expect(Math.abs((counts[place] ?? 0) - (round * weight) / 100)).toBeLessThanOrEqual(1));
    }
  });

  test("weight 0 is taken only where nothing else is left", () => {
    const { config, state } = freshWorld({ deployments: [{ weight: 0 }, { weight: 1 }] });
    expect(strategies.weighted.pick(choiceOf(config, state, [0, 1]))).toBe(1);
    expect(strategies.weighted.pick(choiceOf(config, state, [0]))).toBe(0);
  });
});

test("least-busy: always one with the fewest in flight (litellm#37622: 30 of 30 to the first)", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 8 }), fc.nat(), (inFlight, seed) => {
      const { config, state, all } = freshWorld({ deployments: [{ endpoints: inFlight.length }] }, seed);
      inFlight.forEach((count, id) => Object.assign(state.endpoints[id] ?? {}, { inFlight: count }));
      expect(inFlight[strategies["least-busy"].pick(choiceOf(config, state, all))]).toBe(Math.min(...inFlight));
    }),
  );
});

describe("least-busy, among equals", () => {
  const busy = [2, 1, 3, 1, 1, 2, 1];
  const equals = [1, 3, 4, 6];

  function worldOf(inFlight: readonly number[], seed: number): ReturnType<typeof freshWorld> {
    const world = freshWorld({ deployments: [{ endpoints: inFlight.length }] }, seed);
    inFlight.forEach((count, id) => Object.assign(endpointOf(world, id), { inFlight: count }));
    return world;
  }

  test("each gets the same share, wherever it stands", () => {
    const counts = busy.map(() => 0);
    const { config, state, all } = worldOf(busy, 7);
    for (let round = 0; round < 40_000; round += 1) {
      const id = strategies["least-busy"].pick(choiceOf(config, state, all));
      counts[id] = (counts[id] ?? 0) + 1;
    }
    expect(counts.map((count, id) => (equals.includes(id) ? 0 : count))).toEqual(busy.map(() => 0));
    // 10,000 each; four standard deviations are 346.
    for (const id of equals) expect(Math.abs((counts[id] ?? 0) - 10_000)).toBeLessThan(346);
  });

  test("one draw a decision, none where nobody is equal", () => {
    const tied = worldOf(busy, 7);
    const drawn = structuredClone(tied.state.ties);
    const place = nextBelow(drawn, equals.length);
    expect(strategies["least-busy"].pick(choiceOf(tied.config, tied.state, tied.all))).toBe(equals[place]);
    expect(tied.state.ties).toEqual(drawn);
    const alone = worldOf([2, 1, 3, 2], 7);
    const before = structuredClone(alone.state.ties);
    strategies["least-busy"].pick(choiceOf(alone.config, alone.state, alone.all));
    expect(alone.state.ties).toEqual(before);
  });
});

test("round-robin: each in turn; one that comes and goes shifts nobody else", () => {
  const { config, state } = freshWorld({ deployments: [{ endpoints: 2 }, { endpoints: 2 }] });
  const picks = [
    [0, 1, 2, 3],
    [0, 1, 2, 3],
    [0, 1, 3],
    [0, 1, 2, 3],
    [0, 1, 2, 3],
    [0, 2, 3],
    [0, 1, 2, 3],
  ];
  expect(picks.map((eligible) => strategies["round-robin"].pick(choiceOf(config, state, eligible)))).toEqual([0, 1, 3, 0, 1, 2, 3]);
});

describe("power-of-two", () => {
  test("never the busier of two, and the busiest of many never at all", () => {
    const world = freshWorld({ deployments: [{ endpoints: 10 }] });
    endpointOf(world, 4).inFlight = 3;
    for (let round = 0; round < 200; round += 1) expect(strategies["power-of-two"].pick(choiceOf(world.config, world.state, world.all))).not.toBe(4);
  });

  test("five replicas with the same old signals do not flock to one endpoint (llm-d-router#298)", () => {
    const counts = Array.from({ length: 10 }, () => 0);
    for (let replica = 0; replica < 5; replica += 1) {
      const { config, state, all } = freshWorld({ deployments: [{ endpoints: 10 }] }, replica + 1);
      all.forEach((id) => learnSignal(state, id as never, { running: id === 0 ? 0 : 5, waiting: 0, kvUsed: 0 }, state.now));
      for (let round = 0; round < 20; round += 1) {
        const id = strategies["power-of-two"].pick(choiceOf(config, state, all));
        counts[id] = (counts[id] ?? 0) + 1;
        Object.assign(state.endpoints[id] ?? {}, { inFlight: (state.endpoints[id]?.inFlight ?? 0) + 1 });
      }
    }
    // 100 requests for one idle and nine equally busy endpoints: least-loaded on the same signals sends at least 5 x 5 and up to 100 to the idle one.
    expect(Math.max(...counts)).toBeLessThanOrEqual(30);
    expect(Math.min(...counts)).toBeGreaterThan(2);
  });

  test("a signal counts others only, and is forgotten when it is old", () => {
    const world = freshWorld({ deployments: [{ endpoints: 2 }] });
    endpointOf(world, 0).inFlight = 2;
    learnSignal(world.state, 0 as never, { running: 6, waiting: 1, kvUsed: 0.5 }, world.state.now);
    const scores = new Float64Array(2);
    const scoreOf = (): number | undefined => {
      strategies["power-of-two"].judge(choiceOf(world.config, world.state, world.all), scores);
      return scores[0];
    };
    expect(scoreOf()).toBe(7);
    world.state.now = instantAt(signalAgeMax + 1);
    expect(scoreOf()).toBe(2);
  });
});

describe("usage-based", () => {
  test("requests and tokens both count, whichever is closer to its quota", () => {
    const router = new RouterHarness({
      strategy: "usage-based",
      deployments: [
        { requestsPerMinute: 4, tokensPerMinute: 1_000_000 },
        { requestsPerMinute: 1000, tokensPerMinute: 2_000 },
      ],
    });
    // 100 + 100 tokens each: a request is 1/4 of the first one's quota and 200/2000 of the second's.
    const went = Array.from({ length: 6 }, (_, id) => destination(router, id));
    expect(went.filter((endpoint) => endpoint === 0)).toHaveLength(1);
    // A new minute: what was used is forgotten.
    router.at(61);
    expect(destination(router, 6)).toBe(1);
    expect(destination(router, 7)).toBe(1);
  });

  test("what was expected is put right by what was used", () => {
    const router = new RouterHarness({
      strategy: "usage-based",
      deployments: [{ tokensPerMinute: 10_000 }, { tokensPerMinute: 10_000 }],
      retry: { attemptsMax: 1 },
    });
    const first = destination(router, 0, { outputTokensMax: 5_000 });
    router.succeed(0, { input: 100, output: 10 });
    const second = destination(router, 1, { outputTokensMax: 50 });
    expect(second).not.toBe(first);
    // The first has 110 tokens, the second 100 + 10 expected: equal but for this request's own.
    expect(router.router.snapshot().endpoints.map(({ learned }) => learned.tokens)).toEqual([110, 110]);
  });

  test("without quotas the one with the fewest tokens", () => {
    const router = new RouterHarness({ strategy: "usage-based", deployments: [{ endpoints: 3 }] });
    const went = [destination(router, 0, { inputTokens: 5_000 }), ...[1, 2, 3, 4].map((id) => destination(router, id))];
    expect(went.filter((endpoint) => endpoint === went[0])).toHaveLength(1);
  });
});

describe("latency-based", () => {
  test("a newcomer is tried one at a time, never flooded", () => {
    const router = new RouterHarness({ strategy: "latency-based", deployments: [{ endpoints: 2 }] });
    const went = [0, 1, 2, 3, 4, 5].map((id) => destination(router, id));
    expect(went.filter((endpoint) => endpoint === 0)).toHaveLength(3);
  });

  test("it goes where the first token comes first, a peak is believed at once and forgiven with time", () => {
    const world = freshWorld({ deployments: [{ endpoints: 2 }] });
    const now = (at: number): void => void (world.state.now = seconds(at) as never);
    now(1);
    for (let sample = 0; sample < 10; sample += 1) {
      notePeak(endpointOf(world, 0).learned.firstToken, millis(100), world.state.now);
      notePeak(endpointOf(world, 1).learned.firstToken, millis(200), world.state.now);
    }
    const picked = (): number => strategies["latency-based"].pick(choiceOf(world.config, world.state, world.all));
    expect(picked()).toBe(0);
    notePeak(endpointOf(world, 0).learned.firstToken, millis(900), world.state.now);
    expect(picked()).toBe(1);
    // The other is asked on and on, the slow one is not asked: some time later it is tried again.
    now(101);
    notePeak(endpointOf(world, 1).learned.firstToken, millis(200), world.state.now);
    expect(picked()).toBe(0);
  });

  test("requests in flight count: ten slow ones in a row are worse than one slower", () => {
    const world = freshWorld({ deployments: [{ endpoints: 2 }] });
    for (let sample = 0; sample < 10; sample += 1) {
      notePeak(endpointOf(world, 0).learned.firstToken, millis(100), world.state.now);
      notePeak(endpointOf(world, 1).learned.firstToken, millis(250), world.state.now);
    }
    endpointOf(world, 0).inFlight = 3;
    expect(strategies["latency-based"].pick(choiceOf(world.config, world.state, world.all))).toBe(1);
  });

  test("a failure that comes fast does not look like a fast endpoint", () => {
    const router = new RouterHarness({ strategy: "latency-based", deployments: [{ endpoints: 2 }], retry: { attemptsMax: 1 } });
    router.arrive(0);
    router.fail(0);
    expect(router.router.snapshot().endpoints.map(({ learned }) => learned.firstToken.samples)).toEqual([0, 0]);
  });
});

describe("cost-based", () => {
  const cheapIn = { input: 1_000_000, cachedRead: 1_000_000, cacheWrite: 1_000_000, output: 9_000_000 };
  const cheapOut = { input: 3_000_000, cachedRead: 300_000, cacheWrite: 3_000_000, output: 3_000_000 };
  const options = { strategy: "cost-based", deployments: [{ rates: cheapIn }, { rates: cheapOut }, { priced: false }] } as const;

  test("by this request's mix of tokens; an unknown price is never the cheapest", () => {
    const router = new RouterHarness(options);
    expect(destination(router, 0, { inputTokens: 10_000, outputTokensMax: 100 })).toBe(0);
    expect(destination(router, 1, { inputTokens: 100, outputTokensMax: 10_000 })).toBe(1);
  });

  test("by the output that the route has had, not by the cap", () => {
    const router = new RouterHarness(options);
    destination(router, 0, { inputTokens: 1_000, outputTokensMax: 10_000 });
    router.succeed(0, { input: 1_000, output: 20 });
    expect(destination(router, 1, { inputTokens: 1_000, outputTokensMax: 10_000 })).toBe(0);
  });

  test("by what it reads from its cache", () => {
    const world = freshWorld(options);
    const picked = (): number => strategies["cost-based"].pick(choiceOf(world.config, world.state, world.all, { inputTokens: 10_000, outputTokensMax: 100 }));
    expect(picked()).toBe(0);
    endpointOf(world, 1).learned.cachedShare = 0.9;
    expect(picked()).toBe(1);
  });

  test("equal prices share the load", () => {
    const router = new RouterHarness({ strategy: "cost-based", deployments: [{ endpoints: 3 }] });
    expect([0, 1, 2].map((id) => destination(router, id)).toSorted((one, other) => (one ?? 0) - (other ?? 0))).toEqual([0, 1, 2]);
  });
});
