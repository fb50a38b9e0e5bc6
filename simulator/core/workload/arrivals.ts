import { missing } from "../../../router/core/assert.ts";
import type { Instant } from "../../../router/core/machine.ts";
import { never } from "../../../router/core/time.ts";
import type { Source } from "../kernel/virtual-driver.ts";
import type { Arrival } from "./arrival.ts";

/** The rows of a trace as they come in: pulled one at a time, never scheduled ahead. */
export class Arrivals implements Source {
  notBefore: Instant = never;
  readonly #rows: Iterator<Arrival>;
  readonly #arrive: (arrival: Arrival) => void;
  #next: Arrival | null = null;

  constructor(rows: Iterator<Arrival>, arrive: (arrival: Arrival) => void) {
    this.#rows = rows;
    this.#arrive = arrive;
    this.#pull();
  }

  get areLeft(): boolean {
    return this.#next !== null;
  }

  nextAt(): Instant {
    return this.notBefore;
  }

  happen(): void {
    this.#arrive(this.#next ?? missing("an arrival"));
    this.#pull();
  }

  #pull(): void {
    const row = this.#rows.next();
    this.#next = row.done === true ? null : row.value;
    this.notBefore = this.#next?.at ?? never;
  }
}
