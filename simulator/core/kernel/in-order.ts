import { present } from "../../../router/core/assert.ts";
import type { Instant } from "../../../router/core/machine.ts";
import { never } from "../../../router/core/time.ts";
import type { Source } from "./virtual-driver.ts";

/** What is known from the start, in order of time. */
export class InOrder<Change extends { readonly at: Instant }> implements Source {
  notBefore: Instant;
  readonly #changes: readonly Change[];
  readonly #apply: (change: Change, now: Instant) => void;
  #next = 0;

  constructor(changes: readonly Change[], apply: (change: Change, now: Instant) => void) {
    this.#changes = changes;
    this.#apply = apply;
    this.notBefore = changes[0]?.at ?? never;
  }

  nextAt(): Instant {
    return this.notBefore;
  }

  happen(now: Instant): void {
    const change = present(this.#changes[this.#next], "what is to happen");
    this.#next += 1;
    this.notBefore = this.#changes[this.#next]?.at ?? never;
    this.#apply(change, now);
  }
}
