/**
 * One replica of the service in the simulated world: a core of its own and the driver's side of its contract. It allots request slots, carries out the core's
 * commands at the models that all replicas share, and answers every start-attempt with exactly one outcome.
 */
import { broken, missing } from "../../router/core/assert.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { Duration, Instant, Machine, Out } from "../../router/core/machine.ts";
import type {
  AttemptId,
  AttemptOutcome,
  EndpointId,
  FinishResult,
  RequestId,
  RouteId,
  RouterCommand,
  RouterEvent,
  TenantId,
} from "../../router/core/messages.ts";
import { isOwnFinding, rankOf } from "../../router/core/messages.ts";
import { meaningOf } from "../../router/core/retry.ts";
import { LiveVersions, type Offer } from "../../router/core/rollout/live-versions.ts";
import { Router } from "../../router/core/router.ts";
import { after, never } from "../../router/core/time.ts";
import { type CompiledScenario, everyVersion, sharesProbes } from "./compiled-scenario.ts";
import type { CallId, EndpointCommand, EndpointEvent } from "./endpoint.ts";
import type { Driven, VirtualDriver } from "./kernel/virtual-driver.ts";
import type { RequestRecord } from "./measure/request-record.ts";
import { type Finished, OpenWork } from "./open-work.ts";
import { cutOutcome, failed, succeeded } from "./outcomes.ts";
import { unserved, whyOf } from "./measure/ended-request.ts";
import { deadRouter, StartingRouter } from "./router-stand-ins.ts";
import { type RouterWatch, WatchedRouter } from "./router-watch.ts";
import { blankRequest, type SimulatedRequest } from "./simulated-request.ts";
import type { StoreEvent } from "./store/lease-store-model.ts";
import { storeEventOf } from "./store/store-event-of.ts";
import type { Arrival } from "./workload/arrival.ts";
import type { WorldObserver } from "./world-observer.ts";

export interface ReplicaOptions {
  readonly scenario: CompiledScenario;
  readonly driver: VirtualDriver;
  readonly seed: number;
  /** Which one this is, of how many. */
  readonly replica: number;
  readonly replicas: number;
  readonly watch: RouterWatch | undefined;
  readonly observer: WorldObserver;
  /** By EndpointId: the models, which all replicas share. */
  readonly models: readonly Driven<EndpointEvent>[];
  /** Null: there is nothing to lease. */
  readonly store: Driven<StoreEvent> | null;
  probe(endpoint: EndpointId, timeout: Duration, answer: (healthy: boolean) => void): void;
  /** Before the observer hears of it; null: nobody else wants to know. */
  readonly requestEnded: ((record: RequestRecord) => void) | null;
  /** With the gossip's delay. */
  tellPeers(event: RouterEvent): void;
}

export class SimulatedReplica implements Out<RouterCommand> {
  readonly #options: ReplicaOptions;
  readonly #router: Driven<RouterEvent>;
  readonly #tenants: ReadonlyMap<string, TenantId>;
  /** By RequestId; null: free. */
  readonly #requests: (SimulatedRequest | null)[] = [];
  /** By AttemptId, those that have ended too: whose it is. Its row says so too; but a look at that, then into the list of requests, then at the request is one look after the other. */
  readonly #requestOf: SimulatedRequest[] = [];
  /** Requests that have finished, to be used again (see SpareSlots); none where somebody watches the router, who may remember them. */
  readonly #spareRequests: SimulatedRequest[] = [];
  /** What else is known of them, and of their attempts; one that has ended stays until its slot is used again: its commit may be still to come. */
  readonly #work = new OpenWork();
  readonly #freeRequests: RequestId[] = [];
  #versions: LiveVersions;
  /** The newest version: it has all ids. */
  #config: CompiledConfig;
  #open = 0;
  #crashes = 0;
  /** What a process that has just started is still to be told. */
  readonly #history: (() => void)[] = [];
  #told = 0;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#config = options.scenario.config;
    this.#versions = new LiveVersions(this.#config);
    this.#tenants = new Map(everyVersion(options.scenario).tenants.map(({ name, id }) => [name, id]));
    this.#router = options.driver.addMachine(this.#newRouter(), this);
  }

  #newRouter(): Machine<RouterEvent, RouterCommand> {
    const { scenario, seed, replica, watch } = this.#options;
    const { places = [] } = scenario.replicas;
    const here = places[replica % places.length];
    const routerOptions = { seed, explain: false, ...(here === undefined ? {} : { here }) };
    const router = new Router(scenario.config, routerOptions);
    watch?.attach?.(router, routerOptions, replica);
    return watch === undefined ? router : new WatchedRouter(router, watch, replica);
  }

  get isUp(): boolean {
    return this.#router.machine !== deadRouter;
  }

  /** The process dies: its connections break on both sides, and what it knew is gone, the bill of what it had under way with it. */
  crash(at: Instant): void {
    this.#options.watch?.crashed?.(at, this.#options.replica);
    this.#router.machine = deadRouter;
    this.#history.length = 0;
    for (const { attempt, endpoint } of this.#work.abandon()) this.#call(endpoint, { kind: "call-aborted", call: this.#callOf(attempt) });
    for (const [id, request] of this.#requests.entries()) {
      if (request === null) continue;
      const { first, deployment, version } = this.#work.request(id);
      const result: FinishResult = first === null ? { kind: "failed", failure: "connect-failed", retryAfter: null } : { kind: "cut", failure: "cut" };
      const account = { nanoDollars: 0, priced: true, attempts: deployment === null ? 0 : 1 };
      this.#finish({ request: id as RequestId, result, account, version }, at);
    }
  }

  /** @param history what a new process of this fleet is told, each when the one before has been dealt with */
  restart(history: readonly (() => void)[]): void {
    this.#crashes += 1;
    this.#config = this.#options.scenario.config;
    this.#versions = new LiveVersions(this.#config);
    const router = this.#newRouter();
    this.#router.machine = new StartingRouter(router, () => this.#goOnTelling(router));
    this.#history.push(...history, () => {
      // Leases that the dead one held are taken for spent; its questions' numbers are not to be used again.
      if (this.#config.limits.length > 0 || sharesProbes(this.#options.scenario)) this.tell({ kind: "leases-forfeited", nonce: this.#crashes * 1_000_000_000 });
    });
    this.#goOnTelling(router);
  }

  #goOnTelling(router: Machine<RouterEvent, RouterCommand>): void {
    for (const before = this.#told; this.#told === before;) {
      const next = this.#history.shift();
      if (next === undefined) {
        this.#router.machine = router;
        return;
      }
      next();
    }
  }

  /** Of a request that found no replica of the router at all. */
  refuse(arrival: Arrival, serial: number, route: RouteId): void {
    const at = arrival.at;
    const tenant = this.#tenantOf(arrival);
    this.#record({ ...unserved(arrival, serial, route), tenant, why: "connect-failed", end: at });
  }

  /** As many versions of the configuration at once as may be; another waits. */
  activate(offer: Offer): void {
    if (this.isUp) this.#announce(this.#versions.offer(offer));
  }

  #announce(activation: Extract<RouterEvent, { kind: "config-activated" }> | null): void {
    if (activation === null) return;
    this.#config = activation.config;
    this.tell(activation);
  }

  /** What the store of limits answers, and what becomes of it. */
  tell(event: RouterEvent): void {
    this.#told += 1;
    this.#router.post(event, rankOf[event.kind] === 0 ? 0 : 1);
  }

  get open(): number {
    return this.#open;
  }

  /** @param serial the request's arrival number in the whole world */
  arrive(arrival: Arrival, serial: number, route: RouteId): void {
    const { routes } = this.#config;
    const id = this.#freeRequests.pop() ?? (this.#requests.length as RequestId);
    this.#open += 1;
    const request = this.#spareRequests.pop() ?? blankRequest();
    request.id = id;
    request.serial = serial;
    request.tenant = this.#tenantOf(arrival);
    request.route = route;
    request.inputTokens = arrival.inputTokens;
    request.batch = arrival.batch === true;
    // Never the true length: a policy must not know it.
    request.outputTokensMax = (routes[route] ?? missing("the route")).outputTokensDefault;
    request.priority = arrival.priority ?? 0;
    request.deadline = arrival.patience === undefined ? never : after(arrival.at, arrival.patience);
    request.blocks = arrival.blocks;
    this.#requests[id] = request;
    this.#work.arrive(id, arrival);
    const qualityMin = arrival.features?.qualityFloor;
    this.#router.post({ kind: "request-arrived", request: qualityMin === undefined ? request : { ...request, qualityMin } }, 1);
  }

  /** By name; an arrival of an unknown tenant, or of none, belongs to the first. */
  #tenantOf({ tenant }: Arrival): TenantId {
    return this.#tenants.get(tenant ?? "") ?? (0 as TenantId);
  }

  /** Its caller goes away. Rare: the request is looked for. */
  leave(serial: number): void {
    const id = this.#requests.findIndex((request) => request?.serial === serial);
    if (id !== -1) this.#router.post({ kind: "client-left", request: id as RequestId }, 1);
  }

  /** Calls of all replicas meet at a model: theirs are told apart by number. */
  #callOf(attempt: AttemptId): CallId {
    return (attempt * this.#options.replicas + this.#options.replica) as CallId;
  }

  #call(endpoint: EndpointId, event: EndpointEvent): void {
    (this.#options.models[endpoint] ?? missing("the endpoint's model")).post(event, 1);
  }

  get #store(): Driven<StoreEvent> {
    return this.#options.store ?? missing("the store of leases");
  }

  /** What its core commands. */
  emit(command: RouterCommand, at: Instant): void {
    const { kind } = command;
    if (kind === "start-attempt") this.#start(command, at);
    else if (kind === "commit-attempt") this.#work.commit(command.attempt, at);
    else if (kind === "finish-request") this.#finish(command, at);
    else if (kind === "abort-attempt") this.#abort(command, at);
    else if (kind === "start-probe") this.#probe(command);
    else this.#carryOutRest(command, at);
  }

  /** What is nobody's request. */
  #carryOutRest(
    command: Exclude<RouterCommand, { kind: "start-attempt" | "abort-attempt" | "finish-request" | "commit-attempt" | "start-probe" }>,
    at: Instant,
  ): void {
    switch (command.kind) {
      case "ask-lease":
      case "return-lease":
      case "ask-probes":
      case "return-probes":
        this.#store.post(storeEventOf(command, this.#options.replica), 1);
        return;
      case "breaker-changed":
        this.#options.observer.breakerChanged(command.endpoint, command.from, command.to, at, this.#options.replica);
        this.#tellPeers(command, at);
        return;
      case "health-changed":
        this.#options.observer.healthChanged?.(command.endpoint, command.healthy);
        return;
      case "retire-config":
        this.#announce(this.#versions.retired(command.version));
        return;
      case "request-rerouted":
      case "budget-noticed":
      case "forget-endpoint":
      case "weight-changed":
      case "limit-changed":
      case "record-decision":
    }
  }

  /** What comes after a crash is nobody's. */
  #probe({ endpoint, nonce, timeout }: Extract<RouterCommand, { kind: "start-probe" }>): void {
    const crashes = this.#crashes;
    this.#options.probe(endpoint, timeout, (healthy) => {
      if (crashes !== this.#crashes) return;
      this.#options.observer.probeEnded?.(endpoint, healthy);
      this.tell({ kind: "probe-ended", endpoint, nonce, healthy });
    });
  }

  #tellPeers({ endpoint, to, why }: Extract<RouterCommand, { kind: "breaker-changed" }>, since: Instant): void {
    if (isOwnFinding(why)) this.#options.tellPeers({ kind: "peer-reported", endpoint, breaker: to === "open" ? "open" : "closed", why, since });
  }

  #start({ attempt, request: id, endpoint, version }: Extract<RouterCommand, { kind: "start-attempt" }>, at: Instant): void {
    const request = this.#requests[id] ?? missing("the attempt's request");
    const deployment = this.#versions.deploymentOf(endpoint, version);
    const outputTokens = this.#work.start(id, attempt, endpoint, deployment, version, at);
    if (this.#requestOf[attempt] !== request) this.#requestOf[attempt] = request;
    const { serial, route, inputTokens, blocks, batch = false } = request;
    this.#call(endpoint, {
      kind: "call-received",
      call: this.#callOf(attempt),
      serial,
      inputTokens,
      blocks,
      outputTokens,
      outputTokensMax: outputTokens,
      priority: 0,
      batch,
      patience: (this.#config.routes[route] ?? missing("the request's route")).limits,
    });
  }

  #abort({ attempt, why }: Extract<RouterCommand, { kind: "abort-attempt" }>, at: Instant): void {
    const endpoint = this.#work.abort(attempt);
    if (why === "timeout") this.#options.observer.attemptEnded?.(endpoint, this.#work.startOf(attempt), at, true);
    this.#call(endpoint, { kind: "call-aborted", call: this.#callOf(attempt) });
  }

  /** What an endpoint's model says, as an outcome for the router. */
  hear(command: EndpointCommand, at: Instant, endpoint: EndpointId): void {
    const attempt = Math.floor(command.call / this.#options.replicas) as AttemptId;
    if (this.#work.endpointOf(attempt) !== endpoint || at !== this.#options.driver.now) broken("a model answers for another's call, or late");
    if (!this.#work.isLive(attempt)) return;
    switch (command.kind) {
      case "emit-tokens":
        this.#router.post({ kind: "attempt-first-token", attempt }, 0);
        return;
      case "end-call":
        this.#work.noteUsage(attempt, command.usage);
        this.#end(attempt, endpoint, succeeded(command.usage), at);
        return;
      case "refuse-call":
        this.#end(attempt, endpoint, failed(command.failure, command.retryAfter, null), at);
        return;
      case "cut-call":
        this.#work.noteUsage(attempt, command.usage);
        this.#end(attempt, endpoint, cutOutcome(command, this.#work.isAborted(attempt)), at);
    }
  }

  #end(attempt: AttemptId, endpoint: EndpointId, outcome: AttemptOutcome, at: Instant): void {
    const request = this.#work.end(attempt);
    // The router will look at the request after its own slots: looked at here, it is fetched while those are.
    const own = this.#requestOf[attempt];
    if (own?.id !== request || own !== this.#requests[request]) broken("an attempt outlives its request");
    const { kind, failure } = outcome;
    const blamed = failure !== null && meaningOf(failure).verdict === "failure";
    if (kind !== "aborted") this.#options.observer.attemptEnded?.(endpoint, this.#work.startOf(attempt), at, blamed);
    this.#router.post({ kind: "attempt-ended", attempt, outcome }, 0);
  }

  #finish({ request: id, result, account, version }: Finished, end: Instant): void {
    const request = this.#requests[id] ?? missing("the finished request");
    this.#requests[id] = null;
    if (this.#options.watch === undefined) this.#spareRequests.push(request);
    this.#freeRequests.push(id);
    this.#open -= 1;
    const { arrivedAt, started, deployment, first, cachedRead, output } = this.#work.request(id);
    const { serial, route, tenant, inputTokens, batch = false } = request;
    const answered = result.kind === "served" || result.kind === "cut";
    this.#record({
      serial,
      route,
      tenant,
      deployment,
      result: result.kind,
      why: whyOf(result),
      scheduled: arrivedAt,
      sent: arrivedAt,
      started,
      first: answered ? first : null,
      last: answered && first !== null ? end : null,
      end,
      inputTokens,
      // A stream that is cut does not come to its usage.
      cachedTokens: result.kind === "served" ? cachedRead : 0,
      outputTokens: answered ? output : 0,
      attempts: account.attempts,
      nanoDollars: account.nanoDollars,
      priced: account.priced,
      batch,
      version,
    });
  }

  #record(record: RequestRecord): void {
    this.#options.requestEnded?.(record);
    this.#options.observer.requestEnded(record);
  }
}
