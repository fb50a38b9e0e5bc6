/**
 * Drives machines in virtual time. The clock jumps to the next thing that happens; what happens at one instant is ordered by (rank, sequence): outcomes (0), then
 * arrivals (1), then the models' steps (2), then deadlines (3), the same as in the realtime driver. Events posted while a machine is at work wait until it is done,
 * so that none is re-entered. Arrivals are pulled, one at a time, and never scheduled ahead.
 */
import { assert, present } from "../../../router/core/assert.ts";
import { heapSet, heapTopId, heapTopKey, type IndexedHeap, makeHeap } from "../../../router/core/indexed-heap.ts";
import type { Instant, Machine, Out } from "../../../router/core/machine.ts";
import { stepRank } from "../../../router/core/messages.ts";
import { instantAt, startOfTime } from "../../../router/core/time.ts";

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
  deliver(now: Instant): void;
  wake(now: Instant): void;
  nextDeadline(): Instant;
  readonly wakeRank: number;
}

const deadlineRank = 3;

export class VirtualDriver {
  #now = startOfTime;
  readonly #machines: Driven[] = [];
  readonly #sources: Source[] = [];
  /** What is due at this instant, as machine numbers; each machine holds its own events. By rank. */
  readonly #due: readonly [Fifo<number>, Fifo<number>] = [new Fifo(), new Fifo()];
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
    const events = [new Fifo<Event>(), new Fifo<Event>()] as const;
    this.#machines.push({
      // Rank 0 of this machine is taken before its rank 1, as in #due.
      deliver: (now) => machine.handle((events[0].length > 0 ? events[0] : events[1]).shift(), now, out),
      wake: (now) => machine.wake(now, out),
      nextDeadline: () => machine.nextDeadline(),
      wakeRank: role === "model" ? stepRank : deadlineRank,
    });
    return (event, rank) => {
      events[rank].push(event);
      this.#due[rank].push(number);
    };
  }

  /** Lets the next thing happen. False: nothing will ever happen again. */
  step(): boolean {
    const due = this.#due[0].length > 0 ? this.#due[0] : this.#due[1];
    if (due.length > 0) {
      const number = due.shift();
      this.#machine(number).deliver(this.#now);
      this.#settle(number);
      return true;
    }
    const source = this.#nextSource();
    const sourceAt = source === null ? Infinity : source.nextAt();
    const stepAt = heapTopKey(this.#steps);
    const deadlineAt = heapTopKey(this.#deadlines);
    const next = Math.min(sourceAt, stepAt, deadlineAt);
    if (next === Infinity) return false;
    assert(next >= this.#now, "the clock goes back");
    this.#now = instantAt(next);
    if (source !== null && sourceAt === next) source.happen(this.#now);
    else {
      const number = heapTopId(stepAt === next ? this.#steps : this.#deadlines);
      this.#machine(number).wake(this.#now);
      this.#settle(number);
    }
    return true;
  }

  #machine(number: number): Driven {
    return present(this.#machines[number], "a machine");
  }

  #settle(number: number): void {
    const machine = this.#machine(number);
    heapSet(machine.wakeRank === stepRank ? this.#steps : this.#deadlines, number, machine.nextDeadline());
  }

  #nextSource(): Source | null {
    let earliest: Source | null = null;
    let at = Infinity;
    for (const source of this.#sources) {
      const next = source.nextAt();
      if (next < at) {
        earliest = source;
        at = next;
      }
    }
    return earliest;
  }
}

/** First in, first out; its array is used again once it is empty, so that its size is what was due at one instant. */
class Fifo<T> {
  readonly #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T {
    assert(this.#head < this.#items.length, "nothing is due");
    const item = this.#items[this.#head] as T;
    this.#head += 1;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    }
    return item;
  }
}
