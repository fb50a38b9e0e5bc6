/**
 * The simulated world: one router or several replicas of it, a model behind every endpoint, the faults' script and the arrivals, wired together in virtual time.
 * Arrivals are spread over the replicas at random, as a balancer in front of them does, by a draw that belongs to the request.
 */
import { assert, present } from "../../router/core/assert.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { Duration, Instant } from "../../router/core/machine.ts";
import type { BreakerPhase, EndpointId, LeaseKey, RouteId, RouterEvent } from "../../router/core/messages.ts";
import { keyedUnit, purposeOf } from "../../router/core/random.ts";
import { after, never } from "../../router/core/time.ts";
import type { Offer } from "../../router/core/rollout/live-versions.ts";
import { type CompiledScenario, type ConfigChangeSpec, everyVersion, type MembershipSpec, sharesProbes } from "./compiled-scenario.ts";
import { endpointMaker } from "./create-endpoint.ts";
import type { EndpointCommand, EndpointEvent, EndpointModel, EndpointSignals } from "./endpoint.ts";
import { crashChanges } from "./fault/crash-changes.ts";
import { faultChanges } from "./fault/fault-script.ts";
import { faultyLines, type FaultScript, resolveFaults } from "./fault/resolve-faults.ts";
import { Later } from "./kernel/later.ts";
import { type Post, VirtualDriver } from "./kernel/virtual-driver.ts";
import type { RequestRecord } from "./measure/request-record.ts";
import { ProbeLine } from "./probe-line.ts";
import { SimulatedReplica } from "./replica.ts";
import type { RouterWatch } from "./restartable-router.ts";
import { Sampling } from "./sampling.ts";
import { Scrape } from "./scrape.ts";
import { LeaseStoreModel, type StoreEvent } from "./store/lease-store-model.ts";
import { localStore } from "./store/lease-store-spec.ts";
import { eventOf, storeChanges } from "./store/store-changes.ts";
import type { Arrival } from "./workload/arrival.ts";
import type { ClosedLoop, ClosedLoopEvent, LoopCallId } from "./workload/closed-loop.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly arrivals: Iterator<Arrival>;
  /** Sessions beside the arrivals: it hears when its calls end. */
  readonly closedLoop?: ClosedLoop | undefined;
  readonly observer: WorldObserver;
  /** Absent: never. */
  readonly sampleEvery?: Duration;
  readonly watch?: RouterWatch | undefined;
}

export interface WorldObserver {
  requestEnded(record: RequestRecord): void;
  breakerChanged(endpoint: EndpointId, from: BreakerPhase, to: BreakerPhase, at: Instant, replica: number): void;
  /** Every `sampleEvery`, as long as anything is open or to come; by EndpointId. */
  sampled?(now: Instant, signals: readonly EndpointSignals[]): void;
  /** `failed`: in a way that speaks against the endpoint. */
  attemptEnded?(endpoint: EndpointId, startedAt: Instant, at: Instant, failed: boolean): void;
  probeEnded?(endpoint: EndpointId, healthy: boolean): void;
  healthChanged?(endpoint: EndpointId, healthy: boolean): void;
}

export interface World {
  /** To the end: until every arrived request has ended. */
  run(): void;
  readonly now: Instant;
  /** By EndpointId. */
  signals(): readonly EndpointSignals[];
}

const seedOfReplica = purposeOf("replica-seed");
const replicaOfRequest = purposeOf("replica-of-request");

const offerOf = ({ config, share, by }: ConfigChangeSpec): Offer => ({
  version: config.version,
  prepare: () => ({ kind: "config-activated", config, share, by }),
});

export function createWorld(scenario: CompiledScenario, options: WorldOptions): World {
  return new SimulatedWorld(scenario, options);
}

class SimulatedWorld implements World {
  readonly #scenario: CompiledScenario;
  readonly #options: WorldOptions;
  readonly #driver = new VirtualDriver();
  readonly #later = new Later();
  readonly #probes: ProbeLine;
  readonly #replicas: readonly SimulatedReplica[];
  readonly #faults: FaultScript;
  readonly #models: readonly EndpointModel[];
  readonly #toModel: readonly Post<EndpointEvent>[];
  readonly #store: Post<StoreEvent> | null;
  readonly #routeByName: Map<string, RouteId>;
  /** Limits that some version has had, and when the budgets' periods end. */
  #stable: CompiledConfig;
  readonly #limits = new Set<LeaseKey>();
  readonly #periodEnds = new Map<LeaseKey, Instant>();
  readonly #toLoop: Post<ClosedLoopEvent> | null;
  /** Calls of the closed loop that are under way, by serial and the other way round. */
  readonly #loopCalls = new Map<number, LoopCallId>();
  readonly #loopSerials = new Map<LoopCallId, number>();
  #serial = 0;
  #arriving = false;

  constructor(scenario: CompiledScenario, options: WorldOptions) {
    this.#scenario = scenario;
    this.#stable = scenario.config;
    this.#options = options;
    this.#routeByName = new Map(scenario.config.routes.map((route) => [route.name, route.id]));
    this.#probes = new ProbeLine({
      later: this.#later,
      models: scenario.endpoints,
      observe: (endpoint, now) => present(this.#models[endpoint], "the endpoint's model").observe(now),
      wanted: () => this.#arriving || this.#open > 0 || (options.closedLoop?.nextDeadline() ?? never) < never,
    });
    this.#replicas = Array.from({ length: scenario.replicas.count }, (_, replica) => this.#makeReplica(replica));
    this.#faults = resolveFaults(scenario, options.seed);
    const lines = faultyLines(this.#faults);
    const makeEndpoint = endpointMaker();
    this.#models = scenario.endpoints.map((spec, index) => makeEndpoint(spec, { seed: options.seed, index, detail: "first-token", line: lines.has(index) }));
    this.#toModel = this.#models.map((model, endpoint) =>
      this.#driver.addMachine(model, "model", { emit: (command, at) => this.#hear(command, at, endpoint as EndpointId) }),
    );
    this.#store = this.#addStore();
    this.#addFaults();
    this.#addCrashes();
    this.#addArrivals();
    if (this.#sendsLater) this.#driver.addSource(this.#later);
    this.#addSignals();
    this.#addSamples();
    this.#addMembership();
    this.#addChanges();
    this.#toLoop = this.#addClosedLoop();
  }

  get now(): Instant {
    return this.#driver.now;
  }

  run(): void {
    while (this.#driver.step());
    assert(this.#open === 0, `${this.#open} requests are open and nothing is left to happen`);
  }

  get #open(): number {
    return this.#replicas.reduce((sum, replica) => sum + replica.open, 0);
  }

  signals(): readonly EndpointSignals[] {
    return this.#models.map((model) => model.observe(this.#driver.now));
  }

  /** Each has draws of its own; the first has those of a lone one. */
  #makeReplica(replica: number): SimulatedReplica {
    const { seed, observer, watch } = this.#options;
    return new SimulatedReplica({
      scenario: this.#scenario,
      driver: this.#driver,
      seed: replica === 0 ? seed : Math.floor(keyedUnit(seed, seedOfReplica, replica, 0) * 4_294_967_296),
      replica,
      replicas: this.#scenario.replicas.count,
      watch,
      store: (event) => this.#store?.(event, 1),
      call: (endpoint, event) => present(this.#toModel[endpoint], "the endpoint's model")(event, 1),
      probe: (endpoint, timeout, answer) => this.#probes.ask(endpoint, timeout, this.#driver.now, answer),
      requestEnded: (record) => {
        this.#tellLoop(record);
        observer.requestEnded(record);
      },
      attemptEnded: (endpoint, startedAt, failed) => observer.attemptEnded?.(endpoint, startedAt, this.#driver.now, failed),
      breakerChanged: (endpoint, from, to, at) => observer.breakerChanged(endpoint, from, to, at, replica),
      probeEnded: (endpoint, healthy) => observer.probeEnded?.(endpoint, healthy),
      healthChanged: (endpoint, healthy) => observer.healthChanged?.(endpoint, healthy),
      tellPeers: (event) => this.#tellPeers(replica, event),
    });
  }

  /** Sources that never have anything are not asked again and again. */
  get #sendsLater(): boolean {
    const { gossip, signals } = this.#scenario.replicas;
    return gossip !== null || signals !== null || everyVersion(this.#scenario).deployments.some(({ probe }) => probe !== null);
  }

  #tellPeers(from: number, event: RouterEvent): void {
    const { gossip } = this.#scenario.replicas;
    if (gossip === null) return;
    for (const [place, peer] of this.#replicas.entries()) if (place !== from) this.#later.send(after(this.#driver.now, gossip), () => peer.tell(event));
  }

  #addMembership(): void {
    const { membership = [] } = this.#scenario;
    if (membership.length === 0) return;
    let next = 0;
    this.#driver.addSource({
      nextAt: () => membership[next]?.at ?? never,
      happen: () => {
        const event = this.#membershipEvent(present(membership[next], "a change of the fleet"));
        next += 1;
        for (const replica of this.#replicas) replica.tell(event);
      },
    });
  }

  #addChanges(): void {
    const { changes = [] } = this.#scenario;
    if (changes.length === 0) return;
    let next = 0;
    this.#driver.addSource({
      nextAt: () => changes[next]?.at ?? never,
      happen: () => {
        const change = present(changes[next], "a change of the configuration");
        const { config, share } = change;
        next += 1;
        for (const route of config.routes) if (route.gone !== true) this.#routeByName.set(route.name, route.id);
        for (const replica of this.#replicas) replica.activate(offerOf(change));
        this.#amendLimits(config, share);
      },
    });
  }

  /** The stable version's amounts hold; what only a canary has is new. */
  #amendLimits(config: CompiledConfig, share: number): void {
    if (share >= 1) this.#stable = config;
    if (this.#store === null || share <= 0) return;
    const isRuled = (id: LeaseKey): boolean => share < 1 && this.#stable.limits[id] !== undefined && this.#stable.limits[id].gone !== true;
    const limits = config.limits.filter(({ id, gone }) => gone !== true && !isRuled(id));
    this.#store({ kind: "limits-amended", limits }, 1);
    for (const { id } of limits) {
      const endsAt = this.#periodEnds.get(id);
      if (!this.#limits.has(id) && endsAt !== undefined) for (const replica of this.#replicas) replica.tell({ kind: "period-started", budget: id, endsAt });
      this.#limits.add(id);
    }
  }

  #addSignals(): void {
    const { endpoints, replicas } = this.#scenario;
    if (replicas.signals === null) return;
    const scrape = new Scrape({
      spec: replicas.signals,
      replicas: replicas.count,
      endpoints: endpoints.flatMap(({ kind }, endpoint) => (kind === "vllm" ? [endpoint as EndpointId] : [])),
      later: this.#later,
      wanted: () => this.#arriving || this.#open > 0,
      observe: (endpoint, now) => present(this.#models[endpoint], "the endpoint's model").observe(now),
      tell: (replica, event) => present(this.#replicas[replica], "the replica").tell(event),
    });
    this.#driver.addSource(scrape);
  }

  #addSamples(): void {
    const { sampleEvery: every, observer } = this.#options;
    if (every === undefined || observer.sampled === undefined) return;
    const wanted = (): boolean => this.#arriving || this.#open > 0;
    this.#driver.addSource(new Sampling({ every, wanted, now: () => this.now, sample: (now) => observer.sampled?.(now, this.signals()) }));
  }

  #hear(command: EndpointCommand, at: Instant, endpoint: EndpointId): void {
    present(this.#replicas[command.call % this.#replicas.length], "the call's replica").hear(command, at, endpoint);
  }

  /** Null where no limit is shared. */
  #addStore(): Post<StoreEvent> | null {
    const { config, replicas, leaseStore = localStore } = this.#scenario;
    const { limits } = everyVersion(this.#scenario);
    if (limits.length === 0 && !sharesProbes(this.#scenario)) return null;
    for (const { id } of config.limits) this.#limits.add(id);
    const model = new LeaseStoreModel(limits, { ...leaseStore, faults: this.#faults.store }, { seed: this.#options.seed, replicas: replicas.count });
    const post = this.#driver.addMachine(model, "model", { emit: (command) => present(this.#replicas[command.replica], "the asker").tell(command) });
    const changes = storeChanges(this.#faults.store, limits, () => this.#arriving || this.#open > 0);
    this.#driver.addSource({
      nextAt: changes.nextAt,
      happen: () => {
        const change = changes.take();
        if (change.kind === "period-started") {
          post({ kind: "period-began", lease: change.budget, endsAt: change.endsAt }, 1);
          this.#periodEnds.set(change.budget, change.endsAt);
          if (!this.#limits.has(change.budget)) return;
        }
        for (const [place, replica] of this.#replicas.entries()) if (change.replica === null || change.replica === place) replica.tell(eventOf(change));
      },
    });
    return post;
  }

  #addFaults(): void {
    const changes = faultChanges(this.#faults.endpoints);
    if (changes.length === 0) return;
    let next = 0;
    this.#driver.addSource({
      nextAt: () => changes[next]?.at ?? never,
      happen: () => {
        const change = present(changes[next], "a change of faults");
        next += 1;
        this.#probes.faultChanged(change.endpoint, change.fault);
        present(this.#toModel[change.endpoint], "the endpoint's model")({ kind: "fault-changed", fault: change.fault }, 1);
      },
    });
  }

  #addCrashes(): void {
    const changes = crashChanges(this.#faults.replicas, this.#replicas.length);
    if (changes.length === 0) return;
    const deaths = this.#replicas.map(() => 0);
    let next = 0;
    this.#driver.addSource({
      nextAt: () => changes[next]?.at ?? never,
      happen: (now) => {
        const { replica, dies } = present(changes[next], "a crash or restart");
        next += 1;
        const before = deaths[replica] ?? 0;
        deaths[replica] = before + (dies ? 1 : -1);
        if (dies && before === 0) present(this.#replicas[replica], "the replica").crash(now);
        else if (!dies && before === 1) this.#restart(present(this.#replicas[replica], "the replica"), now);
      },
    });
  }

  #restart(replica: SimulatedReplica, now: Instant): void {
    replica.restart(this.#history(replica, now));
  }

  /** What has become of the fleet and its configuration so far, for a replica that starts now. */
  #history(replica: SimulatedReplica, now: Instant): readonly (() => void)[] {
    const { membership = [], changes = [] } = this.#scenario;
    const told = [
      ...membership.map((change) => ({ at: change.at, tell: () => replica.tell(this.#membershipEvent(change)) })),
      ...changes.map((change) => ({ at: change.at, tell: () => replica.activate(offerOf(change)) })),
    ];
    return told
      .filter(({ at }) => at <= now)
      .toSorted((one, other) => one.at - other.at)
      .map(({ tell }) => tell);
  }

  #membershipEvent({ endpoint, kind }: MembershipSpec): RouterEvent {
    const joined = kind === "joins" ? [present(this.#scenario.config.endpoints[endpoint], "the endpoint")] : [];
    return { kind: "fleet-changed", joined, left: kind === "leaves" ? [endpoint] : [] };
  }

  #addArrivals(): void {
    const { arrivals } = this.#options;
    const pull = (): Arrival | null => {
      const row = arrivals.next();
      return row.done === true ? null : row.value;
    };
    let next = pull();
    this.#arriving = next !== null;
    this.#driver.addSource({
      nextAt: () => next?.at ?? never,
      happen: () => {
        this.#arrive(present(next, "an arrival"));
        next = pull();
        this.#arriving = next !== null;
      },
    });
  }

  #addClosedLoop(): Post<ClosedLoopEvent> | null {
    const { closedLoop } = this.#options;
    if (closedLoop === undefined) return null;
    return this.#driver.addMachine(closedLoop, "model", {
      emit: (command) => {
        if (command.kind === "send-call") {
          this.#loopCalls.set(this.#serial, command.call);
          this.#loopSerials.set(command.call, this.#serial);
          this.#arrive(command.arrival);
          return;
        }
        const serial = present(this.#loopSerials.get(command.call), "the serial of a call under way");
        for (const replica of this.#replicas) replica.leave(serial);
      },
    });
  }

  #tellLoop({ serial, result }: RequestRecord): void {
    if (this.#toLoop === null) return;
    const call = this.#loopCalls.get(serial);
    if (call === undefined) return;
    this.#loopCalls.delete(serial);
    this.#loopSerials.delete(call);
    this.#toLoop({ kind: "call-ended", call, served: result === "served" }, 0);
  }

  /** The balancer knows who is down: what one dead replica would have had goes to the next. */
  #replicaOf(serial: number): SimulatedReplica {
    const { length } = this.#replicas;
    const drawn = length === 1 ? 0 : Math.floor(keyedUnit(this.#options.seed, replicaOfRequest, serial, 0) * length);
    for (let further = 0; further < length; further += 1) {
      const replica = this.#replicas[(drawn + further) % length];
      if (replica?.isUp === true) return replica;
    }
    return present(this.#replicas[drawn], "the replica");
  }

  #arrive(arrival: Arrival): void {
    // A route may come with a later version of the configuration only.
    const named = arrival.route === null ? undefined : this.#routeByName.get(arrival.route);
    const route = named ?? this.#scenario.defaultRoute;
    const serial = this.#serial;
    this.#serial += 1;
    const replica = this.#replicaOf(serial);
    if (replica.isUp) replica.arrive(arrival, serial, route);
    else replica.refuse(arrival, serial, route);
  }
}
