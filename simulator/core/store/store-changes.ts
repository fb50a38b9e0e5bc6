import { present } from "../../../router/core/assert.ts";
import type { LimitSpec } from "../../../router/core/compiled-config.ts";
import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { LeaseKey, RouterEvent } from "../../../router/core/messages.ts";
import { after, earlier, never, startOfTime } from "../../../router/core/time.ts";
import { lossNoticedAfter, type StoreFaultSpec } from "./lease-store-spec.ts";

export type StoreChange =
  | { readonly kind: "period-started"; readonly budget: LeaseKey; readonly endsAt: Instant; readonly replica: null }
  | { readonly kind: "store-lost" | "store-back"; readonly replica: number | null };

interface Timed {
  readonly at: Instant;
  readonly change: StoreChange;
}

/** What the replicas' drivers are told of the store and of the calendar, in order of time. Periods begin as long as `wanted` says that somebody may still spend. */
export function storeChanges(
  faults: readonly StoreFaultSpec[],
  limits: readonly LimitSpec[],
  wanted: () => boolean,
): { readonly nextAt: () => Instant; readonly take: () => StoreChange } {
  const outages = faults
    .flatMap(({ at, until, replica }): Timed[] => {
      const noticed = after(at, lossNoticedAfter);
      if (noticed >= until) return [];
      return [
        { at: noticed, change: { kind: "store-lost", replica } },
        { at: until, change: { kind: "store-back", replica } },
      ];
    })
    .toSorted((one, other) => one.at - other.at);
  const budgets = limits.flatMap(({ id, window }): BudgetPeriod[] => (window.kind === "period" ? [{ id, length: window.length, next: startOfTime }] : []));
  let told = 0;
  let toldAt = outages[0]?.at ?? never;
  let budget = earliest(budgets);
  const nextPeriodAt = (): Instant => (budget === null || (budget.next > startOfTime && !wanted()) ? never : budget.next);
  return {
    nextAt: () => earlier(toldAt, nextPeriodAt()),
    take: () => {
      const outage = outages[told];
      if (budget === null || toldAt < nextPeriodAt()) {
        told += 1;
        toldAt = outages[told]?.at ?? never;
        return present(outage, "a change of the store").change;
      }
      const { id } = budget;
      budget.next = after(budget.next, budget.length);
      const endsAt = budget.next;
      budget = earliest(budgets);
      return { kind: "period-started", budget: id, endsAt, replica: null };
    },
  };
}

interface BudgetPeriod {
  readonly id: LeaseKey;
  readonly length: Duration;
  next: Instant;
}

function earliest(budgets: readonly BudgetPeriod[]): BudgetPeriod | null {
  let first: BudgetPeriod | null = null;
  for (const budget of budgets) if (first === null || budget.next < first.next) first = budget;
  return first;
}

export function eventOf(change: StoreChange): RouterEvent {
  return change.kind === "period-started" ? { kind: change.kind, budget: change.budget, endsAt: change.endsAt } : { kind: change.kind };
}
