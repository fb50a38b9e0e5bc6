import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TenantId } from "../../../../../router/core/messages.ts";
import { seconds } from "../../../../../router/core/time.ts";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

const period = { kind: "period", length: seconds(3600) } as const;
const another = { kind: "tenant", tenant: 1 as TenantId } as const;

/** litellm#20615, litellm#22726: blocked by a budget where there is none. bifrost#5770: a rule of $15 fires at $0.40. */
describe("litellm#20615, bifrost#5770: nobody is blocked before the budget is spent", () => {
  test("another tenant's budget that is spent blocks nobody else", () => {
    const harness = new RouterHarness({ tenants: 2, limits: [{ unit: "nano-dollars", amount: 1, window: period, scope: another }] });
    expect(only(harness.arrive(0, { tenant: 1 as TenantId }), "finish-request")[0]?.result).toMatchObject({ kind: "rejected", why: "budget-spent" });
    expect(only(harness.arrive(1), "start-attempt")).toHaveLength(1);
  });

  test("no request is refused, and no alert is raised, while the money for it is there", () => {
    const costs = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 120 });
    fc.assert(
      fc.property(costs, fc.integer({ min: 2_000_000, max: 20_000_000 }), (outputs, amount) => {
        const harness = new RouterHarness({ limits: [{ unit: "nano-dollars", amount, window: period }] });
        let spent = 0;
        outputs.forEach((output, request) => {
          harness.at(request / 10);
          const commands = harness.arrive(0);
          const [start] = only(commands, "start-attempt");
          if (start === undefined) {
            // One request sets aside 300,000 at most.
            expect(amount - spent).toBeLessThan(300_000);
            for (const { result } of only(commands, "finish-request")) expect(result).toMatchObject({ kind: "rejected", why: "budget-spent" });
            if (only(commands, "finish-request").length === 0) harness.leave(0);
            return;
          }
          const ended = harness.succeed(start.attempt, { input: 100, output });
          spent += only(ended, "finish-request")[0]?.account.nanoDollars ?? 0;
          // An alert counts what is set aside for the request that is under way.
          for (const { level } of only([...commands, ...ended], "budget-noticed"))
            if (level === "alert") expect(spent + 300_000).toBeGreaterThanOrEqual(0.8 * amount);
        });
      }),
    );
  });
});
