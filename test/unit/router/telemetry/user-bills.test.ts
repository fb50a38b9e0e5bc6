import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { Account, TenantId } from "../../../../router/core/messages.ts";
import { UserBills } from "../../../../router/telemetry/user-bills.ts";

const account = (nanoDollars: number): Account => ({
  nanoDollars,
  usage: { input: 10, cachedRead: 0, cacheWrite: 0, output: 5, reasoning: 0 },
  estimated: false,
  priced: true,
  attempts: 1,
});
const tenant = (id: number): TenantId => id as TenantId;

test("users of two tenants are billed apart, and beyond the bound together, as others, and counted", async () => {
  const registry = new Registry();
  const bills = new UserBills(registry, (id) => ["acme", "umbra"][id] ?? "none", 2);
  bills.bill(tenant(0), "ann", account(100));
  bills.bill(tenant(1), "ann", account(7));
  for (let user = 0; user < 50; user += 1) bills.bill(tenant(user % 2), `user-${user}`, account(1));
  bills.bill(tenant(0), "ann", account(23));
  const lines = (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  expect(lines).toContain('billing_user_cost_nanodollars_total{tenant="acme",user="ann"} 123');
  expect(lines).toContain('billing_user_cost_nanodollars_total{tenant="umbra",user="ann"} 7');
  expect(lines).toContain('billing_user_cost_nanodollars_total{tenant="acme",user="other"} 25');
  expect(lines).toContain('billing_user_requests_total{tenant="umbra",user="other"} 25');
  expect(lines).toContain('billing_user_tokens_total{tenant="acme",user="ann"} 30');
  expect(lines).toContain("billing_user_overflow_total 50");
  expect(lines).toHaveLength(3 * 4 + 1);
});
