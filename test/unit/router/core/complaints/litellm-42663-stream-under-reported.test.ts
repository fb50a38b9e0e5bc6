import { expect, test } from "vitest";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

/** litellm#42663: streams with server tools are under-reported by 20 to 60 %: what passed by was counted, not what the last chunk says. */
test("litellm#42663: a stream costs what its usage says, also where more was generated and read than was seen", () => {
  const harness = new RouterHarness();
  harness.arrive(0, { inputTokens: 100, outputTokensMax: 50 });
  harness.firstToken(0);
  // The provider's tools have added prompts of their own: far beyond the estimate and the cap.
  const [finish] = only(harness.succeed(0, { input: 42_000, output: 900 }), "finish-request");
  expect(finish?.account).toMatchObject({ nanoDollars: 42_000 * 1000 + 900 * 2000, estimated: false });
});

test("litellm#42663: without a figure the account says that it is an estimate", () => {
  const harness = new RouterHarness();
  harness.arrive(0);
  harness.firstToken(0);
  const usage = { input: 100, cachedRead: 0, cacheWrite: 0, output: 5, reasoning: 0 };
  const [finish] = only(harness.fail(0, "cut", { billed: "maybe", usage, usageEstimated: true }), "finish-request");
  expect(finish?.account.estimated).toBe(true);
});
