import { present } from "../../../router/core/assert.ts";
import type { Instant } from "../../../router/core/machine.ts";
import { never } from "../../../router/core/time.ts";
import type { Source } from "./virtual-driver.ts";

/** What is on its way and arrives at an instant of its own; of one instant, in the order of sending. Few are under way at once, and most in order. */
export class Later implements Source {
  readonly #due: { readonly at: Instant; readonly arrive: () => void }[] = [];

  send(at: Instant, arrive: () => void): void {
    let place = this.#due.length;
    while (place > 0 && present(this.#due[place - 1], "what is due").at > at) place -= 1;
    this.#due.splice(place, 0, { at, arrive });
  }

  get notBefore(): Instant {
    return this.#due[0]?.at ?? never;
  }

  nextAt(): Instant {
    return this.notBefore;
  }

  happen(): void {
    present(this.#due.shift(), "what is due").arrive();
  }
}
