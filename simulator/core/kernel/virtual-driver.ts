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

/** A machine that is driven, as those who tell it something know it. */
export class Driven<Event> {
  readonly #number: number;
  readonly #machines: Machine<Event, unknown>[];
  readonly #due: DueByRank;

  /** @param number its place among all machines */
  constructor(number: number, machines: Machine<Event, unknown>[], due: DueByRank) {
    this.#number = number;
    this.#machines = machines;
    this.#due = due;
  }

  get machine(): Machine<Event, unknown> {
    return this.#machines[this.#number] ?? missing("the machine that is driven");
  }

  /** Another takes its place. */
  set machine(machine: Machine<Event, unknown>) {
    this.#machines[this.#number] = machine;
  }

  /** Tells it at this instant, in its turn. @param rank 0 for outcomes, 1 for arrivals */
  post(event: Event, rank: 0 | 1): void {
    const due = this.#due[rank];
    due.receivers[due.tail] = this.#number;
    due.events[due.tail] = event;
    due.tail += 1;
  }
}

/** Events and the numbers of whom they are for, first in, first out. The arrays are never emptied, only written over (V8 gives the memory of an emptied array back, every time): they hold what was due at one instant. */
interface Due {
  readonly receivers: number[];
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
  /** Machines that are due at one instant are woken in this order. */
  readonly #machines: Machine<unknown, unknown>[] = [];
  readonly #outs: Out<unknown>[] = [];
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
    const number = this.#machines.length;
    this.#machines.push(machine);
    this.#outs.push(out as Out<unknown>);
    this.#noteDeadline(number);
    return new Driven<Event>(number, this.#machines, this.#due);
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
      const number = due.receivers[due.head] ?? -1;
      const event = due.events[due.head];
      due.head += 1;
      const machine = this.#machines[number] ?? missing("the receiver of an event");
      machine.handle(event, this.#clock.now, this.#outs[number] ?? missing("whom it tells"));
      this.#noteDeadline(number);
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
      const number = leastId(this.#deadlines);
      const machine = this.#machines[number] ?? missing("the machine that is due");
      machine.wake(next, this.#outs[number] ?? missing("whom it tells"));
      this.#noteDeadline(number);
    }
    return true;
  }

  /** Of who drives there now: it may have given its place to another. */
  #noteDeadline(number: number): void {
    const machine = this.#machines[number] ?? missing("the machine that is driven");
    setKey(this.#deadlines, number, machine.nextDeadline());
  }
}
