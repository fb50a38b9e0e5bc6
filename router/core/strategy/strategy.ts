import type { RouteSpec, StrategyName } from "../compiled-config.ts";
import type { RouteRequest } from "../messages.ts";
import type { Strategy } from "./choice.ts";
import { adaptive } from "./adaptive-weights.ts";
import { costBased } from "./cost-based.ts";
import { latencyBased } from "./latency-based.ts";
import { leastBusy } from "./least-busy.ts";
import { powerOfTwo } from "./power-of-two.ts";
import { prefixAffinity } from "./prefix-affinity.ts";
import { roundRobin } from "./round-robin.ts";
import { usageBased } from "./usage-based.ts";
import { weighted } from "./weighted.ts";

/** To add one: a file beside this one, a name in `strategyNames`, a line here; test/conformance/strategy.test.ts runs against all of them. */
export const strategies: Readonly<Record<StrategyName, Strategy>> = {
  weighted,
  "least-busy": leastBusy,
  "round-robin": roundRobin,
  "power-of-two": powerOfTwo,
  "usage-based": usageBased,
  "latency-based": latencyBased,
  "cost-based": costBased,
  "prefix-affinity": prefixAffinity,
  adaptive,
};

/** They go by what a route keeps for them alone. */
const keptByRoute: ReadonlySet<StrategyName> = new Set<StrategyName>(["prefix-affinity", "adaptive"]);

/** The caller's, where the route has what it goes by; else the route's. */
export function strategyOf(route: RouteSpec, { strategy }: Pick<RouteRequest, "strategy">): StrategyName {
  return strategy === undefined || keptByRoute.has(strategy) ? route.strategy : strategy;
}
