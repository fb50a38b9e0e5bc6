/**
 * Requests of one route that wait for a place: bounded, fair between tenants by tokens, in order of urgency within a tenant.
 *
 * Between tenants: virtual token counters (Sheng et al., "Fairness in serving large language models", OSDI 2024). Every tenant has a lane; every attempt adds the tokens
 * it is expected to use, weighted and divided by the tenant's weight, to its lane's counter, and its outcome puts the counter right. The waiting lane with the least
 * counter is served next. A tenant that begins to wait is lifted to the least counter of those who wait (or, where nobody does, of the lane that was the last to leave),
 * less `burst`: of what it did not ask for earlier it can claim so much now, and no more. So who sends little hardly waits behind who sends much, and who sends much
 * loses at most `burst` to each of the others whenever they begin. In order `fcfs` all tenants share lane 0.
 *
 * Within a lane: by the instant at which the wait would end (deadline, or arrival + longest wait), less `ageing` per point of priority. Without deadlines and priorities
 * that is first come, first served; a point of priority is worth `ageing` of waiting, so that nobody waits for ever behind a higher one.
 *
 * When the queue is full, the last request of the longest lane makes room: a tenant that fills the queue turns only its own requests away.
 */
import { assert, missing } from "../assert.ts";
import { largeLater } from "../large-later.ts";
import { type Tournament, removeKey, setKey, leastId, newTournament } from "../tournament.ts";

export interface WaitQueue {
  length: number;
  /** By lane. */
  readonly lanes: Lane[];
  /** Lanes with waiting requests, by counter, and by how many wait there (most first). */
  readonly turns: Tournament;
  readonly crowds: Tournament;
  /** Counter of the lane that was the last to become empty. */
  lastLeft: number;
}

export interface Lane {
  /** Request ids, -1 for none. */
  head: number;
  tail: number;
  length: number;
  /** Thousandths of weighted tokens per unit of weight. */
  counter: number;
  /** Mean output of the latest attempts, in tokens; -1: none has ended yet. */
  outputMean: number;
}

/** Where a waiting request stands; its slot has it. */
export interface QueuePlace {
  next: number;
  before: number;
  /** Less is sooner. */
  readonly key: number;
}

type PlaceOf = (id: number) => QueuePlace;

export function emptyQueue(): WaitQueue {
  return { length: 0, lanes: [], turns: newTournament(), crowds: newTournament(), lastLeft: 0 };
}

function emptyLane(): Lane {
  return largeLater<Lane>({ head: -1, tail: -1, length: 0, counter: 0, outputMean: -1 }, ["counter"]);
}

export function laneAt(queue: WaitQueue, lane: number): Lane {
  while (queue.lanes.length <= lane) queue.lanes.push(emptyLane());
  return queue.lanes[lane] ?? missing("the tenant's lane");
}

/**
 * @param burst how far below the others a lane may begin
 * @returns where it stands
 */
export function enqueue(queue: WaitQueue, lane: number, id: number, key: number, burst: number, placeOf: PlaceOf): QueuePlace {
  const line = laneAt(queue, lane);
  if (line.length === 0) line.counter = Math.max(line.counter, (queue.length > 0 ? queue.turns.least : queue.lastLeft) - burst);
  let before = line.tail;
  while (before >= 0 && placeOf(before).key > key) before = placeOf(before).before;
  const next = before >= 0 ? placeOf(before).next : line.head;
  if (before >= 0) placeOf(before).next = id;
  else line.head = id;
  if (next >= 0) placeOf(next).before = id;
  else line.tail = id;
  recount(queue, lane, line, 1);
  return { next, before, key };
}

export function leaveQueue(queue: WaitQueue, lane: number, { next, before }: QueuePlace, placeOf: PlaceOf): void {
  const line = laneAt(queue, lane);
  assert(line.length > 0, "a request leaves a queue that is empty");
  if (before >= 0) placeOf(before).next = next;
  else line.head = next;
  if (next >= 0) placeOf(next).before = before;
  else line.tail = before;
  recount(queue, lane, line, -1);
}

function recount(queue: WaitQueue, lane: number, line: Lane, change: number): void {
  queue.length += change;
  line.length += change;
  if (line.length === 0) {
    queue.lastLeft = line.counter;
    removeKey(queue.turns, lane);
    removeKey(queue.crowds, lane);
  } else {
    setKey(queue.turns, lane, line.counter);
    setKey(queue.crowds, lane, -line.length);
  }
}

/** Adds to the counter of a lane, which is at that place; a correction may be negative. */
export function chargeLane(queue: WaitQueue, lane: number, line: Lane, amount: number): void {
  line.counter = Math.max(0, line.counter + amount);
  if (line.length > 0) setKey(queue.turns, lane, line.counter);
}

/** How many requests would be served before one that came now with this key: its own lane's, and as many of every other lane as that lane has. */
export function aheadOf(queue: WaitQueue, lane: number, key: number, placeOf: PlaceOf): number {
  const line = laneAt(queue, lane);
  let ahead = line.length;
  for (let id = line.tail; id >= 0 && placeOf(id).key > key; id = placeOf(id).before) ahead -= 1;
  const lanes = queue.turns.count + (line.length === 0 ? 1 : 0);
  return Math.min(queue.length, ahead * lanes + (lanes - 1));
}

/** Who would make room for one more with this key in this lane: a request id, or -1 where the newcomer itself has to go. */
export function lastInLine(queue: WaitQueue, lane: number, key: number, placeOf: PlaceOf): number {
  const crowded = leastId(queue.crowds);
  if (crowded < 0) return -1;
  const longest = laneAt(queue, crowded);
  const own = laneAt(queue, lane);
  if (crowded !== lane && longest.length > own.length + 1) return longest.tail;
  return own.tail >= 0 && placeOf(own.tail).key > key ? own.tail : -1;
}
