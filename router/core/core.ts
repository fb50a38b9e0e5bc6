import { broken, missing, present } from "./assert.ts";
import type { QueuePlace } from "./admission/wait-queue.ts";
import { type Candidates, noCandidates } from "./candidates.ts";
import type { CompiledConfig, ConfigVersion, DeploymentSpec, RouteSpec } from "./compiled-config.ts";
import { configOf } from "./fleet-config.ts";
import { dearestOf } from "./limit/dearest.ts";
import type { Out } from "./machine.ts";
import type { AttemptId, DeploymentId, EndpointId, RouteId, RouterCommand } from "./messages.ts";
import { noteEndpoint, noteLoad } from "./note-endpoint.ts";
import { viewOf } from "./rollout/versions.ts";
import type { AttemptSlot, LiveVersion, Place, RequestSlot, RouterState, RouteState, SpareSlots } from "./state.ts";

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
  /** By RouteId. */
  readonly ways: readonly Way[];
  /** By EndpointId: whose endpoint it is. */
  readonly deploymentAt: readonly (DeploymentSpec | undefined)[];
}

/** A route as a version has it, with what every step of a request there works on: looked up once per event. */
export interface Way {
  readonly view: View;
  readonly route: RouteSpec;
  readonly state: RouteState;
}

const nobody: Out<RouterCommand> = { emit: ({ kind }) => broken(`${kind}, and no event was handled yet`) };

/** What every step of a request's course works on: the state, what it was configured with, and where commands go while an event is handled. */
export class Core {
  readonly #configured: CompiledConfig;
  #views: readonly View[] = [];
  #stable: View;
  #routesOf: readonly (readonly RouteId[])[] = [];
  readonly options: RouterOptions;
  readonly state: RouterState;
  readonly spare: SpareSlots = { requests: [], attempts: [] };
  /** By AttemptId, whose it is; of an attempt that has ended, whose it was. Looked up here the slots of both are fetched from memory at the same time, and not one after the other. */
  readonly requestSlots: (RequestSlot | null)[];
  readonly #alone: (readonly number[])[] = [];
  /** Scratch of serve-queue. */
  readonly setAside: number[] = [];
  readonly slotOf = (id: number): RequestSlot => present(this.state.requests[id], "an open request");
  readonly placeOf = (id: number): QueuePlace => present(this.slotOf(id).queuePlace, "the place of a request that waits");
  /** An event is handled, or deadlines are carried out: only then there are commands. */
  atWork = false;
  /** Where they go. */
  out: Out<RouterCommand> = nobody;

  constructor(config: CompiledConfig, options: RouterOptions, state: RouterState) {
    this.#configured = config;
    this.options = options;
    this.state = state;
    this.requestSlots = state.attempts.map((attempt) => state.requests[attempt?.request ?? -1] ?? null);
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

  /** Where the request is now. */
  wayOf(slot: Pick<RequestSlot, "version" | "route">): Way {
    const stable = this.#stable;
    const { ways } = slot.version === stable.version ? stable : this.view(slot.version);
    return ways[slot.route] ?? missing("the request's route");
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
      return this.#newView(live, own, config);
    });
    const fitted = this.view(shares.stable);
    for (const { id } of fitted.config.endpoints) this.note(id);
    this.#routesOf = fitted.config.endpoints.map(({ id }) => {
      const routes = this.#views.flatMap(({ config }) => routesAt(config, id));
      return routes.filter((route, place) => routes.indexOf(route) === place);
    });
    return fitted;
  }

  #newView(live: LiveVersion, own: CompiledConfig, config: CompiledConfig): View {
    const { options, state } = this;
    const ways: Way[] = [];
    const view: View = {
      version: live.version,
      own,
      config,
      live,
      found: noCandidates(config, options.explain, live.turns, state.here),
      ways,
      deploymentAt: config.endpoints.map(({ deployment }) => config.deployments[deployment]),
    };
    for (const route of config.routes) ways.push({ view, route, state: present(state.routes[route.id], "the route's state") });
    return view;
  }

  /** Whenever an endpoint's breaker, cooling or attempts in flight have changed. */
  note(id: EndpointId): void {
    for (const { found, config } of this.#views) noteEndpoint(found, config, this.state, id);
  }

  /** Whenever nothing of it but its attempts in flight has changed. */
  noteLoad(id: EndpointId): void {
    for (let place = 0; place < this.#views.length; place += 1) {
      const { found, config } = this.#views[place] as View;
      noteLoad(found, config, this.state, id);
    }
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
    if (!this.atWork) broken(`${command.kind}, and no event is handled`);
    this.out.emit(command, this.state.now);
  }

  attempt(id: AttemptId): AttemptSlot {
    return this.state.attempts[id] ?? missing("the attempt");
  }

  requestOf(id: AttemptId): RequestSlot {
    return this.requestSlots[id] ?? missing("the attempt's request");
  }

  /** In the stable version, or else in the one that has the endpoint. */
  deploymentOf(endpoint: EndpointId): DeploymentSpec {
    return this.#stable.deploymentAt[endpoint] ?? missing("the endpoint's deployment");
  }

  /** All endpoints, of any version, that a deployment's rules hold for. */
  poolOf(deployment: DeploymentId): readonly EndpointId[] {
    if (this.#views.length === 1) return present(this.config.deployments[deployment], "the deployment").endpoints;
    const all = this.#views.flatMap(({ config }) => config.deployments.flatMap(({ endpoints }) => endpoints));
    return all.filter((id, place) => all.indexOf(id) === place && this.deploymentOf(id).id === deployment);
  }

  /** In its own version. */
  routeOf(slot: RequestSlot): RouteSpec {
    return this.wayOf(slot).route;
  }
}

function routesAt({ routes, endpoints }: CompiledConfig, id: EndpointId): RouteId[] {
  const deployment = endpoints[id]?.deployment;
  return deployment === undefined ? [] : routes.filter(({ deployments }) => deployments.includes(deployment)).map((route) => route.id);
}
