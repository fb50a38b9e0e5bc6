import { hostTimerMaxMs } from "../../router/core/time.ts";
import type { FaultChange } from "../core/fault/fault-script.ts";

/** Carries a fault script out on the wall clock. Its zero is the first call that any server of the fleet receives. */
export class FaultClock {
  readonly #changes: readonly FaultChange[];
  readonly #apply: (change: FaultChange) => void;
  #zeroMs: number | null = null;
  #next = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(changes: readonly FaultChange[], apply: (change: FaultChange) => void) {
    this.#changes = changes;
    this.#apply = apply;
  }

  /** Does nothing once begun. Changes due at zero are made before it returns, so that the first call meets them. */
  begin(): void {
    if (this.#zeroMs !== null) return;
    this.#zeroMs = performance.now();
    this.#proceed();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#next = this.#changes.length;
  }

  readonly #proceed = (): void => {
    this.#timer = null;
    const elapsedMs = performance.now() - (this.#zeroMs ?? 0);
    for (; ; this.#next += 1) {
      const change = this.#changes[this.#next];
      if (change === undefined) return;
      const dueMs = change.at / 1000;
      if (dueMs > elapsedMs) {
        this.#timer = setTimeout(this.#proceed, Math.min(hostTimerMaxMs, Math.ceil(dueMs - elapsedMs)));
        return;
      }
      this.#apply(change);
    }
  };
}
