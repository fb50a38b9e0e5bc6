/**
 * Least busy: the endpoint with the fewest attempts in flight from this replica; ties are drawn at random, so that a group of idle endpoints shares the load and
 * several replicas do not flock to the first one.
 */
import type { EndpointId } from "../messages.ts";
import { type Choice, judgeBy, type Strategy } from "./choice.ts";
import { leastOf } from "./least-of.ts";
import { drawLeast } from "./load-levels.ts";

export function inFlightOf({ busy, eligible }: Choice, index: number): number {
  return busy[eligible.ids[index] as number] as number;
}

export const leastBusy: Strategy = {
  measure: "attempts in flight",
  judge: judgeBy(inFlightOf),
  pick,
};

function pick(choice: Choice): EndpointId {
  const { eligible, busy, loads, state } = choice;
  const drawn = loads !== null && eligible.count === busy.length ? drawLeast(loads, state.ties) : null;
  return drawn ?? leastOf(choice, inFlightOf);
}
