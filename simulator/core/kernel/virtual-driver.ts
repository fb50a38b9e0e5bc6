/**
 * Drives machines in virtual time. The clock jumps to the next thing that happens; what happens at one instant is ordered by (rank, sequence): outcomes (0), then
 * arrivals (1), then the models' steps (2), then deadlines (3), the same as in the realtime driver. Events posted while a machine is at work wait until it is done,
 * so that none is re-entered. Arrivals are pulled, one at a time, and never scheduled ahead.
 */
import { broken, missing } from "../../../router/core/assert.ts";
import type { Instant, Machine, Out } from "../../../router/core/machine.ts";
import { never, startOfTime } from "../../../router/core/time.ts";
import { leastId, newTournament, setKey } from "../../../router/core/tournament.ts";

/** Something that happens from outside, in order of time: arrivals, faults. What it posts comes before the models' steps of the instant. */
export interface Source {
  /** It is not asked before this instant: until then it has nothing, whatever happens. */
  readonly notBefore: Instant;
  /** As things stand; Infinity when there is nothing. */
  nextAt(): Instant;
  /** Lets it happen: posts events. */
  happen(now: Instant): void;
}

/** A machine that is driven. */
export class Driven<Event> {
  /** Another may take its place. */
  machine: Machine<Event, unknown>;
  readonly out: Out<unknown>;
  /** As which of all machines it is woken. */
  readonly number: number;
  readonly #due: DueByRank;

  constructor(machine: Machine<Event, unknown>, out: Out<unknown>, number: number, due: DueByRank) {
    this.machine = machine;
    this.out = out;
    this.number = number;
    this.#due = due;
  }

  /** Tells it at this instant, in its turn. @param rank 0 for outcomes, 1 for arrivals */
  post(event: Event, rank: 0 | 1): void {
    const due = this.#due[rank];
    due.receivers[due.tail] = this as Driven<unknown>;
    due.events[due.tail] = event;
    due.tail += 1;
  }
}

/** Events and whom they are for, first in, first out. The arrays are never emptied, only written over (V8 gives the memory of an emptied array back, every time): they hold what was due at one instant. */
interface Due {
  readonly receivers: Driven<unknown>[];
  readonly events: unknown[];
  head: number;
  tail: number;
}
type DueByRank = readonly [outcomes: Due, arrivals: Due];

const nothingDue = (): Due => ({ receivers: [], events: [], head: 0, tail: 0 });

export class VirtualDriver {
  /** A record, since private fields are slow to write in code that has not run for long (see EngineLoop). */
  readonly #clock = { now: startOfTime };
  readonly #sources: Source[] = [];
  readonly #due: DueByRank = [nothingDue(), nothingDue()];
  readonly #machines: Driven<unknown>[] = [];
  readonly #deadlines = newTournament();

  get now(): Instant {
    return this.#clock.now;
  }

  /** Of one instant, the sources happen in the order in which they were added. */
  addSource(source: Source): void {
    this.#sources.push(source);
  }

  /** Machines that are due at one instant are woken in the order in which they were added: first the models, which make steps, then the routers, which have deadlines. */
  addMachine<Event, Command>(machine: Machine<Event, Command>, out: Out<Command>): Driven<Event> {
    const driven = new Driven(machine, out as Out<unknown>, this.#machines.length, this.#due);
    this.#machines.push(driven as Driven<unknown>);
    this.#noteDeadline(driven as Driven<unknown>);
    return driven;
  }

  /** Until nothing will ever happen again (false), or as many steps as are given have been made (true: there may be more). A step: what is due at the instant, and the next thing that happens. */
  advance(steps: number): boolean {
    for (let step = 0; step < steps; step += 1) {
      this.#handOver();
      if (!this.#goOn()) return false;
    }
    return true;
  }

  /** All that is due at this instant, and what follows from it. */
  #handOver(): void {
    const [outcomes, arrivals] = this.#due;
    for (;;) {
      const due = outcomes.head === outcomes.tail ? arrivals : outcomes;
      if (due.head === due.tail) break;
      const driven = due.receivers[due.head] ?? missing("the receiver of an event");
      const event = due.events[due.head];
      due.head += 1;
      driven.machine.handle(event, this.#clock.now, driven.out);
      this.#noteDeadline(driven);
    }
    outcomes.head = outcomes.tail = 0;
    arrivals.head = arrivals.tail = 0;
  }

  /** To the next instant at which something happens, or with the next thing at this one. False: there is none. */
  #goOn(): boolean {
    let next = this.#deadlines.least as Instant;
    let source: Source | null = null;
    const sources = this.#sources;
    for (let place = 0; place < sources.length; place += 1) {
      const one = sources[place] as Source;
      if (one.notBefore > next) continue;
      const at = one.nextAt();
      if (at > next || (at === next && source !== null)) continue;
      source = one;
      next = at;
    }
    if (next === never) return false;
    if (next < this.#clock.now) broken("the clock goes back");
    this.#clock.now = next;
    if (source !== null) source.happen(next);
    else {
      const driven = this.#machines[leastId(this.#deadlines)] ?? missing("the machine that is due");
      driven.machine.wake(next, driven.out);
      this.#noteDeadline(driven);
    }
    return true;
  }

  #noteDeadline(driven: Driven<unknown>): void {
    setKey(this.#deadlines, driven.number, driven.machine.nextDeadline());
  }
}
