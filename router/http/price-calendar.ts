import type { PriceChange } from "../config/service-spec.ts";
import type { RouterEvent } from "../core/messages.ts";
import { hostTimerMaxMs } from "../core/time.ts";
import { periodEndsMs } from "./budget-calendar.ts";

const monthEndsMs = (nowMs: number): number => periodEndsMs({ per: "month", timeZone: "UTC" }, nowMs);

/** Tells the core of prices that come into force (those of the past at once, in their order, the others at their instant) and of months that begin, by UTC. */
export class PriceCalendar {
  readonly #changes: PriceChange[];
  readonly #submit: (event: RouterEvent) => void;
  #timer: NodeJS.Timeout | null = null;
  #monthEndsMs = monthEndsMs(Date.now());

  constructor(changes: readonly PriceChange[], submit: (event: RouterEvent) => void) {
    this.#changes = changes.toSorted((one, other) => one.fromMs - other.fromMs);
    this.#submit = submit;
  }

  start(): void {
    if (Date.now() >= this.#monthEndsMs) {
      this.#monthEndsMs = monthEndsMs(Date.now());
      this.#submit({ kind: "billing-month-started" });
    }
    let next = this.#changes[0];
    while (next !== undefined && next.fromMs <= Date.now()) {
      this.#changes.shift();
      this.#submit({ kind: "price-changed", deployment: next.deployment, rates: next.rates });
      next = this.#changes[0];
    }
    const dueMs = Math.min(this.#monthEndsMs, next?.fromMs ?? Infinity);
    this.#timer = setTimeout(() => this.start(), Math.max(1, Math.min(hostTimerMaxMs, dueMs - Date.now())));
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
