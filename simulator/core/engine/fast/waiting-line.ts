import type { FastRules } from "./fast-rules.ts";
import type { Sequence } from "./sequence.ts";

/** Doubly linked through the sequences themselves. */
export interface WaitingLine {
  /** How many wait. */
  waiting: number;
  firstWaiting: Sequence | null;
  lastWaiting: Sequence | null;
}

/** fcfs: order of arrival, preempted ones in front. priority: lower value first, then arrival, then id, for both. */
type Policy = FastRules["policy"];

export function letWait(line: WaitingLine, sequence: Sequence, policy: Policy): void {
  insertBehind(line, sequence, policy === "priority" ? placeOf(line, sequence) : line.lastWaiting);
}

export function letWaitAgain(line: WaitingLine, sequence: Sequence, policy: Policy): void {
  insertBehind(line, sequence, policy === "priority" ? placeOf(line, sequence) : null);
}

/** Whom it stands behind. From behind: arrivals come in order, so that few are passed. */
function placeOf(line: WaitingLine, sequence: Sequence): Sequence | null {
  let place = line.lastWaiting;
  while (place !== null && precedes(sequence, place)) place = place.before;
  return place;
}

function precedes(one: Sequence, other: Sequence): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority;
  if (one.arrival !== other.arrival) return one.arrival < other.arrival;
  return one.id < other.id;
}

/** @param place null: in front of all */
function insertBehind(line: WaitingLine, sequence: Sequence, place: Sequence | null): void {
  const behind = place === null ? line.firstWaiting : place.behind;
  sequence.before = place;
  sequence.behind = behind;
  if (place === null) line.firstWaiting = sequence;
  else place.behind = sequence;
  if (behind === null) line.lastWaiting = sequence;
  else behind.before = sequence;
  line.waiting++;
}

export function leaveLine(line: WaitingLine, sequence: Sequence): void {
  const { before, behind } = sequence;
  if (before === null) line.firstWaiting = behind;
  else before.behind = behind;
  if (behind === null) line.lastWaiting = before;
  else behind.before = before;
  sequence.before = null;
  sequence.behind = null;
  line.waiting--;
}
