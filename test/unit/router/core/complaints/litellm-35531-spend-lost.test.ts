import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openBook, settleBook } from "../../../../../router/core/limit/lease-book.ts";
import { seconds, startOfTime } from "../../../../../router/core/time.ts";
import { fixtureConfig, only, RouterHarness } from "../../../../support/router-fixture.ts";

const limit = { unit: "nano-dollars", amount: 1_000_000_000, window: { kind: "period", length: seconds(3600) } } as const;

/** litellm#35531, litellm#33873, litellm#34887, litellm#29292: spend is dropped on a deadlock; only the first hundred rows are written. */
test("litellm#35531: what is reported twice, late or out of order counts once, and all of it counts", () => {
  const [spec] = fixtureConfig({ limits: [limit] }).limits;
  if (spec === undefined) throw new Error("no limit");
  const reports = fc.uniqueArray(fc.record({ nonce: fc.nat(10_000), used: fc.nat(100_000) }), { selector: ({ nonce }) => nonce, maxLength: 250 });
  fc.assert(
    fc.property(reports, fc.func(fc.integer()), (list, order) => {
      const book = openBook(spec, startOfTime);
      // Sent until it is heard of: some arrive again, soon after.
      for (const { nonce, used } of list.toSorted((one, other) => order(one.nonce) - order(other.nonce))) {
        settleBook(book, 0, nonce, used, startOfTime);
        if (used % 3 === 0) settleBook(book, 0, nonce, used, startOfTime);
      }
      expect(book.settled).toBe(list.reduce((sum, { used }) => sum + used, 0));
    }),
  );
});

test("litellm#34887: a thousand requests in one second are a thousand in the ledger, in the store and after a restart", () => {
  const harness = new RouterHarness({ limits: [limit] });
  let spent = 0;
  for (let request = 0; request < 1000; request += 1) {
    harness.at(request / 1000);
    const [start] = only(harness.arrive(0), "start-attempt");
    spent += only(harness.succeed(start?.attempt ?? 0, { input: 100, output: request % 100 }), "finish-request")[0]?.account.nanoDollars ?? 0;
  }
  harness.at(10).wake();
  expect(harness.store?.books[0]).toMatchObject({ settled: spent, outstanding: 0 });
  const restored = new RouterHarness({ limits: [limit] }, harness.router.snapshot());
  expect(restored.router.snapshot().ledger[0]).toMatchObject({ attempts: 1000, nanoDollars: spent });
});
