import { expect, test } from "vitest";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

/** litellm#11364: tokens read from Anthropic's cache are charged at the full rate. */
test("litellm#11364: tokens read from and written to the cache have rates of their own", () => {
  const rates = { input: 3_000_000, cachedRead: 300_000, cacheWrite: 3_750_000, output: 15_000_000 };
  const harness = new RouterHarness({ deployments: [{ rates }] });
  harness.arrive(0);
  const [finish] = only(harness.succeed(0, { input: 10_000, cachedRead: 9000, cacheWrite: 500, output: 100 }), "finish-request");
  // 500 fresh, 9,000 read, 500 written, 100 generated, in nano-dollars.
  expect(finish?.account.nanoDollars).toBe(500 * 3000 + 9000 * 300 + 500 * 3750 + 100 * 15_000);
});
