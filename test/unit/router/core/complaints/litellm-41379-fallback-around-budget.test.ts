import { expect, test } from "vitest";
import type { DeploymentId } from "../../../../../router/core/messages.ts";
import { seconds } from "../../../../../router/core/time.ts";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

const period = { kind: "period", length: seconds(3600) } as const;

/** PR litellm#41379: a fallback goes to a deployment whose budget nobody checked. */
test("litellm#41379: a retry at another deployment is held to that one's budget too", () => {
  const scope = { kind: "deployments", deployments: [1 as DeploymentId] } as const;
  // The second deployment's budget holds two attempts of 300,000.
  const harness = new RouterHarness({
    deployments: [{ weight: 1 }, { weight: 0 }],
    strategy: "weighted",
    breaker: { enabled: false },
    retry: { backoffBase: seconds(1), budgetPerMille: 1000 },
    limits: [{ unit: "nano-dollars", amount: 700_000, window: period, scope }],
  });
  const endpoints: number[] = [];
  for (let request = 0; request < 6; request += 1) {
    harness.at(request * 10);
    const [first] = only(harness.arrive(0), "start-attempt");
    expect(first?.endpoint).toBe(0);
    const after = harness.fail(first?.attempt ?? 0, "server-error");
    const [second] = only(after, "start-attempt");
    if (second === undefined) {
      harness.leave(0);
      continue;
    }
    endpoints.push(second.endpoint);
    harness.succeed(second.attempt, { input: 100, output: 100 });
  }
  expect(endpoints.filter((endpoint) => endpoint === 1)).toHaveLength(2);
  expect(harness.router.snapshot().ledger[1]?.nanoDollars).toBeLessThanOrEqual(700_000);
});
