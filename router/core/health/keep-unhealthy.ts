import type { Candidates, RouteEndpoints } from "../candidates.ts";
import type { ExclusionReason } from "../messages.ts";
import { takeBack } from "./keep-floor.ts";

/** What passes, or has nothing to do with how an endpoint is: waiting, or another try, is worth more than a server that seems to be dead. */
const betterThanUnhealthy: ReadonlySet<ExclusionReason> = new Set<ExclusionReason>(["at-capacity", "cooling", "half-open-full", "already-tried"]);

/**
 * Takes back among the eligible who is excluded for its probes alone, where nobody else can take the request: probes never empty a route, however wrong their path may be.
 * Called where nobody is eligible.
 */
export function keepUnhealthy(found: Candidates, { ids, places }: RouteEndpoints): void {
  const { excluded, reasons } = found;
  const unhealthy = [];
  for (let index = 0; index < excluded.count; index += 1) {
    const why = reasons[index];
    if (why !== undefined && betterThanUnhealthy.has(why)) return;
    if (why === "unhealthy") unhealthy.push(excluded.ids[index]);
  }
  for (const [index, id] of ids.entries()) if (unhealthy.includes(id)) takeBack(found, id, places[index] as number);
}
