/**
 * Least busy: the endpoint with the fewest attempts in flight from this replica; ties are drawn at random, so that a group of idle endpoints shares the load and
 * several replicas do not flock to the first one.
 */
import { present } from "../assert.ts";
import type { EndpointId } from "../messages.ts";
import { nextBelow } from "../random.ts";
import type { Choice } from "./choice.ts";

export function leastBusy(choice: Choice): EndpointId {
  return leastBusyOf(choice, choice.eligible, null);
}

/** The least busy of those eligible endpoints that belong to `deployment`; null: of all. */
export function leastBusyOf({ config, state }: Choice, eligible: readonly EndpointId[], deployment: number | null): EndpointId {
  let best: EndpointId | null = null;
  let fewest = Infinity;
  let ties = 0;
  for (const id of eligible) {
    if (deployment !== null && config.endpoints[id]?.deployment !== deployment) continue;
    const inFlight = state.endpoints[id]?.inFlight ?? Infinity;
    if (inFlight > fewest) continue;
    if (inFlight < fewest) {
      fewest = inFlight;
      ties = 0;
    }
    ties += 1;
    if (ties === 1 || nextBelow(state.ties, ties) === 0) best = id;
  }
  return present(best, "an eligible endpoint");
}
