/** Gives a segment's events to a core that starts from its snapshot, and holds what the core says against what the journal says (I10). */
import type { Instant } from "../machine.ts";
import type { RouterCommand, RouterEvent } from "../messages.ts";
import { samePlain } from "../plain.ts";
import { Router } from "../router.ts";
import { later } from "../time.ts";
import type { Segment } from "./segment.ts";

export interface TimedCommand {
  readonly at: Instant;
  readonly command: RouterCommand;
}

export interface Difference {
  /** Which command of the segment, counted from 1. */
  readonly command: number;
  /** The event that was last handled. */
  readonly after: { readonly at: Instant; readonly event: RouterEvent } | null;
  /** Null: the journal has no further command, or the core gives none. */
  readonly recorded: TimedCommand | null;
  readonly replayed: TimedCommand | null;
}

export interface Replay {
  readonly events: number;
  readonly commands: number;
  /** Null: every command is the same at the same instant. */
  readonly difference: Difference | null;
}

export function replaySegment(segment: Segment): Replay {
  return new SegmentReplay(segment).run();
}

class SegmentReplay {
  readonly #segment: Segment;
  readonly #recorded: readonly TimedCommand[];
  readonly #until: Instant;
  #events = 0;
  #commands = 0;
  #after: Difference["after"] = null;
  #difference: Difference | null = null;
  #inputsLeft: number;

  constructor(segment: Segment) {
    this.#segment = segment;
    this.#recorded = segment.records.filter((record) => record.kind === "command");
    this.#until = segment.records.reduce((latest, record) => later(latest, record.at), segment.head.snapshot.now);
    this.#inputsLeft = segment.records.length - this.#recorded.length;
  }

  run(): Replay {
    const { head, records } = this.#segment;
    const router = new Router(head.config, { seed: head.seed, explain: head.explain }, head.snapshot);
    const { torn } = this.#segment;
    for (const record of records) {
      if (record.kind === "command") continue;
      this.#inputsLeft -= 1;
      // Where the writer stopped in the middle, what follows from the last input may be missing.
      const out = { emit: (command: RouterCommand, at: Instant): void => this.#hear({ at, command }, torn !== null && this.#inputsLeft === 0) };
      if (record.kind === "wake") router.wake(record.at, out);
      else {
        this.#after = record;
        router.handle(record.event, record.at, out);
        this.#events += 1;
      }
      if (this.#difference !== null) break;
    }
    // A deadline of the last instant may not have been carried out any more.
    if (this.#difference === null) router.wake(this.#until, { emit: (command, at) => this.#hear({ at, command }, torn !== null || at >= this.#until) });
    const missing = this.#recorded[this.#commands];
    if (this.#difference === null && missing !== undefined) this.#differ(missing, null);
    return { events: this.#events, commands: this.#commands, difference: this.#difference };
  }

  #hear(replayed: TimedCommand, mayBeMissing: boolean): void {
    if (this.#difference !== null) return;
    const recorded = this.#recorded[this.#commands] ?? null;
    if (recorded === null && mayBeMissing) return;
    if (recorded !== null && recorded.at === replayed.at && samePlain(recorded.command, replayed.command)) this.#commands += 1;
    else this.#differ(recorded, replayed);
  }

  #differ(recorded: TimedCommand | null, replayed: TimedCommand | null): void {
    this.#difference = { command: this.#commands + 1, after: this.#after, recorded, replayed };
  }
}
