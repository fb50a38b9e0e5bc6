/**
 * Weighted, smooth: every deployment that has an eligible endpoint earns its weight, the richest is chosen and pays what all earned together. Over any window the
 * shares are within one request of the weights, without the runs of a plain round robin and without the noise of a draw (the rule of nginx's smooth weighted
 * round robin). Within the deployment the least busy endpoint is taken. Weight 0 is taken only where nothing else is eligible.
 */
import { present } from "../assert.ts";
import type { EndpointId } from "../messages.ts";
import { leastBusyOf } from "./least-busy.ts";
import type { Choice } from "./choice.ts";

export function weighted(choice: Choice): EndpointId {
  const { config, state, route, eligible } = choice;
  const credits = present(state.routes[route.id], "the route's state").credits;
  let earned = 0;
  let richest = -1;
  for (let place = 0; place < route.deployments.length; place += 1) {
    const deployment = config.deployments[route.deployments[place] ?? -1];
    if (deployment === undefined || deployment.weight === 0) continue;
    if (!eligible.some((id) => config.endpoints[id]?.deployment === deployment.id)) continue;
    earned += deployment.weight;
    credits[place] = (credits[place] ?? 0) + deployment.weight;
    if (richest < 0 || (credits[place] ?? 0) > (credits[richest] ?? 0)) richest = place;
  }
  if (richest < 0) return leastBusyOf(choice, eligible, null);
  credits[richest] = (credits[richest] ?? 0) - earned;
  return leastBusyOf(choice, eligible, present(route.deployments[richest], "the chosen deployment"));
}
