import { SequenceList } from "./sequence-list.ts";
import type { Sequence } from "./sequence.ts";

/** fcfs: order of arrival, preempted ones in front. priority: lower value first, then arrival, then id; both entries mean the same there. */
export class WaitingLine {
  readonly list = new SequenceList();
  readonly #sorted: boolean;

  constructor(policy: "fcfs" | "priority") {
    this.#sorted = policy === "priority";
  }

  add(sequence: Sequence): void {
    if (this.#sorted) this.#insert(sequence);
    else this.list.append(sequence);
  }

  prepend(sequence: Sequence): void {
    if (this.#sorted) this.#insert(sequence);
    else this.list.prepend(sequence);
  }

  /** From behind: arrivals come in order, so that few are passed. */
  #insert(sequence: Sequence): void {
    let place = this.list.last;
    while (place !== null && precedes(sequence, place)) place = place.before;
    this.list.insertBehind(sequence, place);
  }
}

function precedes(one: Sequence, other: Sequence): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority;
  if (one.arrival !== other.arrival) return one.arrival < other.arrival;
  return one.id < other.id;
}
