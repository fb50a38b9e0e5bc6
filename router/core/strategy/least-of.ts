import type { EndpointId } from "../messages.ts";
import { nextBelow } from "../random.ts";
import { type Choice, idAt, type Score } from "./choice.ts";

/** The eligible endpoint with the least score among places `from` until `to`. One draw decides among equals, so that they share the load and replicas do not flock to the first. */
export function leastOf(choice: Choice, score: Score, from = 0, to = choice.eligible.count): EndpointId {
  const { tied } = choice;
  let least = Infinity;
  let ties = 0;
  for (let index = from; index < to; index += 1) {
    const value = score(choice, index);
    if (value > least) continue;
    if (value < least) {
      least = value;
      ties = 0;
    }
    tied[ties] = index;
    ties += 1;
  }
  return idAt(choice, tied[ties === 1 ? 0 : nextBelow(choice.state.ties, ties)] as number);
}
