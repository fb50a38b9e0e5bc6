/**
 * Drives machines in virtual time. The clock jumps to the next thing that happens; what happens at one instant is ordered by (rank, sequence): outcomes (0), then
 * arrivals (1), then the models' steps (2), then deadlines (3), the same as in the realtime driver. Events posted while a machine is at work wait until it is done,
 * so that none is re-entered. Arrivals are pulled, one at a time, and never scheduled ahead.
 */
import { assert, present } from "../../../router/core/assert.ts";
import { heapSet, heapTopId, heapTopKey, type IndexedHeap, makeHeap } from "../../../router/core/indexed-heap.ts";
import type { Instant, Machine, Out } from "../../../router/core/machine.ts";
import { instantAt, never, startOfTime } from "../../../router/core/time.ts";

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
  readonly isModel: boolean;
}

export class VirtualDriver {
  #now = startOfTime;
  readonly #machines: Driven[] = [];
  readonly #sources: Source[] = [];
  #sourceAt: Instant = never;
  /** What is due at this instant, by rank. */
  readonly #due = [new DueEvents(), new DueEvents()] as const;
  readonly #steps: IndexedHeap = makeHeap();
  readonly #deadlines: IndexedHeap = makeHeap();

  get now(): Instant {
    return this.#now;
  }

  addSource(source: Source): void {
    this.#sources.push(source);
  }

  /** @param role a "model" makes steps, a "router" has deadlines: which of the two comes first within an instant */
  addMachine<Event, Command>(machine: Machine<Event, Command>, role: "model" | "router", out: Out<Command>): Post<Event> {
    const number = this.#machines.length;
    const driven = { machine: machine as Machine<unknown, unknown>, out: out as Out<unknown>, isModel: role === "model" };
    this.#machines.push(driven);
    this.#settle(number, driven);
    return (event, rank) => this.#due[rank].push(number, event);
  }

  /** Lets the next thing happen. False: nothing will ever happen again. */
  step(): boolean {
    const due = this.#due[0].isEmpty ? this.#due[1] : this.#due[0];
    if (!due.isEmpty) {
      const number = due.machine;
      const driven = this.#machine(number);
      driven.machine.handle(due.take(), this.#now, driven.out);
      this.#settle(number, driven);
      return true;
    }
    const source = this.#nextSource();
    const sourceAt = this.#sourceAt;
    const stepAt = heapTopKey(this.#steps);
    const deadlineAt = heapTopKey(this.#deadlines);
    const next = Math.min(sourceAt, stepAt, deadlineAt);
    if (next === Infinity) return false;
    assert(next >= this.#now, "the clock goes back");
    this.#now = instantAt(next);
    if (source !== null && sourceAt === next) source.happen(this.#now);
    else {
      const number = heapTopId(stepAt === next ? this.#steps : this.#deadlines);
      const driven = this.#machine(number);
      driven.machine.wake(this.#now, driven.out);
      this.#settle(number, driven);
    }
    return true;
  }

  #machine(number: number): Driven {
    return present(this.#machines[number], "a machine");
  }

  #settle(number: number, { machine, isModel }: Driven): void {
    heapSet(isModel ? this.#steps : this.#deadlines, number, machine.nextDeadline());
  }

  /** Leaves its instant in `#sourceAt`. */
  #nextSource(): Source | null {
    let earliest: Source | null = null;
    this.#sourceAt = never;
    for (const source of this.#sources) {
      const next = source.nextAt();
      if (next < this.#sourceAt) {
        earliest = source;
        this.#sourceAt = next;
      }
    }
    return earliest;
  }
}

/** Events and the machines they are for, first in, first out. The arrays are never emptied, only written over (V8 gives the memory of an emptied array back, every time): they hold what was due at one instant. */
class DueEvents {
  readonly #machines: number[] = [];
  readonly #events: unknown[] = [];
  #head = 0;
  #tail = 0;

  get isEmpty(): boolean {
    return this.#head === this.#tail;
  }

  /** Whom the next event is for. */
  get machine(): number {
    return this.#machines[this.#head] ?? -1;
  }

  push(machine: number, event: unknown): void {
    this.#machines[this.#tail] = machine;
    this.#events[this.#tail] = event;
    this.#tail += 1;
  }

  take(): unknown {
    const event = this.#events[this.#head];
    this.#head += 1;
    if (this.#head === this.#tail) {
      this.#head = 0;
      this.#tail = 0;
    }
    return event;
  }
}
