import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seconds } from "../../../../../router/core/time.ts";
import { anyFleetMove, LeaseFleet } from "../../../../support/lease-fleet.ts";
import { fixtureConfig, fixtureQueue } from "../../../../support/router-fixture.ts";

/** A request of the fixture reserves 300,000 nano-dollars: 100 tokens in, 100 out. */
const budgetOf = (nanoDollars: number) =>
  fixtureConfig({
    deployments: [{ endpoints: 2 }],
    breaker: { enabled: false },
    retry: { backoffBase: seconds(0), budgetPerMille: 1000 },
    route: { queue: fixtureQueue({ lengthMax: 20, wait: seconds(3) }) },
    limits: [{ unit: "nano-dollars", amount: nanoDollars, window: { kind: "period", length: seconds(3600) } }],
  });

describe.each([1, 2, 5])("a budget shared by %i replicas", (replicas) => {
  test("is never exceeded by more than the stated bound, whatever is retried, lost, cut off, crashed and restored", () => {
    let exceeded = 0;
    fc.assert(
      fc.property(fc.array(anyFleetMove(replicas), { minLength: 20, maxLength: 250 }), fc.integer({ min: 300_000, max: 6_000_000 }), (moves, amount) => {
        const fleet = new LeaseFleet(budgetOf(amount), replicas);
        for (const move of moves) {
          fleet.play(move);
          expect(fleet.spent).toBeLessThanOrEqual(amount + fleet.bound);
          if (fleet.spent > amount) exceeded += 1;
        }
      }),
      { numRuns: 300 },
    );
    // The bound would be idle if nothing ever came near it.
    expect(exceeded).toBeGreaterThan(0);
  });
});

test.each([1, 2, 8])("nothing is stranded: %i replicas spend 99 hundredths of a budget, and no more than it and a credit each", (replicas) => {
  const amount = 1_000_000_000;
  const fleet = new LeaseFleet(budgetOf(amount), replicas);
  for (let round = 0; round < 9000; round += 1) {
    const replica = round % replicas;
    // Answers are shorter than what is set aside for them, as they mostly are.
    fleet.arrive(replica, 40 + (round % 50));
    fleet.pass(7_000);
    for (const attempt of fleet.attempts(replica)) fleet.end(replica, attempt, true, 40);
  }
  expect(fleet.spent).toBeGreaterThan(0.99 * amount);
  expect(fleet.spent).toBeLessThanOrEqual(amount + replicas * fleet.largestReservation);
});
