import { performance } from "node:perf_hooks";
import type { Instant, Machine, Out } from "../core/machine.ts";
import type { RouterCommand, RouterEvent } from "../core/messages.ts";

/** The core with a watch on what it takes to decide on an arrival. Commands are only collected meanwhile, so that nothing but the decision is measured. */
export class TimedMachine implements Machine<RouterEvent, RouterCommand> {
  readonly #machine: Machine<RouterEvent, RouterCommand>;
  readonly #onDecision: (durationMs: number) => void;

  constructor(machine: Machine<RouterEvent, RouterCommand>, onDecision: (durationMs: number) => void) {
    this.#machine = machine;
    this.#onDecision = onDecision;
  }

  handle(event: RouterEvent, now: Instant, out: Out<RouterCommand>): void {
    if (event.kind !== "request-arrived") {
      this.#machine.handle(event, now, out);
      return;
    }
    const startMs = performance.now();
    this.#machine.handle(event, now, out);
    this.#onDecision(performance.now() - startMs);
  }

  wake(now: Instant, out: Out<RouterCommand>): void {
    this.#machine.wake(now, out);
  }

  nextDeadline(): Instant {
    return this.#machine.nextDeadline();
  }
}
