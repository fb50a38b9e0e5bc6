import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StrategyName } from "../../router/core/compiled-config.ts";
import type { EndpointId } from "../../router/core/messages.ts";
import { initialState } from "../../router/core/state.ts";
import { strategies } from "../../router/core/strategy/strategy.ts";
import { fixtureConfig } from "../support/router-fixture.ts";

const names = Object.keys(strategies) as StrategyName[];

describe.each(names)("strategy %s", (name) => {
  const pickAll = (weights: readonly number[], eligibleOf: (round: number) => number[], rounds: number, seed = 1): EndpointId[] => {
    const config = fixtureConfig({ strategy: name, deployments: weights.map((weight) => ({ weight, endpoints: 2 })) });
    const state = initialState(config, seed);
    const route = config.routes[0];
    if (route === undefined) throw new Error("no route");
    return Array.from({ length: rounds }, (_, round) => {
      const id = strategies[name]({ config, state, route, eligible: eligibleOf(round) as EndpointId[] });
      const endpoint = state.endpoints[id];
      if (endpoint !== undefined) endpoint.inFlight += 1;
      return id;
    });
  };

  test("picks one of the eligible, whatever they are", () => {
    const endpoints = fc.uniqueArray(fc.nat(7), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(fc.nat(100), { minLength: 4, maxLength: 4 }), fc.array(endpoints, { minLength: 1, maxLength: 30 }), (weights, rounds) => {
        const sorted = rounds.map((eligible) => eligible.toSorted((one, other) => one - other));
        const picked = pickAll(weights, (round) => sorted[round] ?? [], sorted.length);
        picked.forEach((id, round) => expect(sorted[round]).toContain(id));
      }),
    );
  });

  test("the same seed and history give the same picks", () => {
    const all = [0, 1, 2, 3];
    expect(pickAll([3, 1], () => all, 200)).toEqual(pickAll([3, 1], () => all, 200));
  });

  test("idle equals share the load: no herd to the first one", () => {
    const picked = pickAll([1, 1], () => [0, 1, 2, 3], 400);
    for (const id of [0, 1, 2, 3]) expect(picked.filter((one) => one === id).length).toBeGreaterThan(80);
  });
});

test("weighted: any window is within one request of the weights", () => {
  const weights = [60, 25, 15];
  const config = fixtureConfig({ strategy: "weighted", deployments: weights.map((weight) => ({ weight })) });
  const state = initialState(config, 1);
  const route = config.routes[0];
  if (route === undefined) throw new Error("no route");
  const counts = [0, 0, 0];
  for (let round = 1; round <= 1000; round += 1) {
    const id = strategies.weighted({ config, state, route, eligible: [0, 1, 2] as EndpointId[] });
    counts[id] = (counts[id] ?? 0) + 1;
    weights.forEach((weight, place) => expect(Math.abs((counts[place] ?? 0) - (round * weight) / 100)).toBeLessThanOrEqual(1));
  }
});

test("weighted: weight 0 is taken only where nothing else is left", () => {
  const config = fixtureConfig({ strategy: "weighted", deployments: [{ weight: 0 }, { weight: 1 }] });
  const state = initialState(config, 1);
  const route = config.routes[0];
  if (route === undefined) throw new Error("no route");
  expect(strategies.weighted({ config, state, route, eligible: [0, 1] as EndpointId[] })).toBe(1);
  expect(strategies.weighted({ config, state, route, eligible: [0] as EndpointId[] })).toBe(0);
});

test("least-busy: always one with the fewest in flight", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 8 }), fc.nat(), (inFlight, seed) => {
      const config = fixtureConfig({ deployments: [{ endpoints: inFlight.length }] });
      const state = initialState(config, seed);
      inFlight.forEach((count, id) => Object.assign(state.endpoints[id] ?? {}, { inFlight: count }));
      const route = config.routes[0];
      if (route === undefined) throw new Error("no route");
      const id = strategies["least-busy"]({ config, state, route, eligible: inFlight.map((_, place) => place as EndpointId) });
      expect(inFlight[id]).toBe(Math.min(...inFlight));
    }),
  );
});
