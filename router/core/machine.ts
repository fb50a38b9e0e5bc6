declare const unit: unique symbol;

/** A number that cannot be confused with another kind of number. Ids are small integers issued by the driver's side: slots, not strings. */
export type Branded<Name extends string> = number & { readonly [unit]: Name };

/** Whole microseconds on the driver's monotonic clock. Instants of two processes are not comparable. */
export type Instant = Branded<"instant">;

/** Whole microseconds. */
export type Duration = Branded<"duration">;

/** Where commands go. A journal, a test's recorder and a driver are all an `Out`. `at` is the instant acted as of, never later than `now`. */
export interface Out<Command> {
  emit(command: Command, at: Instant): void;
}

/**
 * A state machine without clock and I/O: the routing core, an engine, a hosted provider, an agent session.
 *
 * Laws, tested for every machine (test/laws):
 *  1. `now` never decreases. Equal histories of (event, now) give equal commands.
 *  2. `handle(event, now)` first carries out every deadline strictly before `now`, each as of its own instant, then the event.
 *     So a late driver adds no drift, and an outcome that arrives after its deadline is late whichever call comes first.
 *  3. `wake(now)` carries out every deadline <= now, each as of its own instant (a retry started by a deadline at 1 s that is
 *     noticed at 5 s has its own deadline counted from 1 s). Afterwards `nextDeadline() > now`.
 *  4. It is never re-entered: drivers queue what happens while commands are carried out; `handle` asserts it.
 *  5. State is bounded: what has ended is forgotten (deadlines are taken out, no tombstones, no map that only grows).
 */
export interface Machine<Event, Command> {
  handle(event: Event, now: Instant, out: Out<Command>): void;
  wake(now: Instant, out: Out<Command>): void;
  /** Infinity when nothing is pending. */
  nextDeadline(): Instant;
}

/** A machine whose whole state is plain data, so that it can be written into a journal, carried over a restart, or rolled back. */
export interface Restorable<Snapshot> {
  /** A machine restored from it has the same future. */
  snapshot(): Snapshot;
}
