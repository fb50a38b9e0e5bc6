import { describe, expect, test } from "vitest";
import { seconds } from "../../../../../router/core/time.ts";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

const budget = { unit: "nano-dollars", amount: 1_000_000_000, window: { kind: "period", length: seconds(3600) } } as const;

/** PR litellm#36561, litellm#30715, #25874, #24770: a model without a price costs $0, and budgets never fire. */
describe("litellm#36561: an unknown price", () => {
  test("is never zero: it is counted and said", () => {
    const harness = new RouterHarness({ deployments: [{ priced: false }], limits: [budget] });
    harness.arrive(0);
    const [finish] = only(harness.succeed(0), "finish-request");
    expect(finish?.account.priced).toBe(false);
    expect(harness.router.snapshot().ledger[0]).toMatchObject({ unpriced: 1, nanoDollars: 0 });
  });

  test("is refused under a budget where that is configured, and a priced one taken instead", () => {
    const refusing = { unknownPrice: "refuse", limits: [budget] } as const;
    const alone = new RouterHarness({ ...refusing, deployments: [{ priced: false }] });
    expect(only(alone.arrive(0), "finish-request")[0]?.result).toMatchObject({ kind: "rejected" });
    const beside = new RouterHarness({ ...refusing, deployments: [{ priced: false }, {}] });
    expect(only(beside.arrive(0), "start-attempt")[0]?.endpoint).toBe(1);
  });
});
