import type { EndpointId } from "../messages.ts";
import { nextUnit, type RandomState } from "../random.ts";
import { type Choice, idAt, type Score } from "./choice.ts";

/** The eligible endpoint with the least score among places `from` until `to`; ties are drawn at random, so that equals share the load and replicas do not flock to the first. */
export function leastOf(choice: Choice, score: Score, from = 0, to = choice.eligible.count): EndpointId {
  let best = from;
  let least = Infinity;
  let ties = 0;
  // Of hundreds of endpoints most are equally busy, and each of them draws: from a copy, which the compiler keeps in registers.
  const { ties: stream } = choice.state;
  const draws: RandomState = { a: stream.a | 0, b: stream.b | 0, c: stream.c | 0, d: stream.d | 0 };
  for (let index = from; index < to; index += 1) {
    const value = score(choice, index);
    if (value > least) continue;
    if (value < least) {
      least = value;
      ties = 0;
    }
    ties += 1;
    if (ties === 1 || nextUnit(draws) * ties < 1) best = index;
  }
  stream.a = draws.a;
  stream.b = draws.b;
  stream.c = draws.c;
  stream.d = draws.d;
  return idAt(choice, best);
}
