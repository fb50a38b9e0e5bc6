import { present } from "./assert.ts";
import { type Candidates, noCandidates, noteEndpoint } from "./candidates.ts";
import type { CompiledConfig, DeploymentSpec, RouteSpec } from "./compiled-config.ts";
import { configOf } from "./fleet-config.ts";
import type { Rates } from "./accounting/rates.ts";
import type { Out } from "./machine.ts";
import type { AttemptId, DeploymentId, EndpointId, RouterCommand } from "./messages.ts";
import type { AttemptSlot, RequestSlot, RouterState } from "./state.ts";

export interface RouterOptions {
  /** Of every random draw. */
  readonly seed: number;
  /** Emit a `record-decision` per decision. Off where nobody reads it: it is the one command that costs allocations by the size of the route. */
  readonly explain: boolean;
}

/** What follows from who is there. */
interface InUse {
  readonly config: CompiledConfig;
  readonly found: Candidates;
  readonly routesOf: readonly (readonly RouteSpec[])[];
}

function inUse(config: CompiledConfig, { explain }: RouterOptions, state: RouterState): InUse {
  const routesOf = config.endpoints.map((endpoint) => config.routes.filter((route) => route.deployments.includes(endpoint.deployment)));
  const found = noCandidates(config, explain);
  for (const { id } of config.endpoints) noteEndpoint(found, config, state, id);
  return { config, found, routesOf };
}

/** What every step of a request's course works on: the state, what it was configured with, and where commands go while an event is handled. */
export class Core {
  readonly #configured: CompiledConfig;
  #inUse: InUse;
  readonly options: RouterOptions;
  readonly state: RouterState;
  /** Scratch of serve-queue. */
  readonly setAside: number[] = [];
  readonly slotOf = (id: number): RequestSlot => present(this.state.requests[id], "an open request");
  /** Null between events. */
  out: Out<RouterCommand> | null = null;

  constructor(config: CompiledConfig, options: RouterOptions, state: RouterState) {
    this.#configured = config;
    this.options = options;
    this.state = state;
    this.#inUse = inUse(configOf(config, state.fleet), options, state);
  }

  /** With the endpoints that are there now. */
  get config(): CompiledConfig {
    return this.#inUse.config;
  }

  /** Filled again by every decision. */
  get found(): Candidates {
    return this.#inUse.found;
  }

  /** By EndpointId: the routes whose queues may go on when it has a place again. */
  get routesOf(): readonly (readonly RouteSpec[])[] {
    return this.#inUse.routesOf;
  }

  /** After a change of `state.fleet`. */
  refit(): void {
    this.#inUse = inUse(configOf(this.#configured, this.state.fleet), this.options, this.state);
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

  deploymentOf(endpoint: EndpointId): DeploymentSpec {
    return present(this.config.deployments[present(this.config.endpoints[endpoint], "the endpoint").deployment], "its deployment");
  }

  priceOf(deployment: DeploymentId): Rates | null {
    return this.state.prices[deployment] ?? null;
  }

  routeOf(slot: RequestSlot): RouteSpec {
    return present(this.config.routes[slot.route], "the request's route");
  }
}
