import { expect, test } from "vitest";
import { initialState } from "../../../../../router/core/state.ts";
import { strategies } from "../../../../../router/core/strategy/strategy.ts";
import { choiceOf } from "../../../../support/choice-of.ts";
import { fixtureConfig } from "../../../../support/router-fixture.ts";

test("production-stack#687: the trie of prefixes grew until the process was killed; here 200,000 prefixes later the memory is as large as at the beginning", () => {
  const config = fixtureConfig({ strategy: "prefix-affinity", deployments: [{ endpoints: 4 }] });
  const state = initialState(config, 1);
  const sizeOf = (): number[] => state.routes.flatMap(({ affinity }) => (affinity === null ? [] : [affinity.counts.length, affinity.homes.length]));
  const before = sizeOf();
  for (let serial = 0; serial < 200_000; serial += 1) {
    const blocks = Int32Array.from({ length: 8 }, (_, depth) => (depth === 0 ? 1 : serial * 8 + depth));
    strategies["prefix-affinity"].pick(choiceOf(config, state, [0, 1, 2, 3], { serial, blocks }));
  }
  expect(sizeOf()).toEqual(before);
  expect(before[0]).toBeGreaterThan(0);
});
