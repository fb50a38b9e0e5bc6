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
    expect(only(alone.arrive(0), "finish-request")[0]?.result).toMatchObject({ kind: "rejected", why: "price-unknown" });
    const beside = new RouterHarness({ ...refusing, deployments: [{ priced: false }, {}] });
    expect(only(beside.arrive(0), "start-attempt")[0]?.endpoint).toBe(1);
  });

  test("is for the operator to put right where nothing else is in the way; what passes, or the caller can put right, is said instead", () => {
    const why = (harness: RouterHarness, place: number, request = {}): unknown => only(harness.arrive(place, request), "finish-request")[0]?.result;
    const refusing = { unknownPrice: "refuse", limits: [budget], breaker: { failures: 1 } } as const;
    const shut = new RouterHarness({ ...refusing, deployments: [{ priced: false }, {}], retry: { attemptsMax: 1 } });
    shut.arrive(0);
    shut.fail(0);
    expect(why(shut, 1)).toMatchObject({ why: "no-candidate" });
    const small = new RouterHarness({ ...refusing, deployments: [{ priced: false }, { contextTokens: 10 }] });
    expect(why(small, 0, { inputTokens: 100 })).toMatchObject({ why: "too-long" });
    const plain = new RouterHarness({ ...refusing, deployments: [{ priced: false, quality: 1 }, { quality: 0.1 }] });
    expect(why(plain, 0, { qualityMin: 0.5 })).toMatchObject({ why: "too-plain" });
  });
});
