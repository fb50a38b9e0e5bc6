import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CompiledConfig, StrategyName } from "../../router/core/compiled-config.ts";
import type { EndpointId } from "../../router/core/messages.ts";
import type { RouterState } from "../../router/core/state.ts";
import { strategies } from "../../router/core/strategy/strategy.ts";
import { choiceOf, freshWorld } from "../support/choice-of.ts";

const names = Object.keys(strategies) as StrategyName[];

/** Each pick stays in flight; request `round` has blocks of its own behind a common first one. */
function pickAll(name: StrategyName, weights: readonly number[], eligibleOf: (round: number) => readonly number[], rounds: number, seed = 1): EndpointId[] {
  const { config, state } = freshWorld({ strategy: name, deployments: weights.map((weight) => ({ weight, endpoints: 2 })) }, seed);
  return Array.from({ length: rounds }, (_, round) => {
    const id = pick(name, config, state, eligibleOf(round), round);
    const endpoint = state.endpoints[id];
    if (endpoint !== undefined) endpoint.inFlight += 1;
    return id;
  });
}

function pick(name: StrategyName, config: CompiledConfig, state: RouterState, eligible: readonly number[], round: number): EndpointId {
  return strategies[name].pick(choiceOf(config, state, eligible, { serial: round, blocks: Int32Array.of(7, 1000 + round, 2000 + round) }));
}

describe.each(names)("strategy %s", (name) => {
  test("picks one of the eligible, whatever they are", () => {
    const endpoints = fc.uniqueArray(fc.nat(7), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(fc.nat(100), { minLength: 4, maxLength: 4 }), fc.array(endpoints, { minLength: 1, maxLength: 30 }), (weights, rounds) => {
        const sorted = rounds.map((eligible) => eligible.toSorted((one, other) => one - other));
        const picked = pickAll(name, weights, (round) => sorted[round] ?? [], sorted.length);
        picked.forEach((id, round) => expect(sorted[round]).toContain(id));
      }),
    );
  });

  test("the same seed and history give the same picks", () => {
    const all = [0, 1, 2, 3];
    expect(pickAll(name, [3, 1], () => all, 200)).toEqual(pickAll(name, [3, 1], () => all, 200));
  });

  test("idle equals share the load: no herd to the first one", () => {
    const picked = pickAll(name, [1, 1], () => [0, 1, 2, 3], 400);
    for (const id of [0, 1, 2, 3]) expect(picked.filter((one) => one === id).length).toBeGreaterThan(70);
  });

  test("a score is a number, and asking for it changes nothing", () => {
    const { config, state, all } = freshWorld({ strategy: name, deployments: [{ endpoints: 3 }, { priced: false, weight: 0 }] });
    for (let round = 0; round < 20; round += 1) {
      const choice = choiceOf(config, state, all, { blocks: Int32Array.of(1, round) });
      const scores = new Float64Array(all.length).fill(Number.NaN);
      const before = structuredClone(state);
      strategies[name].judge(choice, scores);
      expect(state).toEqual(before);
      expect([...scores].filter(Number.isFinite)).toHaveLength(all.length);
      strategies[name].pick(choice);
    }
  });
});
