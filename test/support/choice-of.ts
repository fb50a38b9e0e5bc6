import { present } from "../../router/core/assert.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { EndpointId, RouteRequest } from "../../router/core/messages.ts";
import { purposeOf } from "../../router/core/random.ts";
import { initialState, type RouterState } from "../../router/core/state.ts";
import type { Choice } from "../../router/core/strategy/choice.ts";
import { fixtureConfig, type FixtureOptions, fixtureRequest } from "./router-fixture.ts";

/** A strategy's view of a router with one route that has had no traffic; `eligible` in the order of the configuration. */
export function choiceOf(config: CompiledConfig, state: RouterState, eligible: readonly number[], request: Partial<RouteRequest> = {}): Choice {
  const [route] = config.routes;
  if (route === undefined) throw new Error("no route");
  const places = eligible.map((id) => route.deployments.indexOf(config.endpoints[id]?.deployment ?? (-1 as never)));
  const hashes = Int32Array.from(config.endpoints, ({ identity }) => purposeOf(identity));
  return {
    config,
    state,
    route,
    request: fixtureRequest(0, 0, request),
    eligible: { ids: eligible as EndpointId[], places, count: eligible.length },
    tied: [],
    busy: state.endpoints.map(({ inFlight }) => inFlight),
    loads: null,
    turns: present(state.versions[0]?.turns[0], "the route's turns"),
    hashes,
  };
}

export function freshWorld(
  options: FixtureOptions,
  seed = 1,
): { readonly config: CompiledConfig; readonly state: RouterState; readonly all: readonly number[] } {
  const config = fixtureConfig(options);
  return { config, state: initialState(config, seed), all: config.endpoints.map(({ id }) => id) };
}
