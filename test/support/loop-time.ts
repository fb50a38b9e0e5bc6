import { performance } from "node:perf_hooks";

/**
 * Time in which this process could do something: what passed between two turns of its event loop counts as no more than a tick, however long the machine kept it waiting. Where callers,
 * service and providers are one process, no stall of it is held against any of them, and what takes so many turns takes as long as on a quiet machine.
 */
export class LoopTime {
  readonly #tickMs: number;
  readonly #timer: NodeJS.Timeout;
  #lastMs = performance.now();
  #ms = 0;

  constructor(tickMs = 5) {
    this.#tickMs = tickMs;
    this.#timer = setInterval(() => this.#pass(), tickMs);
  }

  get ms(): number {
    return this.#ms;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #pass(): void {
    const nowMs = performance.now();
    this.#ms += Math.min(nowMs - this.#lastMs, 2 * this.#tickMs);
    this.#lastMs = nowMs;
  }
}

/** Waits until `holds`, looking every millisecond. @param limitMs of the loop's time */
export async function until(holds: () => boolean | Promise<boolean>, limitMs = 2000): Promise<void> {
  const passed = new LoopTime();
  try {
    while (!(await holds())) {
      if (passed.ms > limitMs) throw new Error("it did not come to pass");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  } finally {
    passed.stop();
  }
}
