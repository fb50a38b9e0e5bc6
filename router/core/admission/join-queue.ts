/**
 * Whether a request that finds no place may wait for one: not where it is foreseeable that its place would come too late, nor where the queue is full of others that
 * have the better claim. Whoever is turned away is told when, at the measured rate, those before it will be done.
 */
import { present } from "../assert.ts";
import type { RouteSpec } from "../compiled-config.ts";
import type { Duration, Instant } from "../machine.ts";
import type { RejectReason } from "../messages.ts";
import type { RequestSlot, RouterState } from "../state.ts";
import { after, micros } from "../time.ts";
import { expectedWait, queueBegins } from "./drain-rate.ts";
import { laneOf } from "./fair-share.ts";
import { aheadOf, enqueue, lastInLine, type QueuePlace } from "./wait-queue.ts";

export interface TurnedAway {
  readonly id: number;
  readonly why: RejectReason;
  readonly retryAfter: Duration | null;
}

/**
 * Puts the request into its route's queue, unless it is turned away itself. Who is turned away in its favour still stands in the queue.
 * @param until when its wait would end
 */
export function joinQueue(state: RouterState, route: RouteSpec, slot: RequestSlot, until: Instant, placeOf: (id: number) => QueuePlace): TurnedAway | null {
  const { queue, drain } = present(state.routes[route.id], "the route's state");
  const { id, priority } = slot.request;
  const lane = laneOf(route.queue, slot.request);
  const key = until - priority * route.queue.ageing;
  const ahead = aheadOf(queue, lane, key, placeOf);
  const wait = expectedWait(drain, ahead, state.now);
  if (route.queue.rejectEarly && wait !== null && ahead > 0 && after(state.now, wait) > until) {
    return { id, why: "deadline-unreachable", retryAfter: micros(Math.max(drain.gapUs, after(state.now, wait) - until)) };
  }
  let turnedAway: TurnedAway | null = null;
  if (queue.length >= route.queue.lengthMax) {
    // One that another version of the configuration let grow longer takes nobody, in nobody's stead either.
    const last = queue.length > route.queue.lengthMax ? -1 : lastInLine(queue, lane, key, placeOf);
    turnedAway = { id: last < 0 ? id : last, why: "queue-full", retryAfter: wait };
    if (last < 0) return turnedAway;
  }
  if (queue.length === 0) queueBegins(drain, state.now);
  slot.queuePlace = enqueue(queue, lane, id, key, route.queue.burst * 1000, placeOf);
  return turnedAway;
}
