import { present } from "../../../router/core/assert.ts";
import type { LimitSpec } from "../../../router/core/compiled-config.ts";
import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { LeaseKey, RouterEvent } from "../../../router/core/messages.ts";
import { after, earlier, never, startOfTime } from "../../../router/core/time.ts";
import type { Source } from "../kernel/virtual-driver.ts";
import { lossNoticedAfter, type StoreFaultSpec } from "./lease-store-spec.ts";

export type StoreChange =
  | { readonly kind: "period-started"; readonly budget: LeaseKey; readonly endsAt: Instant; readonly replica: null }
  | { readonly kind: "store-lost" | "store-back"; readonly replica: number | null };

interface Timed {
  readonly at: Instant;
  readonly change: StoreChange;
}

export interface StoreChangesOptions {
  readonly faults: readonly StoreFaultSpec[];
  readonly limits: readonly LimitSpec[];
  /** False: nobody will spend anything any more, and periods need not begin. */
  readonly wanted: () => boolean;
  readonly tell: (change: StoreChange) => void;
}

/** What the replicas' drivers are told of the store and of the calendar, in order of time. */
export class StoreChanges implements Source {
  /** Of an outage and of a period that begins, should any be wanted by then. */
  notBefore: Instant;
  readonly #options: StoreChangesOptions;
  readonly #outages: readonly Timed[];
  readonly #budgets: readonly BudgetPeriod[];
  #told = 0;

  constructor(options: StoreChangesOptions) {
    this.#options = options;
    this.#outages = outagesOf(options.faults);
    this.#budgets = options.limits.flatMap(({ id, window }): BudgetPeriod[] =>
      window.kind === "period" ? [{ id, length: window.length, next: startOfTime }] : [],
    );
    this.notBefore = earlier(this.#toldAt, this.#periodAt);
  }

  nextAt(): Instant {
    return earlier(this.#toldAt, this.#wantedPeriodAt);
  }

  happen(): void {
    this.#options.tell(this.#take());
    this.notBefore = earlier(this.#toldAt, this.#periodAt);
  }

  get #toldAt(): Instant {
    return this.#outages[this.#told]?.at ?? never;
  }

  get #periodAt(): Instant {
    return earliest(this.#budgets)?.next ?? never;
  }

  /** The first period begins whoever is there. */
  get #wantedPeriodAt(): Instant {
    const at = this.#periodAt;
    return at > startOfTime && !this.#options.wanted() ? never : at;
  }

  #take(): StoreChange {
    const budget = earliest(this.#budgets);
    if (budget === null || this.#toldAt < this.#wantedPeriodAt) {
      const { change } = present(this.#outages[this.#told], "a change of the store");
      this.#told += 1;
      return change;
    }
    budget.next = after(budget.next, budget.length);
    return { kind: "period-started", budget: budget.id, endsAt: budget.next, replica: null };
  }
}

function outagesOf(faults: readonly StoreFaultSpec[]): readonly Timed[] {
  return faults
    .flatMap(({ at, until, replica }): Timed[] => {
      const noticed = after(at, lossNoticedAfter);
      if (noticed >= until) return [];
      return [
        { at: noticed, change: { kind: "store-lost", replica } },
        { at: until, change: { kind: "store-back", replica } },
      ];
    })
    .toSorted((one, other) => one.at - other.at);
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
