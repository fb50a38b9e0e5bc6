/** What stands for a replica's router while it is down, and while it has just been started. */
import type { Instant, Machine, Out } from "../../router/core/machine.ts";
import type { RouterCommand, RouterEvent } from "../../router/core/messages.ts";
import { never } from "../../router/core/time.ts";

/** What it is told is lost. */
export const deadRouter: Machine<RouterEvent, RouterCommand> = {
  handle: () => undefined,
  wake: () => undefined,
  nextDeadline: () => never,
};

/** Says whenever it has dealt with an event. */
export class StartingRouter implements Machine<RouterEvent, RouterCommand> {
  readonly #router: Machine<RouterEvent, RouterCommand>;
  readonly #handled: () => void;

  constructor(router: Machine<RouterEvent, RouterCommand>, handled: () => void) {
    this.#router = router;
    this.#handled = handled;
  }

  handle(event: RouterEvent, now: Instant, out: Out<RouterCommand>): void {
    this.#router.handle(event, now, out);
    this.#handled();
  }

  wake(now: Instant, out: Out<RouterCommand>): void {
    this.#router.wake(now, out);
  }

  nextDeadline(): Instant {
    return this.#router.nextDeadline();
  }
}
