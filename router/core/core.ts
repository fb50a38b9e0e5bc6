import { present } from "./assert.ts";
import { type Candidates, noCandidates, noteEndpoint } from "./candidates.ts";
import type { CompiledConfig, DeploymentSpec, RouteSpec } from "./compiled-config.ts";
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

/** What every step of a request's course works on: the state, what it was configured with, and where commands go while an event is handled. */
export class Core {
  readonly config: CompiledConfig;
  readonly options: RouterOptions;
  readonly state: RouterState;
  /** Filled again by every decision. */
  readonly found: Candidates;
  /** Scratch of serve-queue. */
  readonly setAside: number[] = [];
  /** By EndpointId: the routes whose queues may go on when it has a place again. */
  readonly routesOf: readonly (readonly RouteSpec[])[];
  readonly slotOf = (id: number): RequestSlot => present(this.state.requests[id], "an open request");
  /** Null between events. */
  out: Out<RouterCommand> | null = null;

  constructor(config: CompiledConfig, options: RouterOptions, state: RouterState) {
    this.config = config;
    this.options = options;
    this.state = state;
    this.found = noCandidates(config, options.explain);
    for (const { id } of config.endpoints) noteEndpoint(this.found, config, state, id);
    this.routesOf = config.endpoints.map((endpoint) => config.routes.filter((route) => route.deployments.includes(endpoint.deployment)));
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
