import { expect, test } from "vitest";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

/** litellm#8514: the gateway shows $26.74 where the provider has billed $770. Every attempt that the provider bills is in the ledger, whatever became of it. */
test("litellm#8514: the ledger is the provider's invoice, with what failed, was retried, cut and aborted", () => {
  const harness = new RouterHarness({ deployments: [{ endpoints: 2 }] });
  const dollarsPerMillion = { input: 1, output: 2 };
  let invoiceNano = 0;
  let shownNano = 0;
  const bill = (input: number, output: number): void => void (invoiceNano += input * dollarsPerMillion.input * 1000 + output * dollarsPerMillion.output * 1000);
  const shown = (commands: ReturnType<RouterHarness["arrive"]>): void =>
    only(commands, "finish-request").forEach(({ account }) => (shownNano += account.nanoDollars));
  const usage = (input: number, output: number) => ({ input, cachedRead: 0, cacheWrite: 0, output, reasoning: 0 });
  for (let request = 0; request < 400; request += 1) {
    harness.at(request);
    const [first] = only(harness.arrive(0), "start-attempt");
    const attempt = first?.attempt ?? 0;
    const output = 1 + ((request * 37) % 900);
    if (request % 4 === 0) {
      shown(harness.succeed(attempt, usage(100, output)));
      bill(100, output);
    } else if (request % 4 === 1) {
      // Failed with part of an answer: billed, and tried again.
      const [again] = only(harness.fail(attempt, "server-error", { billed: "yes", usage: usage(100, 7), lagged: true }), "start-attempt");
      bill(100, 7);
      shown(harness.succeed(again?.attempt ?? 0, usage(100, output)));
      bill(100, output);
    } else if (request % 4 === 2) {
      harness.firstToken(attempt);
      shown(harness.fail(attempt, "cut", { billed: "maybe", usage: usage(100, 11), usageEstimated: true, lagged: true }));
      bill(100, 11);
    } else {
      harness.leave(0);
      shown(harness.end(attempt, { kind: "aborted", billed: "maybe", usage: usage(100, 3), usageEstimated: true }));
      bill(100, 3);
    }
  }
  expect(shownNano).toBe(invoiceNano);
  expect(harness.router.snapshot().ledger[0]).toMatchObject({ nanoDollars: invoiceNano, picoDollars: 0, unpriced: 0 });
  expect(harness.invariants.finished()).toEqual([]);
});
