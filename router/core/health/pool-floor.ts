/**
 * A floor under a route's pool: breakers alone never empty it. So many of its endpoints as `floorPercent` says (rounded up) stay eligible whatever their breakers do, the
 * least bad of those that are open; and where all are open, one that was opened for its failure rate alone is still better than none, since part of what it is
 * sent succeeds. It loses that place when it fails as often in a row as opens a breaker. What is kept so is marked in the explanation, and says nothing to its breaker.
 */
import type { EndpointId } from "../messages.ts";
import type { BreakerState } from "./breaker.ts";

export interface PoolEndpoint {
  readonly breaker: BreakerState;
}

/** How many endpoints of a pool may be used though their breakers are open. */
export function keptByFloor(floorPercent: number, endpoints: number, open: number): number {
  return Math.max(0, Math.min(open, Math.ceil((endpoints * floorPercent) / 100) - (endpoints - open)));
}

/** The least bad of the open endpoints that `mayUse` lets through; null: none. */
export function leastBad(
  ids: readonly EndpointId[],
  endpoints: readonly PoolEndpoint[],
  partialOnly: boolean,
  mayUse: (id: EndpointId) => boolean,
): EndpointId | null {
  let best: EndpointId | null = null;
  for (const id of ids) {
    const breaker = endpoints[id]?.breaker;
    if (breaker === undefined || breaker.phase !== "open" || (partialOnly && !breaker.partial) || !mayUse(id)) continue;
    const bestBreaker = best === null ? undefined : endpoints[best]?.breaker;
    if (bestBreaker === undefined || isLessBad(breaker, bestBreaker)) best = id;
  }
  return best;
}

/** Part of it works; it has opened less often; it may be probed sooner. */
function isLessBad(one: BreakerState, other: BreakerState): boolean {
  if (one.partial !== other.partial) return one.partial;
  if (one.openings !== other.openings) return one.openings < other.openings;
  return one.openUntil < other.openUntil;
}
