import type { Instant } from "../../router/core/machine.ts";
import { instantAt } from "../../router/core/time.ts";

/** Microseconds since it was started, monotonic: every instant of a replay is on one of these. */
export class RunClock {
  readonly #zeroMs = performance.now();

  now(): Instant {
    return instantAt(Math.floor((performance.now() - this.#zeroMs) * 1000));
  }
}
