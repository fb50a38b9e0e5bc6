import { expect, test } from "vitest";
import type { DeploymentId } from "../../../../../router/core/messages.ts";
import { seconds } from "../../../../../router/core/time.ts";
import { fixtureQueue, only, RouterHarness } from "../../../../support/router-fixture.ts";

const rates = { input: 1_000_000, cachedRead: 0, cacheWrite: 1_000_000, output: 1_000_000 };
const budget = { unit: "nano-dollars", amount: 100_000_000, window: { kind: "period", length: seconds(3600) } } as const;

/** 100 prompt and 100 output tokens; started at once, at most. */
function startedOf(harness: RouterHarness): number {
  let started = 0;
  for (let request = 1; request <= 700; request += 1) started += only(harness.arrive(request), "start-attempt").length;
  return started;
}
const options = { limits: [budget], route: { queue: fixtureQueue({ lengthMax: 1000 }) } };

test("what is set aside follows a price that has changed: no quick yes by the old one", () => {
  const harness = new RouterHarness({ ...options, deployments: [{ rates }] });
  // 200,000 nano-dollars each: 500 of them.
  expect(startedOf(harness)).toBe(500);
  const dearer = new RouterHarness({ ...options, deployments: [{ rates }] });
  dearer.send({ kind: "price-changed", deployment: 0 as DeploymentId, rates: { ...rates, input: 10_000_000, output: 10_000_000 } });
  expect(startedOf(dearer)).toBe(50);
});

test("a long prompt is set aside at its own rate", () => {
  const card = { ...rates, longPrompt: { aboveTokens: 50, rates: { ...rates, input: 10_000_000, output: 10_000_000 } } };
  expect(startedOf(new RouterHarness({ ...options, deployments: [{ rates: card }] }))).toBe(50);
});
