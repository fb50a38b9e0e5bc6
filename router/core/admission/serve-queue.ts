/**
 * An endpoint has a place again: of those who wait at a route, in fair order, the first that can use it goes on, until the place is taken or nobody can. Lanes none of
 * whose requests can use it are set aside meanwhile, so that the others come in the order of their counters.
 */
import { present } from "../assert.ts";
import { removeKey, setKey, leastId } from "../tournament.ts";
import type { RequestSlot } from "../state.ts";
import { laneAt, type WaitQueue } from "./wait-queue.ts";

export interface QueueServer {
  readonly slotOf: (id: number) => RequestSlot;
  hasPlace(): boolean;
  /** Takes the request out of the queue and starts its attempt, where it has a candidate. */
  goesOn(slot: RequestSlot): boolean;
  /** Lanes set aside; empty between calls. */
  readonly setAside: number[];
}

export function serveQueue(queue: WaitQueue, server: QueueServer): void {
  const { setAside } = server;
  while (queue.turns.count > 0 && server.hasPlace()) {
    const lane = leastId(queue.turns);
    if (oneGoesOn(queue, lane, server)) continue;
    removeKey(queue.turns, lane);
    setAside.push(lane);
  }
  for (let lane = setAside.pop(); lane !== undefined; lane = setAside.pop()) {
    const { length, counter } = laneAt(queue, lane);
    if (length > 0) setKey(queue.turns, lane, counter);
  }
}

function oneGoesOn(queue: WaitQueue, lane: number, server: QueueServer): boolean {
  let id = present(queue.lanes[lane], "the waiting lane").head;
  while (id >= 0) {
    const slot = server.slotOf(id);
    id = present(slot.queuePlace, "its place in the queue").next;
    if (server.goesOn(slot)) return true;
  }
  return false;
}
