import { type Timestamp, microsOf, ticksPerDay } from "./timestamp.ts";
import { refuse } from "./trace-format.ts";

const gapMaxTicks = 366 * ticksPerDay;
const hour = ticksPerDay / 24;

/** Turns timestamps into microseconds since the first one, and refuses those that go back, jump, or are in another unit than those before. */
export class RowClock {
  readonly #field: string;
  #origin: Timestamp | null = null;
  #last: Timestamp | null = null;
  #lastTicks = 0;
  #rows = 0;

  constructor(field: string) {
    this.#field = field;
  }

  get originUs(): number | null {
    return this.#origin === null ? null : microsOf(this.#origin);
  }

  /** @param shown as it stands in the file */
  at(timestamp: Timestamp, column: number, shown: string): number {
    this.#origin ??= timestamp;
    const last = (this.#last ??= timestamp);
    const ticks = (timestamp.day - this.#origin.day) * ticksPerDay + (timestamp.ticks - this.#origin.ticks);
    if (ticks < this.#lastTicks) this.#refuseBack(timestamp, last, column, shown);
    const gap = ticks - this.#lastTicks;
    if (gap > hour * 6) this.#checkGap(gap, timestamp, last, column, shown);
    this.#last = timestamp;
    this.#lastTicks = ticks;
    this.#rows += 1;
    return ticks / 10;
  }

  #refuseBack(timestamp: Timestamp, last: Timestamp, column: number, shown: string): never {
    const mixed = isUnitFactor(microsOf(last) / Math.max(1, microsOf(timestamp)));
    refuse(
      column,
      this.#field,
      `${shown} is earlier than the row before${mixed ? ", which is about a thousand times as large: units are mixed" : ""}`,
      mixed ? `write every ${this.#field} in one unit` : `sort the rows by ${this.#field}, keeping the order of equal ones`,
    );
  }

  #checkGap(gap: number, timestamp: Timestamp, last: Timestamp, column: number, shown: string): void {
    if (this.#rows >= 2 && isUnitFactor(microsOf(timestamp) / Math.max(1, microsOf(last)))) {
      refuse(column, this.#field, `${shown} is about a thousand times the row before: units are mixed`, `write every ${this.#field} in one unit`);
    }
    if (gap > gapMaxTicks) {
      refuse(
        column,
        this.#field,
        `${shown} is ${Math.floor(gap / ticksPerDay)} days after the row before`,
        "check the unit and the value; the gaps of a trace are below 366 days",
      );
    }
  }
}

/** A thousand or a million, with some room for what passed between the rows. */
const isUnitFactor = (factor: number): boolean => (factor > 400 && factor < 2500) || (factor > 4e5 && factor < 2.5e6);
