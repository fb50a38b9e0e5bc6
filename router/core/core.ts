import { present } from "./assert.ts";
import { type Candidates, noCandidates } from "./candidates.ts";
import type { CompiledConfig, ConfigVersion, DeploymentSpec, RouteSpec } from "./compiled-config.ts";
import { configOf } from "./fleet-config.ts";
import { cardNow, tierAt } from "./accounting/price-now.ts";
import { dearestOf } from "./limit/dearest.ts";
import type { Out } from "./machine.ts";
import type { AttemptId, DeploymentId, EndpointId, RouteId, RouterCommand, RouteRequest } from "./messages.ts";
import { noteEndpoint, noteLoad } from "./note-endpoint.ts";
import { viewOf } from "./rollout/versions.ts";
import type { AttemptSlot, LiveVersion, Place, RequestSlot, RouterState } from "./state.ts";

export interface RouterOptions {
  /** Of every random draw. */
  readonly seed: number;
  /** Emit a `record-decision` per decision. Off where nobody reads it: it is the one command that costs allocations by the size of the route. */
  readonly explain: boolean;
  /** Where this replica is; absent: not known, all endpoints are equally near. Part of the state: a snapshot has it. */
  readonly here?: Place | undefined;
}

/** A live version of the configuration. */
export interface View {
  readonly version: ConfigVersion;
  /** As it was given. */
  readonly own: CompiledConfig;
  /** In the ids of all versions, under the stable one's rules for what is shared, with the endpoints that are there. */
  readonly config: CompiledConfig;
  /** Filled again by every decision. */
  readonly found: Candidates;
  readonly live: LiveVersion;
}

/** What every step of a request's course works on: the state, what it was configured with, and where commands go while an event is handled. */
export class Core {
  readonly #configured: CompiledConfig;
  #views: readonly View[] = [];
  #stable: View;
  #routesOf: readonly (readonly RouteId[])[] = [];
  readonly options: RouterOptions;
  readonly state: RouterState;
  readonly #alone: (readonly number[])[] = [];
  /** Scratch of serve-queue. */
  readonly setAside: number[] = [];
  readonly slotOf = (id: number): RequestSlot => present(this.state.requests[id], "an open request");
  /** Null between events. */
  out: Out<RouterCommand> | null = null;

  constructor(config: CompiledConfig, options: RouterOptions, state: RouterState) {
    this.#configured = config;
    this.options = options;
    this.state = state;
    this.#stable = this.#refit();
  }

  /** The stable version: what holds for all that is nobody's request. */
  get config(): CompiledConfig {
    return this.#stable.config;
  }

  get views(): readonly View[] {
    return this.#views;
  }

  /** Of the version that the request belongs to. */
  viewOf({ version }: Pick<RequestSlot, "version">): View {
    const stable = this.#stable;
    return version === stable.version ? stable : this.view(version);
  }

  view(version: ConfigVersion): View {
    return present(
      this.#views.find((view) => view.version === version),
      "a live version of the configuration",
    );
  }

  /** By EndpointId: the routes, of any version, whose queues may go on when it has a place again. */
  get routesOf(): readonly (readonly RouteId[])[] {
    return this.#routesOf;
  }

  /** After a change of `state.fleet` or `state.versions`. */
  refit(): void {
    this.#stable = this.#refit();
  }

  #refit(): View {
    const { versions, shares, fleet } = this.state;
    const all = versions.map(({ config }) => config ?? this.#configured);
    const stable = present(all[versions.findIndex(({ version }) => version === shares.stable)], "the stable version");
    this.#views = versions.map((live, place) => {
      const own = present(all[place], "its configuration");
      const config = configOf(viewOf(own, stable, all), fleet);
      return { version: live.version, own, config, live, found: noCandidates(config, this.options.explain, live.turns, this.state.here) };
    });
    const fitted = this.view(shares.stable);
    for (const { id } of fitted.config.endpoints) this.note(id);
    this.#routesOf = fitted.config.endpoints.map(({ id }) => {
      const routes = this.#views.flatMap(({ config }) => routesAt(config, id));
      return routes.filter((route, place) => routes.indexOf(route) === place);
    });
    return fitted;
  }

  /** Whenever an endpoint's breaker, cooling or attempts in flight have changed. */
  note(id: EndpointId): void {
    for (const { found, config } of this.#views) noteEndpoint(found, config, this.state, id);
  }

  /** Whenever nothing of it but its attempts in flight has changed. */
  noteLoad(id: EndpointId): void {
    for (const { found, config } of this.#views) noteLoad(found, config, this.state, id);
  }

  notePrices(): void {
    const configs = this.#views.map(({ config }) => config);
    this.state.dearest = dearestOf(configs, this.state.prices);
  }

  /** The list of one id, made once: to be shared, never to be changed. */
  alone<Id extends number>(id: Id): readonly Id[] {
    return (this.#alone[id] ??= [id]) as readonly Id[];
  }

  emit(command: RouterCommand): void {
    present(this.out, "the commands' receiver").emit(command, this.state.now);
  }

  attempt(id: AttemptId): AttemptSlot {
    return present(this.state.attempts[id], "the attempt");
  }

  requestOf(attempt: AttemptSlot): RequestSlot {
    return present(this.state.requests[attempt.request], "the attempt's request");
  }

  /** In the stable version, or else in the one that has the endpoint. */
  deploymentOf(endpoint: EndpointId): DeploymentSpec {
    return deploymentIn(this.config, endpoint);
  }

  /** All endpoints, of any version, that a deployment's rules hold for. */
  poolOf(deployment: DeploymentId): readonly EndpointId[] {
    if (this.#views.length === 1) return present(this.config.deployments[deployment], "the deployment").endpoints;
    const all = this.#views.flatMap(({ config }) => config.deployments.flatMap(({ endpoints }) => endpoints));
    return all.filter((id, place) => all.indexOf(id) === place && this.deploymentOf(id).id === deployment);
  }

  /** What an attempt that starts now is paid by. */
  priceOf(deployment: DeploymentId, request: RouteRequest): Pick<AttemptSlot, "card" | "tier"> {
    return { card: cardNow(this.state, deployment), tier: tierAt(request, deployment) };
  }

  routeOf(slot: RequestSlot): RouteSpec {
    return present(this.viewOf(slot).config.routes[slot.route], "the request's route");
  }
}

export function deploymentIn(config: CompiledConfig, endpoint: EndpointId): DeploymentSpec {
  return present(config.deployments[present(config.endpoints[endpoint], "the endpoint").deployment], "its deployment");
}

function routesAt({ routes, endpoints }: CompiledConfig, id: EndpointId): RouteId[] {
  const deployment = endpoints[id]?.deployment;
  return deployment === undefined ? [] : routes.filter(({ deployments }) => deployments.includes(deployment)).map((route) => route.id);
}
