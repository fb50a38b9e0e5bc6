/**
 * Drives machines in virtual time. The clock jumps to the next thing that happens; what happens at one instant is ordered by (rank, sequence): outcomes (0), then
 * arrivals (1), then the models' steps (2), then deadlines (3), the same as in the realtime driver. Events posted while a machine is at work wait until it is done,
 * so that none is re-entered. Arrivals are pulled, one at a time, and never scheduled ahead.
 */
import { assert, present } from "../../../router/core/assert.ts";
import type { Instant, Machine, Out } from "../../../router/core/machine.ts";
import { instantAt, never, startOfTime } from "../../../router/core/time.ts";
import { leastId, newTournament, setKey, type Tournament } from "../../../router/core/tournament.ts";

/** Something that happens from outside, in order of time: arrivals, faults. */
export interface Source {
  /** Infinity when there is nothing more. */
  nextAt(): Instant;
  /** Lets it happen: posts events. */
  happen(now: Instant): void;
}

/** Takes the machine's events. Rank: 0 for outcomes, 1 for arrivals. */
export type Post<Event> = (event: Event, rank: 0 | 1) => void;

interface Driven {
  /** Its own events are what it is given. */
  readonly machine: Machine<unknown, unknown>;
  readonly out: Out<unknown>;
  /** Where its deadline stands, and at which number. */
  readonly deadlines: Tournament;
  readonly number: number;
}

export class VirtualDriver {
  /** The clock, and when the next source has something. A record, since private fields are slow to write in code that has not run for long (see EngineLoop). */
  readonly #time: { now: Instant; sourceAt: Instant } = { now: startOfTime, sourceAt: never };
  readonly #sources: Source[] = [];
  /** What is due at this instant, by rank. */
  readonly #outcomes = new DueEvents();
  readonly #arrivals = new DueEvents();
  /** Of the models, and their next steps; of the routers, and their deadlines. Each in the order in which they were added. */
  readonly #models: Driven[] = [];
  readonly #steps = newTournament();
  readonly #routers: Driven[] = [];
  readonly #deadlines = newTournament();

  get now(): Instant {
    return this.#time.now;
  }

  addSource(source: Source): void {
    this.#sources.push(source);
  }

  /** @param role a "model" makes steps, a "router" has deadlines: which of the two comes first within an instant */
  addMachine<Event, Command>(machine: Machine<Event, Command>, role: "model" | "router", out: Out<Command>): Post<Event> {
    const others = role === "model" ? this.#models : this.#routers;
    const deadlines = role === "model" ? this.#steps : this.#deadlines;
    const driven: Driven = { machine: machine as Machine<unknown, unknown>, out: out as Out<unknown>, deadlines, number: others.length };
    others.push(driven);
    settle(driven);
    return (event, rank) => (rank === 0 ? this.#outcomes : this.#arrivals).push(driven, event);
  }

  /** Lets the next thing happen. False: nothing will ever happen again. */
  step(): boolean {
    const due = this.#outcomes.isEmpty ? this.#arrivals : this.#outcomes;
    if (due.isEmpty) return this.#goOn();
    const driven = due.receiver;
    driven.machine.handle(due.take(), this.#time.now, driven.out);
    settle(driven);
    return true;
  }

  /** To the next instant, or with the next thing at this one. */
  #goOn(): boolean {
    const source = this.#nextSource();
    const sourceAt = this.#time.sourceAt;
    const stepAt = this.#steps.least;
    const next = instantAt(Math.min(sourceAt, stepAt, this.#deadlines.least));
    if (next === never) return false;
    assert(next >= this.#time.now, "the clock goes back");
    this.#time.now = next;
    if (source !== null && sourceAt === next) source.happen(next);
    else {
      const driven = present(stepAt === next ? this.#models[leastId(this.#steps)] : this.#routers[leastId(this.#deadlines)], "the machine");
      driven.machine.wake(next, driven.out);
      settle(driven);
    }
    return true;
  }

  /** Leaves its instant in `sourceAt`. */
  #nextSource(): Source | null {
    let earliest: Source | null = null;
    let earliestAt: Instant = never;
    for (const source of this.#sources) {
      const next = source.nextAt();
      if (next >= earliestAt) continue;
      earliest = source;
      earliestAt = next;
    }
    this.#time.sourceAt = earliestAt;
    return earliest;
  }
}

function settle({ machine, deadlines, number }: Driven): void {
  setKey(deadlines, number, machine.nextDeadline());
}

/** Events and the machines they are for, first in, first out. The arrays are never emptied, only written over (V8 gives the memory of an emptied array back, every time): they hold what was due at one instant. */
class DueEvents {
  readonly #receivers: Driven[] = [];
  readonly #events: unknown[] = [];
  readonly #places = { head: 0, tail: 0 };

  get isEmpty(): boolean {
    return this.#places.head === this.#places.tail;
  }

  /** Whom the next event is for. */
  get receiver(): Driven {
    return present(this.#receivers[this.#places.head], "the receiver of an event");
  }

  push(receiver: Driven, event: unknown): void {
    const places = this.#places;
    this.#receivers[places.tail] = receiver;
    this.#events[places.tail] = event;
    places.tail += 1;
  }

  take(): unknown {
    const places = this.#places;
    const event = this.#events[places.head];
    places.head += 1;
    if (places.head === places.tail) {
      places.head = 0;
      places.tail = 0;
    }
    return event;
  }
}
