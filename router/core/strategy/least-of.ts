import type { EndpointId } from "../messages.ts";
import { nextBelow } from "../random.ts";
import { type Choice, idAt, type Score } from "./choice.ts";

/** The eligible endpoint with the least score among places `from` until `to`; ties are drawn at random, so that equals share the load and replicas do not flock to the first. */
export function leastOf(choice: Choice, score: Score, from = 0, to = choice.eligible.count): EndpointId {
  let best = from;
  let least = Infinity;
  let ties = 0;
  for (let index = from; index < to; index += 1) {
    const value = score(choice, index);
    if (value > least) continue;
    if (value < least) {
      least = value;
      ties = 0;
    }
    ties += 1;
    if (ties === 1 || nextBelow(choice.state.ties, ties) === 0) best = index;
  }
  return idAt(choice, best);
}
