/**
 * Round robin: the endpoints of the route in the order of their ids, each in turn; one that is not eligible is passed over and loses its turn, nobody else's place
 * shifts. The memory is the endpoint that had the last turn.
 */
import { present } from "../assert.ts";
import type { EndpointState } from "../state.ts";
import { type Choice, judgeBy, type Strategy } from "./choice.ts";
import { leastOf } from "./least-of.ts";

function turnsUntil({ config, state, route, eligible }: Choice, _endpoint: EndpointState, index: number): number {
  const { lastTurn } = present(state.routes[route.id], "the route's state");
  const all = config.endpoints.length;
  return ((eligible.ids[index] as number) - lastTurn - 1 + all) % all;
}

export const roundRobin: Strategy = {
  measure: "places behind the last turn",
  judge: judgeBy(turnsUntil),
  pick(choice) {
    const id = leastOf(choice, turnsUntil);
    present(choice.state.routes[choice.route.id], "the route's state").lastTurn = id;
    return id;
  },
};
