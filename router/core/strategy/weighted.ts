/**
 * Weighted, smooth: every deployment that has an eligible endpoint earns its weight, the richest is chosen and pays what all earned together. Over any window the
 * shares are within one request of the weights, without the runs of a plain round robin and without the noise of a draw (the rule of nginx's smooth weighted
 * round robin). Within the deployment the least busy endpoint is taken. Weight 0 is taken only where nothing else is eligible.
 */
import type { DeploymentSpec } from "../compiled-config.ts";
import type { EndpointId } from "../messages.ts";
import { type Choice, judgeBy, type Strategy } from "./choice.ts";
import { inFlightOf } from "./least-busy.ts";
import { leastOf } from "./least-of.ts";

export const weighted: Strategy = {
  measure: "credit before the choice, negated, in units of weight",
  judge: judgeBy((choice, index) => 0 - creditAt(choice, choice.eligible.places[index] as number)),
  pick: (choice) => pickSmoothly(choice, weightAt),
};

export function creditAt({ turns }: Choice, place: number): number {
  return turns.credits[place] ?? 0;
}

export function weightAt({ config, route }: Choice, place: number): number {
  return (config.deployments[route.deployments[place] as number] as DeploymentSpec).weight;
}

/** One walk over the eligible: those of one deployment stand together. */
export function pickSmoothly(choice: Choice, weightOf: (choice: Choice, place: number) => number): EndpointId {
  const { places, count } = choice.eligible;
  const { credits } = choice.turns;
  let earned = 0;
  let richest = -1;
  let from = 0;
  let to = count;
  for (let start = 0, end = 0; start < count; start = end) {
    const place = places[start] as number;
    for (end = start + 1; end < count && places[end] === place; end += 1);
    const weight = weightOf(choice, place);
    if (weight === 0) continue;
    earned += weight;
    const credit = (credits[place] ?? 0) + weight;
    credits[place] = credit;
    if (richest >= 0 && credit <= (credits[richest] ?? 0)) continue;
    richest = place;
    from = start;
    to = end;
  }
  if (richest >= 0) credits[richest] = (credits[richest] ?? 0) - earned;
  return leastOf(choice, inFlightOf, from, to);
}
