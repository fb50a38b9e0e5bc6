import type { EndpointList } from "../candidates.ts";
import type { CompiledConfig, RouteSpec } from "../compiled-config.ts";
import type { EndpointId, RouteRequest } from "../messages.ts";
import type { LoadLevels } from "./load-levels.ts";
import type { EndpointState, RouterState, RouteTurns } from "../state.ts";

/** What a strategy may look at. `eligible` holds at least one endpoint, in the order of the configuration. */
export interface Choice {
  readonly config: CompiledConfig;
  readonly state: RouterState;
  readonly route: RouteSpec;
  readonly request: RouteRequest;
  readonly eligible: EndpointList;
  /** To note the places of equals in. */
  readonly tied: number[];
  /** Attempts in flight, by EndpointId. */
  readonly busy: readonly number[];
  /** The same of all endpoints; null: there are few. */
  readonly loads: LoadLevels | null;
  /** Of the route, in the request's version of the configuration. */
  readonly turns: RouteTurns;
  /** Of the endpoints' identities, by EndpointId: the same in every replica. */
  readonly hashes: Int32Array;
}

export interface Strategy {
  /** What `judge` gives, with its unit: for explanations. */
  readonly measure: string;
  /** What each eligible endpoint is judged by, less is better. Changes nothing else. */
  judge(choice: Choice, scores: Float64Array): void;
  /** One of the eligible. Its memory, where it has one, is part of the router's state. */
  pick(choice: Choice): EndpointId;
}

/** What an eligible endpoint is judged by; `index` is its place among the eligible. */
export type Score = (choice: Choice, index: number) => number;

export function judgeBy(score: Score): Strategy["judge"] {
  return (choice, scores) => {
    for (let index = 0; index < choice.eligible.count; index += 1) scores[index] = score(choice, index);
  };
}

export function idAt(choice: Choice, index: number): EndpointId {
  return choice.eligible.ids[index] as EndpointId;
}

export function endpointAt(choice: Choice, index: number): EndpointState {
  return choice.state.endpoints[choice.eligible.ids[index] as number] as EndpointState;
}
