import type { StrategyName } from "../compiled-config.ts";
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
