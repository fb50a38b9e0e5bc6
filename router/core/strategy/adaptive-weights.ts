/**
 * Adaptive weights: the smooth weighted choice with weights that follow what is seen. Every ten seconds each deployment of the route gets a factor on its weight:
 *
 *   target = (mean first-token time of the route / its own, between 1/2 and 2) x (1 - 4 x its share of failures, at least 0)
 *
 * in thousandths, bounded to 100..2,000, so that no deployment is ever left without traffic to be judged by, and none takes all. Hysteresis: a target within a fifth of
 * the factor changes nothing, and one period raises it by at most a quarter and at most halves it. A period in which a deployment has ended fewer than 20 attempts says
 * nothing; its factor then goes back towards 1,000 by a tenth of the way: what was bad is tried again. Each change is told with its reason.
 */
import { present } from "../assert.ts";
import type { CompiledConfig, DeploymentSpec, RouteSpec } from "../compiled-config.ts";
import type { Duration, Instant } from "../machine.ts";
import type { RouterCommand, WeightReason } from "../messages.ts";
import type { EndpointState, RouterState } from "../state.ts";
import { after, seconds, startOfTime } from "../time.ts";
import { judgeBy, type Choice, type Strategy } from "./choice.ts";
import { creditAt, pickSmoothly, weightAt } from "./weighted.ts";

export interface AdaptiveState {
  dueAt: Instant;
  /** By place of the deployment in the route. */
  readonly factors: number[];
  /** What had been counted when the period began, by place: four numbers each. */
  readonly counted: number[];
}

interface Seen {
  ended: number;
  faults: number;
  firstTokens: number;
  waitedUs: number;
}

const period: Duration = seconds(10);
const endedMin = 20;
const neutral = 1000;
const lowest = 100;
const highest = 2000;
const deadBand = 0.2;

export function newAdaptive(route: RouteSpec): AdaptiveState {
  return { dueAt: startOfTime, factors: route.deployments.map(() => neutral), counted: route.deployments.flatMap(() => [0, 0, 0, 0]) };
}

/** Of another version's: what was found out of a deployment goes on. */
export function inheritAdaptive(state: AdaptiveState, route: RouteSpec, from: AdaptiveState, fromRoute: RouteSpec): void {
  state.dueAt = from.dueAt;
  for (const [place, id] of route.deployments.entries()) {
    const before = fromRoute.deployments.indexOf(id);
    if (before < 0) continue;
    state.factors[place] = from.factors[before] ?? neutral;
    for (let field = 0; field < 4; field += 1) state.counted[place * 4 + field] = from.counted[before * 4 + field] ?? 0;
  }
}

export const adaptive: Strategy = {
  measure: "credit before the choice, negated, in thousandths of a unit of weight",
  judge: judgeBy((choice, index) => -creditAt(choice, choice.eligible.places[index] as number)),
  pick: (choice) => pickSmoothly(choice, factoredWeight),
};

function factoredWeight(choice: Choice, place: number): number {
  return weightAt(choice, place) * (choice.turns.adaptive?.factors[place] ?? neutral);
}

/** Called when an attempt of the route has ended; does nothing but once per period. */
export function adaptWeights(
  config: CompiledConfig,
  state: RouterState,
  route: RouteSpec,
  adapting: AdaptiveState,
  emit: (command: RouterCommand) => void,
): void {
  if (state.now < adapting.dueAt) return;
  adapting.dueAt = after(state.now, period);
  const seen = route.deployments.map((id, place) => seenSince(state, present(config.deployments[id], "a deployment of the route"), adapting, place));
  const tokens = seen.reduce((sum, { firstTokens }) => sum + firstTokens, 0);
  const mean = seen.reduce((sum, { waitedUs }) => sum + waitedUs, 0) / Math.max(1, tokens);
  for (const [place, own] of seen.entries()) {
    const before = adapting.factors[place] ?? neutral;
    const [target, reason] = own.ended < endedMin ? forgiven(before) : targetOf(own, mean);
    const next = stepTowards(before, target, reason);
    if (next === before) continue;
    adapting.factors[place] = next;
    emit({ kind: "weight-changed", route: route.id, deployment: present(route.deployments[place], "the deployment"), from: before, to: next, why: reason });
  }
}

/** Since the period began, over the deployment's endpoints; and begins the next. */
function seenSince(state: RouterState, deployment: DeploymentSpec, { counted }: AdaptiveState, place: number): Seen {
  const total: Seen = { ended: 0, faults: 0, firstTokens: 0, waitedUs: 0 };
  for (const id of deployment.endpoints) {
    const { learned } = state.endpoints[id] as EndpointState;
    total.ended += learned.ended;
    total.faults += learned.faults;
    total.firstTokens += learned.firstTokens;
    total.waitedUs += learned.waitedUs;
  }
  const from = place * 4;
  const seen: Seen = {
    ended: total.ended - (counted[from] ?? 0),
    faults: total.faults - (counted[from + 1] ?? 0),
    firstTokens: total.firstTokens - (counted[from + 2] ?? 0),
    waitedUs: total.waitedUs - (counted[from + 3] ?? 0),
  };
  counted[from] = total.ended;
  counted[from + 1] = total.faults;
  counted[from + 2] = total.firstTokens;
  counted[from + 3] = total.waitedUs;
  return seen;
}

function targetOf({ ended, faults, firstTokens, waitedUs }: Seen, mean: number): readonly [number, WeightReason] {
  const own = waitedUs / Math.max(1, firstTokens);
  const speed = own > 0 && mean > 0 ? Math.min(2, Math.max(0.5, mean / own)) : 1;
  const health = Math.max(0, 1 - (4 * faults) / ended);
  const target = Math.min(highest, Math.max(lowest, Math.floor(neutral * speed * health)));
  return [target, health < 0.8 ? "failing" : speed < 1 ? "slower" : "faster"];
}

function forgiven(factor: number): readonly [number, WeightReason] {
  return [factor + Math.trunc((neutral - factor) / 10), "too-few-to-tell"];
}

function stepTowards(factor: number, target: number, reason: WeightReason): number {
  if (reason === "too-few-to-tell") return target;
  if (Math.abs(target - factor) <= deadBand * factor) return factor;
  return Math.max(Math.floor(factor / 2), Math.min(Math.ceil(factor * 1.25), target));
}
