import type { RouterOptions } from "../../router/core/core.ts";
import type { Instant, Machine, Out, Restorable } from "../../router/core/machine.ts";
import type { RouterCommand, RouterEvent } from "../../router/core/messages.ts";
import type { RouterSnapshot } from "../../router/core/router.ts";

/** Sees all that goes in and out of a router: invariant checkers, recorders. */
export interface RouterWatch {
  /** Before anything else: who is watched. Again after a crash, with a router that knows nothing of before. */
  attach?(router: Restorable<RouterSnapshot>, options: RouterOptions, replica: number): void;
  /** All that the replica had under way is lost. */
  crashed?(at: Instant, replica: number): void;
  event(event: RouterEvent, now: Instant, replica: number): void;
  command(command: RouterCommand, at: Instant, replica: number): void;
  /** In virtual time, what follows from a deadline may come in at the same instant: then the wake is part of the history. */
  wake?(now: Instant, replica: number): void;
}

/** Shows what goes in when it is handled, and what comes out before it is carried out. */
export class WatchedRouter implements Machine<RouterEvent, RouterCommand> {
  readonly #router: Machine<RouterEvent, RouterCommand>;
  readonly #watch: RouterWatch;
  readonly #replica: number;

  constructor(router: Machine<RouterEvent, RouterCommand>, watch: RouterWatch, replica: number) {
    this.#router = router;
    this.#watch = watch;
    this.#replica = replica;
  }

  handle(event: RouterEvent, now: Instant, out: Out<RouterCommand>): void {
    this.#watch.event(event, now, this.#replica);
    this.#router.handle(event, now, this.#watched(out));
  }

  wake(now: Instant, out: Out<RouterCommand>): void {
    this.#watch.wake?.(now, this.#replica);
    this.#router.wake(now, this.#watched(out));
  }

  nextDeadline(): Instant {
    return this.#router.nextDeadline();
  }

  #watched(out: Out<RouterCommand>): Out<RouterCommand> {
    return {
      emit: (command, at) => {
        this.#watch.command(command, at, this.#replica);
        out.emit(command, at);
      },
    };
  }
}
