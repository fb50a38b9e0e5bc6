/**
 * Power of two choices: two eligible endpoints drawn at random, the less busy of them taken. The draw is what keeps several replicas that see the same old signals from
 * flocking to one endpoint. Busy: this replica's own attempts in flight, exact, and those of others as last signalled, worth less with age.
 */
import { nextBelow } from "../random.ts";
import type { EndpointState } from "../state.ts";
import { type Choice, endpointAt, idAt, judgeBy, type Strategy } from "./choice.ts";
import { othersBusy } from "./learned.ts";

export function busyOf(choice: Choice, endpoint: EndpointState): number {
  return endpoint.inFlight + othersBusy(endpoint.learned, choice.state.now);
}

export const powerOfTwo: Strategy = {
  measure: "requests in flight, own and signalled",
  judge: judgeBy((choice, index) => busyOf(choice, endpointAt(choice, index))),
  pick(choice) {
    const { count } = choice.eligible;
    const one = nextBelow(choice.state.ties, count);
    if (count === 1) return idAt(choice, one);
    const other = (one + 1 + nextBelow(choice.state.ties, count - 1)) % count;
    return idAt(choice, busyOf(choice, endpointAt(choice, other)) < busyOf(choice, endpointAt(choice, one)) ? other : one);
  },
};
