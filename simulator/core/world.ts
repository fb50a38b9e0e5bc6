/**
 * The simulated world: one router, a model behind every endpoint, the faults' script and the arrivals, wired together in virtual time. It is the driver's side of the
 * router's contract: it allots request slots, carries out commands, and answers every start-attempt with exactly one outcome.
 */
import { assert, present } from "../../router/core/assert.ts";
import type { Duration, Instant, Machine, Out } from "../../router/core/machine.ts";
import type {
  AttemptId,
  AttemptOutcome,
  BreakerPhase,
  DeploymentId,
  EndpointId,
  FailureKind,
  FinishResult,
  RequestId,
  RouteId,
  RouterCommand,
  RouterEvent,
  TenantId,
  Usage,
} from "../../router/core/messages.ts";
import { Router } from "../../router/core/router.ts";
import { after, never } from "../../router/core/time.ts";
import type { CompiledScenario } from "./compiled-scenario.ts";
import { createEndpoint } from "./create-endpoint.ts";
import type { CallId, EndpointCommand, EndpointEvent, EndpointModel, EndpointSignals } from "./endpoint.ts";
import { faultChanges } from "./fault/fault-script.ts";
import { type Post, VirtualDriver } from "./kernel/virtual-driver.ts";
import type { RequestRecord } from "./measure/request-record.ts";
import type { Arrival } from "./workload/arrival.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly arrivals: Iterator<Arrival>;
  readonly observer: WorldObserver;
  /** Sees all that goes in and out of the router: invariant checkers, recorders. */
  readonly watch?: RouterWatch | undefined;
}

export interface WorldObserver {
  requestEnded(record: RequestRecord): void;
  breakerChanged(endpoint: EndpointId, from: BreakerPhase, to: BreakerPhase, at: Instant): void;
}

export interface RouterWatch {
  event(event: RouterEvent, now: Instant): void;
  command(command: RouterCommand, at: Instant): void;
}

export interface World {
  /** To the end: until every arrived request has ended. */
  run(): void;
  readonly now: Instant;
  /** By EndpointId. */
  signals(): readonly EndpointSignals[];
}

interface OpenRequest {
  readonly arrival: Arrival;
  readonly serial: number;
  readonly route: RouteId;
  deployment: DeploymentId | null;
  first: Instant | null;
  outputTokens: number;
}

interface OpenAttempt {
  readonly request: RequestId;
  readonly endpoint: EndpointId;
  aborted: boolean;
}

export function createWorld(scenario: CompiledScenario, options: WorldOptions): World {
  return new SimulatedWorld(scenario, options);
}

class SimulatedWorld implements World {
  readonly #scenario: CompiledScenario;
  readonly #options: WorldOptions;
  readonly #driver = new VirtualDriver();
  readonly #toRouter: Post<RouterEvent>;
  readonly #models: readonly EndpointModel[];
  readonly #toModel: readonly Post<EndpointEvent>[];
  readonly #tenants = new Map<string, TenantId>();
  readonly #routeByName: ReadonlyMap<string, RouteId>;
  /** By RequestId and AttemptId. */
  readonly #requests: (OpenRequest | null)[] = [];
  readonly #freeRequests: RequestId[] = [];
  readonly #attempts: (OpenAttempt | null)[] = [];
  #open = 0;
  #serial = 0;

  constructor(scenario: CompiledScenario, options: WorldOptions) {
    this.#scenario = scenario;
    this.#options = options;
    const { config } = scenario;
    this.#routeByName = new Map(config.routes.map((route) => [route.name, route.id]));
    const router = new Router(config, { seed: options.seed, explain: false });
    const { watch } = options;
    this.#toRouter = this.#driver.addMachine(watch === undefined ? router : new WatchedRouter(router, watch), "router", {
      emit: (command, at) => this.#carryOut(command, at),
    });
    this.#models = scenario.endpoints.map((spec, index) => createEndpoint(spec, { seed: options.seed, index, detail: "first-token" }));
    this.#toModel = this.#models.map((model, endpoint) =>
      this.#driver.addMachine(model, "model", { emit: (command, at) => this.#hear(command, at, endpoint as EndpointId) }),
    );
    this.#addFaults();
    this.#addArrivals();
  }

  get now(): Instant {
    return this.#driver.now;
  }

  run(): void {
    while (this.#driver.step());
    assert(this.#open === 0, `${this.#open} requests are open and nothing is left to happen`);
  }

  signals(): readonly EndpointSignals[] {
    return this.#models.map((model) => model.observe(this.#driver.now));
  }

  #addFaults(): void {
    const changes = faultChanges(this.#scenario.faults);
    let next = 0;
    this.#driver.addSource({
      nextAt: () => changes[next]?.at ?? never,
      happen: () => {
        const change = present(changes[next], "a change of faults");
        next += 1;
        present(this.#toModel[change.endpoint], "the endpoint's model")({ kind: "fault-changed", fault: change.fault }, 1);
      },
    });
  }

  #addArrivals(): void {
    const { arrivals } = this.#options;
    const pull = (): Arrival | null => {
      const row = arrivals.next();
      return row.done === true ? null : row.value;
    };
    let next = pull();
    this.#driver.addSource({
      nextAt: () => next?.at ?? never,
      happen: () => {
        this.#arrive(present(next, "an arrival"));
        next = pull();
      },
    });
  }

  #arrive(arrival: Arrival): void {
    const { routes } = this.#scenario.config;
    const route = arrival.route === null ? this.#scenario.defaultRoute : present(this.#routeByName.get(arrival.route), `a route named ${arrival.route}`);
    const id = this.#freeRequests.pop() ?? (this.#requests.length as RequestId);
    const serial = this.#serial;
    this.#serial += 1;
    this.#open += 1;
    this.#requests[id] = { arrival, serial, route, deployment: null, first: null, outputTokens: 0 };
    this.#toRouter(
      {
        kind: "request-arrived",
        request: {
          id,
          serial,
          tenant: this.#tenantOf(arrival.tenant ?? null),
          route,
          inputTokens: arrival.inputTokens,
          // Never the true length: a policy must not know it.
          outputTokensMax: present(routes[route], "the route").outputTokensDefault,
          stream: true,
          priority: arrival.priority ?? 0,
          deadline: after(arrival.at, arrival.patience ?? (never as number as Duration)),
        },
      },
      1,
    );
  }

  /** Names get ids as they come; whoever has none is tenant 0. */
  #tenantOf(name: string | null): TenantId {
    if (name === null) return 0 as TenantId;
    const known = this.#tenants.get(name) ?? ((this.#tenants.size + 1) as TenantId);
    this.#tenants.set(name, known);
    return known;
  }

  #carryOut(command: RouterCommand, at: Instant): void {
    switch (command.kind) {
      case "start-attempt":
        this.#start(command.attempt, command.request, command.endpoint);
        return;
      case "abort-attempt":
        this.#abort(command.attempt);
        return;
      case "finish-request":
        this.#finish(command.request, command.result, command.account, at);
        return;
      case "breaker-changed":
        this.#options.observer.breakerChanged(command.endpoint, command.from, command.to, at);
        return;
      case "commit-attempt":
      case "record-decision":
    }
  }

  #start(attempt: AttemptId, request: RequestId, endpoint: EndpointId): void {
    const open = present(this.#requests[request], "the attempt's request");
    open.deployment = present(this.#scenario.config.endpoints[endpoint], "the endpoint").deployment;
    this.#attempts[attempt] = { request, endpoint, aborted: false };
    const { arrival, serial } = open;
    present(this.#toModel[endpoint], "the endpoint's model")(
      {
        kind: "call-received",
        call: attempt as number as CallId,
        serial,
        inputTokens: arrival.inputTokens,
        blocks: arrival.blocks,
        outputTokens: arrival.outputTokens,
        outputTokensMax: arrival.outputTokens,
        priority: 0,
      },
      1,
    );
  }

  #abort(attempt: AttemptId): void {
    const open = present(this.#attempts[attempt], "the aborted attempt");
    open.aborted = true;
    present(this.#toModel[open.endpoint], "the endpoint's model")({ kind: "call-aborted", call: attempt as number as CallId }, 1);
  }

  /** What an endpoint's model says, as an outcome for the router. */
  #hear(command: EndpointCommand, at: Instant, endpoint: EndpointId): void {
    const attempt = command.call as number as AttemptId;
    const open = present(this.#attempts[attempt], "the call's attempt");
    assert(open.endpoint === endpoint && at === this.#driver.now, "a model answers for another's call, or late");
    const request = present(this.#requests[open.request], "the call's request");
    switch (command.kind) {
      case "emit-tokens":
        request.first ??= at;
        this.#toRouter({ kind: "attempt-first-token", attempt }, 0);
        return;
      case "end-call":
        request.outputTokens = command.usage.output;
        this.#end(attempt, succeeded(command.usage));
        return;
      case "refuse-call":
        this.#end(attempt, failed(command.failure, command.retryAfter, null));
        return;
      case "cut-call":
        if (request.first !== null) request.outputTokens = command.usage.output;
        this.#end(attempt, open.aborted ? aborted(command.usage) : failed("cut", null, command.usage));
    }
  }

  #end(attempt: AttemptId, outcome: AttemptOutcome): void {
    this.#attempts[attempt] = null;
    this.#toRouter({ kind: "attempt-ended", attempt, outcome }, 0);
  }

  #finish(
    id: RequestId,
    result: FinishResult,
    account: { readonly nanoDollars: number; readonly priced: boolean; readonly attempts: number },
    end: Instant,
  ): void {
    const open = present(this.#requests[id], "the finished request");
    this.#requests[id] = null;
    this.#freeRequests.push(id);
    this.#open -= 1;
    const { arrival, serial, route, deployment, first, outputTokens } = open;
    const answered = result.kind === "served" || result.kind === "cut";
    this.#options.observer.requestEnded({
      serial,
      route,
      deployment,
      result: result.kind,
      why: whyOf(result),
      scheduled: arrival.at,
      sent: arrival.at,
      first: answered ? first : null,
      last: answered && first !== null ? end : null,
      end,
      inputTokens: arrival.inputTokens,
      outputTokens: answered ? outputTokens : 0,
      attempts: account.attempts,
      nanoDollars: account.nanoDollars,
      priced: account.priced,
    });
  }
}

/** Shows what goes in when it is handled, and what comes out before it is carried out. */
class WatchedRouter implements Machine<RouterEvent, RouterCommand> {
  readonly #router: Router;
  readonly #watch: RouterWatch;

  constructor(router: Router, watch: RouterWatch) {
    this.#router = router;
    this.#watch = watch;
  }

  handle(event: RouterEvent, now: Instant, out: Out<RouterCommand>): void {
    this.#watch.event(event, now);
    this.#router.handle(event, now, this.#watched(out));
  }

  wake(now: Instant, out: Out<RouterCommand>): void {
    this.#router.wake(now, this.#watched(out));
  }

  nextDeadline(): Instant {
    return this.#router.nextDeadline();
  }

  #watched(out: Out<RouterCommand>): Out<RouterCommand> {
    return {
      emit: (command, at) => {
        this.#watch.command(command, at);
        out.emit(command, at);
      },
    };
  }
}

function whyOf(result: FinishResult): string | null {
  if (result.kind === "failed" || result.kind === "cut") return result.failure;
  return result.kind === "rejected" ? result.why : null;
}

function succeeded(usage: Usage): AttemptOutcome {
  return { kind: "succeeded", failure: null, retryAfter: null, billed: "yes", usage, usageEstimated: false, lagged: false };
}

function failed(failure: FailureKind, retryAfter: AttemptOutcome["retryAfter"], usage: Usage | null): AttemptOutcome {
  return { kind: "failed", failure, retryAfter, billed: usage === null ? "no" : "maybe", usage, usageEstimated: usage !== null, lagged: false };
}

function aborted(usage: Usage): AttemptOutcome {
  return { kind: "aborted", failure: null, retryAfter: null, billed: "maybe", usage, usageEstimated: true, lagged: false };
}
