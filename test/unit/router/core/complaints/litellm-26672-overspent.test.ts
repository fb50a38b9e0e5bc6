import { expect, test } from "vitest";
import { seconds } from "../../../../../router/core/time.ts";
import { fixtureQueue, only, RouterHarness } from "../../../../support/router-fixture.ts";

/** litellm#26672: 99 spent of at most 30, because requests that were under way together all saw the money that none had spent yet. */
test("litellm#26672: what is under way is set aside: 99 requests at once cannot spend a budget for 30", () => {
  // 100 tokens in at $1, 100 out at $2 per million: 300,000 nano-dollars each.
  const limits = [{ unit: "nano-dollars", amount: 30 * 300_000, window: { kind: "period", length: seconds(3600) } }] as const;
  const harness = new RouterHarness({ limits, route: { queue: fixtureQueue({ lengthMax: 99 }) } });
  const started: number[] = [];
  let spent = 0;
  for (let request = 0; request < 99; request += 1) {
    for (const command of harness.arrive(request)) {
      if (command.kind === "start-attempt") started.push(command.attempt);
      if (command.kind === "finish-request") expect(command.result).toMatchObject({ kind: "rejected" });
    }
  }
  expect(started.length).toBeLessThanOrEqual(30);
  expect(started.length).toBeGreaterThan(26);
  for (const attempt of started) spent += only(harness.succeed(attempt, { input: 100, output: 100 }), "finish-request")[0]?.account.nanoDollars ?? 0;
  expect(spent).toBeLessThanOrEqual(30 * 300_000);
  const [late] = only(harness.at(5).arrive(99), "finish-request");
  if (started.length === 30) expect(late?.result).toMatchObject({ kind: "rejected", why: "budget-spent" });
});
