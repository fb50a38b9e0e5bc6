import type { Candidates, RouteEndpoints } from "../candidates.ts";
import type { RouteSpec } from "../compiled-config.ts";
import type { EndpointId, ExclusionReason } from "../messages.ts";
import type { EndpointState, RouterState } from "../state.ts";
import { startOfTime } from "../time.ts";
import { keptByFloor, leastBad } from "./pool-floor.ts";

/** Takes back among the eligible what the route's floor keeps of those whose breakers are open. */
export function keepFloor(found: Candidates, state: RouterState, route: RouteSpec, { ids, places }: RouteEndpoints, tried: readonly EndpointId[]): void {
  let open = 0;
  for (const id of ids) if (state.endpoints[id]?.breaker.phase === "open") open += 1;
  const floor = keptByFloor(route.floorPercent, ids.length, open);
  const mayUse = (id: EndpointId): boolean => {
    const endpoint = state.endpoints[id] as EndpointState;
    if (!wasExcludedFor(found, id, "breaker-open") || endpoint.coolUntil > startOfTime || tried.includes(id)) return false;
    // What its probes find dead is kept only where there is nothing else.
    if (!endpoint.health.healthy && found.eligible.count > 0) return false;
    return endpoint.inFlight < endpoint.limit;
  };
  for (let place = 0; place < Math.max(floor, open === ids.length ? 1 : 0); place += 1) {
    const id = leastBad(ids, state.endpoints, place >= floor, mayUse);
    if (id === null) return;
    takeBack(found, id, places[ids.indexOf(id)] as number);
  }
}

function wasExcludedFor({ excluded, reasons }: Candidates, id: EndpointId, reason: ExclusionReason): boolean {
  for (let index = 0; index < excluded.count; index += 1) if (excluded.ids[index] === id) return reasons[index] === reason;
  return false;
}

/** From the excluded to the eligible. */
export function takeBack({ eligible, excluded, reasons, kept }: Candidates, id: EndpointId, place: number): void {
  const from = excluded.ids.indexOf(id);
  excluded.count -= 1;
  for (let index = from; index < excluded.count; index += 1) {
    excluded.ids[index] = excluded.ids[index + 1] as EndpointId;
    reasons[index] = reasons[index + 1] as ExclusionReason;
  }
  eligible.ids[eligible.count] = id;
  eligible.places[eligible.count] = place;
  eligible.count += 1;
  kept.push(id);
}
