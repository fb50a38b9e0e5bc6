import fc from "fast-check";
import { expect, test } from "vitest";
import type { LimitSpec } from "../../../../../router/core/compiled-config.ts";
import { calmOf, leaseRefuses, noLease, runsLow, spendCalmly } from "../../../../../router/core/limit/lease.ts";
import type { LeaseKey } from "../../../../../router/core/messages.ts";
import { instantAt, never, seconds } from "../../../../../router/core/time.ts";

const now = instantAt(7);

test("what is spent calmly would neither be refused nor lead to a refill or a notice", () => {
  const limits = fc.record({ amount: fc.integer({ min: 1, max: 1e12 }), alertPerMille: fc.integer({ min: 1, max: 1000 }), period: fc.boolean() });
  const leases = fc.record({ granted: fc.nat(1e6), spent: fc.integer({ min: -1e6, max: 1e6 }), settled: fc.nat(1e12) });
  fc.assert(
    fc.property(limits, leases, fc.integer({ min: -1e5, max: 1e6 }), ({ amount, alertPerMille, period }, held, units) => {
      const spec: LimitSpec = {
        id: 0 as LeaseKey,
        name: "limit",
        scope: { kind: "total" },
        unit: "tokens",
        amount,
        window: period ? { kind: "period", length: seconds(60) } : { kind: "rate", per: seconds(60) },
        alertPerMille,
        atAlert: "notify",
        atLimit: "reject",
      };
      const lease = { ...noLease(), ...held, nonce: 3, until: never };
      lease.calm = calmOf(lease, spec);
      if (units > 0 && units <= amount && lease.spent + units <= lease.calm) expect(leaseRefuses(lease, spec, units, now, false)).toBe(null);
      if (!spendCalmly(lease, units, now)) {
        expect(lease.spent).toBe(held.spent);
        return;
      }
      expect([lease.spent, lease.usedAt, runsLow(lease)]).toEqual([held.spent + units, now, false]);
      if (period) expect((lease.settled + lease.spent) * 1000).toBeLessThan(amount * alertPerMille);
    }),
  );
});

test("nothing is calm without a lease, under a denial, or once something has been noticed", () => {
  const spec = { unit: "tokens", amount: 100, window: { kind: "rate", per: seconds(60) }, alertPerMille: 800 } as LimitSpec;
  const held = { ...noLease(), granted: 100, nonce: 1 };
  expect(calmOf(held, spec)).toBe(75);
  for (const lease of [noLease(), { ...held, deniedUntil: now }, { ...held, noticed: "alert" } as const]) expect(calmOf(lease, spec)).toBe(-Infinity);
});
