import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { CompiledScenario } from "../../../simulator/core/compiled-scenario.ts";
import type { RandomWorld } from "../../support/random-world.ts";
import { fixtureConfig } from "../../support/router-fixture.ts";
import type { Failure, Judge } from "./failure-of.ts";

/** Plays per failure: a shrunk world need not be the smallest. */
const playsMax = 600;
const plain = fixtureConfig();

export interface Shrunk {
  readonly world: RandomWorld;
  readonly failure: Failure;
  readonly plays: number;
}

/** A smaller world that fails the same way under the same seed: fewer arrivals, faults, deployments and endpoints, policies as plain as the fixture's. */
export function shrink(world: RandomWorld, seed: number, failure: Failure, judge: Judge): Shrunk {
  let best: Shrunk = { world, failure, plays: 0 };
  let plays = 0;
  for (let shrunk = true; shrunk && plays < playsMax;) {
    shrunk = false;
    for (const candidate of smaller(best.world)) {
      if (plays >= playsMax) break;
      plays += 1;
      const found = judge(candidate, seed);
      if (found?.signature !== failure.signature) continue;
      best = { world: candidate, failure: found, plays };
      shrunk = true;
      break;
    }
  }
  return { ...best, plays };
}

/** Large steps first: what takes away the most makes all later plays cheaper. */
function* smaller(world: RandomWorld): Generator<RandomWorld> {
  const { scenario, arrivals } = world;
  yield* fewerArrivals(world);
  for (let place = 0; place < scenario.faults.length; place += 1) yield { scenario: { ...scenario, faults: without(scenario.faults, place) }, arrivals };
  for (const config of simplerConfigs(scenario.config)) yield { scenario: { ...scenario, config }, arrivals };
  for (const simpler of simplerScenarios(scenario)) yield { scenario: simpler, arrivals };
  for (const field of ["inputTokens", "outputTokens"] as const) {
    if (arrivals.some((arrival) => arrival[field] > 1)) yield { scenario, arrivals: arrivals.map((arrival) => ({ ...arrival, [field]: 1 })) };
  }
}

function* fewerArrivals({ scenario, arrivals }: RandomWorld): Generator<RandomWorld> {
  for (let size = Math.ceil(arrivals.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < arrivals.length; from += size) {
      const kept = [...arrivals.slice(0, from), ...arrivals.slice(from + size)];
      if (kept.length > 0) yield { scenario, arrivals: kept };
    }
  }
}

function* simplerConfigs(config: CompiledConfig): Generator<CompiledConfig> {
  for (const [place, route] of config.routes.entries()) {
    const routes = (changed: typeof route) => ({ ...config, routes: config.routes.with(place, changed) });
    for (let out = 0; out < route.deployments.length && route.deployments.length > 1; out += 1)
      yield routes({ ...route, deployments: without(route.deployments, out) });
    for (const simpler of withPlainFields(route, plain.routes[0], ["id", "name", "deployments"])) yield routes(simpler);
  }
  for (const [place, deployment] of config.deployments.entries()) {
    const deployments = (changed: typeof deployment) => ({ ...config, deployments: config.deployments.with(place, changed) });
    for (let out = 0; out < deployment.endpoints.length && deployment.endpoints.length > 1; out += 1)
      yield deployments({ ...deployment, endpoints: without(deployment.endpoints, out) });
    for (const simpler of withPlainFields(deployment, plain.deployments[0], ["id", "name", "endpoints"])) yield deployments(simpler);
  }
  yield* withPlainFields(config, plain, ["version", "routes", "deployments", "endpoints"]);
}

function* simplerScenarios(scenario: CompiledScenario): Generator<CompiledScenario> {
  const models = new Map(scenario.endpoints.map((model) => [JSON.stringify(model), model]));
  const { replicas, membership = [], changes = [] } = scenario;
  for (let place = 0; place < changes.length; place += 1) yield { ...scenario, changes: without(changes, place) };
  for (let place = 0; place < membership.length; place += 1) yield { ...scenario, membership: without(membership, place) };
  if (replicas.gossip !== null) yield { ...scenario, replicas: { ...replicas, gossip: null } };
  if (replicas.signals !== null) yield { ...scenario, replicas: { ...replicas, signals: null } };
  if (replicas.count > 1) yield { ...scenario, replicas: { ...replicas, count: replicas.count - 1 } };
  for (const model of models.values()) {
    if (scenario.endpoints.some((other) => other !== model)) yield { ...scenario, endpoints: scenario.endpoints.map(() => model) };
  }
}

/** One field at a time as the fixture has it, policies that are yet to be written among them. */
function* withPlainFields<Spec extends object>(spec: Spec, simple: Spec | undefined, kept: readonly (keyof Spec)[]): Generator<Spec> {
  if (simple === undefined) return;
  for (const field of Object.keys(spec) as (keyof Spec)[]) {
    if (kept.includes(field) || JSON.stringify(spec[field]) === JSON.stringify(simple[field])) continue;
    yield { ...spec, [field]: simple[field] };
  }
}

function without<T>(list: readonly T[], place: number): T[] {
  return list.filter((_, other) => other !== place);
}
