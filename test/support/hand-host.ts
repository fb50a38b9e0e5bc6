import type { Instant } from "../../router/core/machine.ts";
import type { HostTimers, TimerHandle } from "../../router/drivers/host-timers.ts";

interface HandTimer {
  readonly call: () => void;
  readonly dueUs: number;
}

/** A clock that stands still until a test moves it, and the timers that go by it: what leaves when is then no matter of the machine's speed. */
export class HandHost implements HostTimers {
  readonly #timers = new Map<number, HandTimer>();
  #nowUs = 0;
  #next = 1;
  readonly clock = (): Instant => this.#nowUs as Instant;

  /** Null: nobody waits. */
  get nextDueMs(): number | null {
    return this.#timers.size === 0 ? null : Math.min(...[...this.#timers.values()].map(({ dueUs }) => dueUs)) / 1000;
  }

  advanceTo(ms: number): void {
    for (;;) {
      const [first] = [...this.#timers].toSorted(([, one], [, other]) => one.dueUs - other.dueUs);
      if (first === undefined || first[1].dueUs > ms * 1000) break;
      this.#nowUs = Math.max(this.#nowUs, first[1].dueUs);
      this.#timers.delete(first[0]);
      first[1].call();
    }
    this.#nowUs = Math.max(this.#nowUs, ms * 1000);
  }

  setTimer(call: () => void, waitMs: number): TimerHandle {
    const handle = this.#next++;
    this.#timers.set(handle, { call, dueUs: this.#nowUs + waitMs * 1000 });
    return handle as TimerHandle;
  }

  clearTimer(handle: TimerHandle): void {
    this.#timers.delete(handle as number);
  }

  setImmediate(call: () => void): TimerHandle {
    return setImmediate(call);
  }

  clearImmediate(handle: TimerHandle): void {
    clearImmediate(handle as NodeJS.Immediate);
  }
}
