/**
 * Round robin: the endpoints of the route in the order of their ids, each in turn; one that is not eligible is passed over and loses its turn, nobody else's place
 * shifts. The memory is the endpoint that had the last turn.
 */
import { type Choice, judgeBy, type Strategy } from "./choice.ts";
import { leastOf } from "./least-of.ts";

function turnsUntil({ config, turns, eligible }: Choice, index: number): number {
  const all = config.endpoints.length;
  return ((eligible.ids[index] as number) - turns.lastTurn - 1 + all) % all;
}

export const roundRobin: Strategy = {
  measure: "places behind the last turn",
  judge: judgeBy(turnsUntil),
  pick(choice) {
    const id = leastOf(choice, turnsUntil);
    choice.turns.lastTurn = id;
    return id;
  },
};
