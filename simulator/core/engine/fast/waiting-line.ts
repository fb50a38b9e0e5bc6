import type { FastRules } from "./fast-rules.ts";
import type { SequenceList } from "./sequence-list.ts";
import type { Sequence } from "./sequence.ts";

/** fcfs: order of arrival, preempted ones in front. priority: lower value first, then arrival, then id, for both. */
type Policy = FastRules["policy"];

export function letWait(line: SequenceList, sequence: Sequence, policy: Policy): void {
  if (policy === "priority") insert(line, sequence);
  else line.append(sequence);
}

export function letWaitAgain(line: SequenceList, sequence: Sequence, policy: Policy): void {
  if (policy === "priority") insert(line, sequence);
  else line.prepend(sequence);
}

/** From behind: arrivals come in order, so that few are passed. */
function insert(line: SequenceList, sequence: Sequence): void {
  let place = line.last;
  while (place !== null && precedes(sequence, place)) place = place.before;
  line.insertBehind(sequence, place);
}

function precedes(one: Sequence, other: Sequence): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority;
  if (one.arrival !== other.arrival) return one.arrival < other.arrival;
  return one.id < other.id;
}
