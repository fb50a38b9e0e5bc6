/**
 * How far endpoints are from this replica: 0 in its own zone, 1 in its own region, 2 elsewhere, or where either is not known. Of the endpoints that a request could go to now,
 * the nearest are meant: zone before region before the rest. Who has no place (its concurrency, fixed or found out), has an open breaker or cools is not among them, so
 * that traffic spills over to the next distance and comes back. Tiers, tags, and the region that a request prefers go before nearness; a residency is never touched by it.
 */
import type { CompiledConfig } from "./compiled-config.ts";
import type { Place } from "./state.ts";

/** By EndpointId. */
export function distancesFrom({ region, zone }: Place, { endpoints, deployments, regionNames }: CompiledConfig): number[] {
  return endpoints.map((endpoint) => {
    if (zone !== "" && endpoint.zone === zone) return 0;
    const own = regionNames[deployments[endpoint.deployment]?.region ?? -1];
    return region !== "" && own === region ? 1 : 2;
  });
}
