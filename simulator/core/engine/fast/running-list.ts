import type { Sequence } from "./sequence.ts";

/**
 * Who runs, in running order: places that only grow in a ring, a hole where somebody has left. Not linked through the sequences: who ends has neighbours that nothing else
 * happens to, and that have left the cache.
 */
export interface RunningList {
  /** How many run. */
  running: number;
  /** A power of two of them; the places from `runningFrom` to before `runningTo` are in use, the first of them by somebody. */
  readonly runners: (Sequence | null)[];
  runningFrom: number;
  runningTo: number;
}

/** To begin with. */
export const runnersMin = 16;

/** Null: a hole. */
export function runnerAt({ runners }: RunningList, place: number): Sequence | null {
  return runners[place & (runners.length - 1)] ?? null;
}

export function runnersOf(list: RunningList): Sequence[] {
  const all: Sequence[] = [];
  for (let place = list.runningFrom; place < list.runningTo; place++) {
    const sequence = runnerAt(list, place);
    if (sequence !== null) all.push(sequence);
  }
  return all;
}

export function lastRunner(list: RunningList): Sequence | null {
  let place = list.runningTo - 1;
  while (place >= list.runningFrom && runnerAt(list, place) === null) place--;
  // No holes at the end: where the last ones are preempted one by one, none is passed twice.
  list.runningTo = place + 1;
  return place < list.runningFrom ? null : runnerAt(list, place);
}

export function addRunner(list: RunningList, sequence: Sequence): void {
  if (list.runningTo - list.runningFrom === list.runners.length) closeUp(list);
  const { runners } = list;
  const place = list.runningTo++;
  sequence.place = place;
  runners[place & (runners.length - 1)] = sequence;
  list.running++;
}

export function removeRunner(list: RunningList, { place }: Sequence): void {
  const { runners } = list;
  const mask = runners.length - 1;
  runners[place & mask] = null;
  list.running--;
  if (place !== list.runningFrom) return;
  let from = place + 1;
  while (from < list.runningTo && runners[from & mask] === null) from++;
  list.runningFrom = from;
}

/** All places are in use: without the holes; and in twice as many where there would be holes for few more. */
function closeUp(list: RunningList): void {
  const { runners } = list;
  const all = runnersOf(list);
  const length = 4 * all.length > runners.length ? 2 * runners.length : runners.length;
  while (runners.length < length) runners.push(null);
  runners.fill(null);
  for (const [place, sequence] of all.entries()) {
    sequence.place = place;
    runners[place] = sequence;
  }
  list.runningFrom = 0;
  list.runningTo = all.length;
}
