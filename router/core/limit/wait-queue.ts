/**
 * Requests of one route that wait for a place, first come first served, as a linked list of request ids: any of them leaves in constant time (its deadline passed,
 * its client left). The bound is the route's `queue.lengthMax`.
 */
import { assert } from "../assert.ts";

export interface WaitQueue {
  /** Request ids, -1 for none. */
  head: number;
  tail: number;
  length: number;
}

/** Where a waiting request stands; part of its slot. */
export interface QueuePlace {
  queueNext: number;
  queueBefore: number;
}

export function emptyQueue(): WaitQueue {
  return { head: -1, tail: -1, length: 0 };
}

export function enqueue(queue: WaitQueue, id: number, slotOf: (id: number) => QueuePlace): void {
  const place = slotOf(id);
  place.queueBefore = queue.tail;
  place.queueNext = -1;
  if (queue.tail >= 0) slotOf(queue.tail).queueNext = id;
  else queue.head = id;
  queue.tail = id;
  queue.length += 1;
}

export function leaveQueue(queue: WaitQueue, id: number, slotOf: (id: number) => QueuePlace): void {
  assert(queue.length > 0, "a request leaves a queue that is empty");
  const { queueBefore, queueNext } = slotOf(id);
  if (queueBefore >= 0) slotOf(queueBefore).queueNext = queueNext;
  else queue.head = queueNext;
  if (queueNext >= 0) slotOf(queueNext).queueBefore = queueBefore;
  else queue.tail = queueBefore;
  queue.length -= 1;
}
