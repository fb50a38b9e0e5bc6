/**
 * One replica of the service in the simulated world: a core of its own and the driver's side of its contract. It allots request slots, carries out the core's
 * commands at the models that all replicas share, and answers every start-attempt with exactly one outcome.
 */
import { broken, missing } from "../../router/core/assert.ts";
import type { CompiledConfig, ConfigVersion } from "../../router/core/compiled-config.ts";
import type { Duration, Instant, Machine, Out } from "../../router/core/machine.ts";
import type {
  AttemptId,
  AttemptOutcome,
  DeploymentId,
  EndpointId,
  FinishResult,
  RequestId,
  RouteId,
  RouteRequest,
  RouterCommand,
  RouterEvent,
  TenantId,
  Usage,
} from "../../router/core/messages.ts";
import { isOwnFinding, rankOf, unlabelled } from "../../router/core/messages.ts";
import { meaningOf } from "../../router/core/retry.ts";
import { LiveVersions, type Offer } from "../../router/core/rollout/live-versions.ts";
import { Router } from "../../router/core/router.ts";
import { after, never } from "../../router/core/time.ts";
import { type CompiledScenario, everyVersion, sharesProbes } from "./compiled-scenario.ts";
import type { CallId, EndpointCommand, EndpointEvent } from "./endpoint.ts";
import type { Driven, VirtualDriver } from "./kernel/virtual-driver.ts";
import type { RequestRecord } from "./measure/request-record.ts";
import * as open from "./open-work.ts";
import { aborted, failed, succeeded } from "./outcomes.ts";
import { unserved, whyOf } from "./measure/ended-request.ts";
import { deadRouter, StartingRouter } from "./router-stand-ins.ts";
import { type RouterWatch, WatchedRouter } from "./router-watch.ts";
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
  /** Requests that have finished, to be used again (see SpareSlots); none where somebody watches the router, who may remember them. */
  readonly #spareRequests: SimulatedRequest[] = [];
  /** What else is known of them, and of their attempts; one that has ended stays until its slot is used again: its commit may be still to come. */
  readonly #requestRows = new open.OpenRequests();
  readonly #freeRequests: RequestId[] = [];
  readonly #attemptRows = new open.OpenAttempts();
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
    this.#abandonAttempts();
    for (const [id, request] of this.#requests.entries()) {
      if (request === null) continue;
      const row = this.#requestRows.open(id);
      const { cells } = this.#requestRows;
      const result: FinishResult = isNothing(cells[row + open.first]) ? { kind: "failed", failure: "connect-failed", retryAfter: null } : { kind: "cut", failure: "cut" };
      const account = { nanoDollars: 0, priced: true, attempts: isNothing(cells[row + open.deployment]) ? 0 : 1 };
      this.#finish({ request: id as RequestId, result, account, version: orNull(cells[row + open.version]) as ConfigVersion | null }, at);
    }
  }

  #abandonAttempts(): void {
    const { cells } = this.#attemptRows;
    for (let attempt = 0, row = 0; row < cells.length; attempt += 1, row += open.attemptWidth) {
      const fate = cells[row + open.fate] as number;
      cells[row + open.fate] = 0;
      if ((fate & open.live) !== 0 && (fate & open.aborted) === 0) this.#call(cells[row + open.endpoint] as EndpointId, { kind: "call-aborted", call: this.#callOf(attempt as AttemptId) });
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
    const request = this.#spareRequests.pop() ?? newRequest();
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
    const row = this.#requestRows.open(id);
    const { cells } = this.#requestRows;
    cells[row + open.arrivedAt] = arrival.at;
    cells[row + open.outputTokens] = arrival.outputTokens;
    cells[row + open.started] = open.nothing;
    cells[row + open.deployment] = open.nothing;
    cells[row + open.version] = open.nothing;
    cells[row + open.first] = open.nothing;
    cells[row + open.cachedRead] = 0;
    cells[row + open.output] = 0;
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
    else if (kind === "commit-attempt") this.#commit(command.attempt, at);
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
    const ofRequest = this.#requestRows.open(id);
    const requests = this.#requestRows.cells;
    requests[ofRequest + open.deployment] = deployment;
    requests[ofRequest + open.version] = version;
    if (isNothing(requests[ofRequest + open.started])) requests[ofRequest + open.started] = at;
    const row = this.#attemptRows.open(attempt);
    const { cells, startedAt, usages } = this.#attemptRows;
    if (usages.size > 0) usages.delete(attempt);
    cells[row + open.request] = id;
    cells[row + open.endpoint] = endpoint;
    cells[row + open.attemptDeployment] = deployment;
    cells[row + open.fate] = open.live;
    startedAt[attempt] = at;
    const outputTokens = requests[ofRequest + open.outputTokens] as number;
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

  #commit(attempt: AttemptId, at: Instant): void {
    const row = attempt * open.attemptWidth;
    const { cells, usages } = this.#attemptRows;
    const ofRequest = (cells[row + open.request] as number) * open.requestWidth;
    const requests = this.#requestRows.cells;
    cells[row + open.fate] = (cells[row + open.fate] as number) | open.committed;
    requests[ofRequest + open.first] = at;
    requests[ofRequest + open.deployment] = cells[row + open.attemptDeployment] as number;
    if (usages.size > 0) this.#takeUsage(attempt, ofRequest);
  }

  /** It has ended at the instant of its first token, and was not committed yet. */
  #takeUsage(attempt: AttemptId, ofRequest: number): void {
    const { usages } = this.#attemptRows;
    const usage = usages.get(attempt);
    if (usage === undefined) return;
    usages.delete(attempt);
    const { cells } = this.#requestRows;
    cells[ofRequest + open.cachedRead] = usage.cachedRead;
    cells[ofRequest + open.output] = usage.output;
  }

  #abort({ attempt, why }: Extract<RouterCommand, { kind: "abort-attempt" }>, at: Instant): void {
    const row = attempt * open.attemptWidth;
    const { cells, startedAt } = this.#attemptRows;
    const endpoint = cells[row + open.endpoint] as EndpointId;
    cells[row + open.fate] = (cells[row + open.fate] as number) | open.aborted;
    if (why === "timeout") this.#options.observer.attemptEnded?.(endpoint, startedAt[attempt] as Instant, at, true);
    this.#call(endpoint, { kind: "call-aborted", call: this.#callOf(attempt) });
  }

  /** What an endpoint's model says, as an outcome for the router. */
  hear(command: EndpointCommand, at: Instant, endpoint: EndpointId): void {
    const attempt = Math.floor(command.call / this.#options.replicas) as AttemptId;
    const row = attempt * open.attemptWidth;
    const { cells } = this.#attemptRows;
    if (cells[row + open.endpoint] !== endpoint || at !== this.#options.driver.now) broken("a model answers for another's call, or late");
    const fate = cells[row + open.fate] as number;
    if ((fate & open.live) === 0) return;
    switch (command.kind) {
      case "emit-tokens":
        this.#router.post({ kind: "attempt-first-token", attempt }, 0);
        return;
      case "end-call":
        this.#noteUsage(attempt, fate, command.usage);
        this.#end(attempt, fate, endpoint, succeeded(command.usage), at);
        return;
      case "refuse-call":
        this.#end(attempt, fate, endpoint, failed(command.failure, command.retryAfter, null), at);
        return;
      case "cut-call":
        this.#noteUsage(attempt, fate, command.usage);
        this.#end(attempt, fate, endpoint, cutOutcome(fate, command), at);
    }
  }

  #noteUsage(attempt: AttemptId, fate: number, usage: Usage): void {
    if ((fate & open.committed) === 0) {
      this.#attemptRows.usages.set(attempt, usage);
      return;
    }
    const ofRequest = (this.#attemptRows.cells[attempt * open.attemptWidth + open.request] as number) * open.requestWidth;
    const { cells } = this.#requestRows;
    cells[ofRequest + open.cachedRead] = usage.cachedRead;
    cells[ofRequest + open.output] = usage.output;
  }

  #end(attempt: AttemptId, fate: number, endpoint: EndpointId, outcome: AttemptOutcome, at: Instant): void {
    const { cells, startedAt } = this.#attemptRows;
    const row = attempt * open.attemptWidth;
    cells[row + open.fate] = fate & ~open.live;
    // The router will look at the request after its own slots: looked at here, it is fetched while those are.
    const request = cells[row + open.request] as number;
    if (this.#requests[request]?.id !== request) broken("an attempt outlives its request");
    const { kind, failure } = outcome;
    const blamed = failure !== null && meaningOf(failure).verdict === "failure";
    if (kind !== "aborted") this.#options.observer.attemptEnded?.(endpoint, startedAt[attempt] as Instant, at, blamed);
    this.#router.post({ kind: "attempt-ended", attempt, outcome }, 0);
  }

  #finish({ request: id, result, account, version }: open.Finished, end: Instant): void {
    const request = this.#requests[id] ?? missing("the finished request");
    this.#requests[id] = null;
    if (this.#options.watch === undefined) this.#spareRequests.push(request);
    this.#freeRequests.push(id);
    this.#open -= 1;
    const row = id * open.requestWidth;
    const { cells } = this.#requestRows;
    const arrivedAt = cells[row + open.arrivedAt] as Instant;
    const first = orNull(cells[row + open.first]) as Instant | null;
    const { serial, route, tenant, inputTokens, batch = false } = request;
    const answered = result.kind === "served" || result.kind === "cut";
    this.#record({
      serial,
      route,
      tenant,
      deployment: orNull(cells[row + open.deployment]) as DeploymentId | null,
      result: result.kind,
      why: whyOf(result),
      scheduled: arrivedAt,
      sent: arrivedAt,
      started: orNull(cells[row + open.started]) as Instant | null,
      first: answered ? first : null,
      last: answered && first !== null ? end : null,
      end,
      inputTokens,
      // A stream that is cut does not come to its usage.
      cachedTokens: result.kind === "served" ? (cells[row + open.cachedRead] as number) : 0,
      outputTokens: answered ? (cells[row + open.output] as number) : 0,
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

function cutOutcome(fate: number, { usage, idle }: Extract<EndpointCommand, { kind: "cut-call" }>): AttemptOutcome {
  return (fate & open.aborted) === 0 ? failed(idle === true ? "timed-out-idle" : "cut", null, usage) : aborted(usage);
}

type SimulatedRequest = { -readonly [Key in keyof RouteRequest]: RouteRequest[Key] };

function newRequest(): SimulatedRequest {
  return {
    id: -1 as RequestId,
    serial: -1,
    tenant: -1 as TenantId,
    route: -1 as RouteId,
    inputTokens: 0,
    batch: false,
    outputTokensMax: 0,
    stream: true,
    priority: 0,
    deadline: never,
    blocks: null,
    tags: unlabelled.tags,
    tagMatch: unlabelled.tagMatch,
    region: unlabelled.region,
    residency: unlabelled.residency,
    barred: unlabelled.barred,
  };
}

const isNothing = (cell: number | undefined): boolean => cell === open.nothing;
const orNull = (cell: number | undefined): number | null => (cell === undefined || cell === open.nothing ? null : cell);
