/**
 * The simulated world: one router or several replicas of it, a model behind every endpoint, the faults' script and the arrivals, wired together in virtual time.
 * Arrivals are spread over the replicas at random, as a balancer in front of them does, by a draw that belongs to the request.
 */
import { assert, missing, present } from "../../router/core/assert.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { Duration, Instant, Out } from "../../router/core/machine.ts";
import type { EndpointId, LeaseKey, RouteId, RouterEvent } from "../../router/core/messages.ts";
import { keyedUnit, purposeOf } from "../../router/core/random.ts";
import { after, never } from "../../router/core/time.ts";
import type { Offer } from "../../router/core/rollout/live-versions.ts";
import { type CompiledScenario, type ConfigChangeSpec, everyVersion, type MembershipSpec, sharesProbes } from "./compiled-scenario.ts";
import { endpointMaker } from "./create-endpoint.ts";
import type { EndpointCommand, EndpointEvent, EndpointModel, EndpointSignals } from "./endpoint.ts";
import { crashChanges } from "./fault/crash-changes.ts";
import { faultChanges } from "./fault/fault-script.ts";
import { faultyLines, type FaultScript, resolveFaults } from "./fault/resolve-faults.ts";
import { InOrder } from "./kernel/in-order.ts";
import { Later } from "./kernel/later.ts";
import { type Driven, VirtualDriver } from "./kernel/virtual-driver.ts";
import type { RequestRecord } from "./measure/request-record.ts";
import { ProbeLine } from "./probe-line.ts";
import { SimulatedReplica } from "./replica.ts";
import type { RouterWatch } from "./router-watch.ts";
import { Sampling } from "./sampling.ts";
import { Scrape } from "./scrape.ts";
import { LeaseStoreModel, type StoreEvent } from "./store/lease-store-model.ts";
import { localStore } from "./store/lease-store-spec.ts";
import { eventOf, type StoreChange, StoreChanges } from "./store/store-changes.ts";
import type { Arrival } from "./workload/arrival.ts";
import { Arrivals } from "./workload/arrivals.ts";
import type { ClosedLoop, ClosedLoopEvent, LoopCallId } from "./workload/closed-loop.ts";
import type { WorldObserver } from "./world-observer.ts";

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

export interface World {
  /** To the end: until every arrived request has ended. */
  run(): void;
  /** A part of the way: so many steps of the driver. False: that was the end. */
  advance(steps: number): boolean;
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

/** What an endpoint says is for the replica whose call it is. Not a closure: of hundreds of endpoints each would have two more places in memory to look at. */
class EndpointOut implements Out<EndpointCommand> {
  readonly #endpoint: EndpointId;
  readonly #replicas: readonly SimulatedReplica[];

  /** @param replicas may be put into the list later: before they are there, nothing is called */
  constructor(endpoint: EndpointId, replicas: readonly SimulatedReplica[]) {
    this.#endpoint = endpoint;
    this.#replicas = replicas;
  }

  emit(command: EndpointCommand, at: Instant): void {
    const replicas = this.#replicas;
    (replicas[command.call % replicas.length] ?? missing("the call's replica")).hear(command, at, this.#endpoint);
  }
}

class SimulatedWorld implements World {
  readonly #scenario: CompiledScenario;
  readonly #options: WorldOptions;
  readonly #driver = new VirtualDriver();
  readonly #later = new Later();
  readonly #probes: ProbeLine;
  readonly #replicas: SimulatedReplica[] = [];
  readonly #faults: FaultScript;
  readonly #models: readonly EndpointModel[];
  readonly #driven: readonly Driven<EndpointEvent>[];
  readonly #store: Driven<StoreEvent> | null;
  readonly #routeByName: Map<string, RouteId>;
  /** Limits that some version has had, and when the budgets' periods end. */
  #stable: CompiledConfig;
  readonly #limits = new Set<LeaseKey>();
  readonly #periodEnds = new Map<LeaseKey, Instant>();
  readonly #arrivals: Arrivals;
  readonly #loop: Driven<ClosedLoopEvent> | null;
  /** Calls of the closed loop that are under way, by serial and the other way round. */
  readonly #loopCalls = new Map<number, LoopCallId>();
  readonly #loopSerials = new Map<LoopCallId, number>();
  #serial = 0;

  constructor(scenario: CompiledScenario, options: WorldOptions) {
    this.#scenario = scenario;
    this.#stable = scenario.config;
    this.#options = options;
    this.#routeByName = new Map(scenario.config.routes.map((route) => [route.name, route.id]));
    this.#probes = new ProbeLine({
      later: this.#later,
      models: scenario.endpoints,
      observe: (endpoint, now) => present(this.#models[endpoint], "the endpoint's model").observe(now),
      wanted: () => this.#isBusy || (options.closedLoop?.nextDeadline() ?? never) < never,
    });
    this.#faults = resolveFaults(scenario, options.seed);
    const lines = faultyLines(this.#faults);
    const makeEndpoint = endpointMaker();
    this.#models = scenario.endpoints.map((spec, index) => makeEndpoint(spec, { seed: options.seed, index, detail: "first-token", line: lines.has(index) }));
    this.#driven = this.#models.map((model, endpoint) => this.#addModel(model, endpoint as EndpointId));
    this.#store = this.#addStore();
    this.#loop = this.#addClosedLoop();
    for (let replica = 0; replica < scenario.replicas.count; replica += 1) this.#replicas.push(this.#makeReplica(replica));
    this.#addFaults();
    this.#addCrashes();
    this.#arrivals = new Arrivals(options.arrivals, (arrival) => this.#arrive(arrival));
    this.#driver.addSource(this.#arrivals);
    if (this.#sendsLater) this.#driver.addSource(this.#later);
    this.#addSignals();
    this.#addSamples();
    this.#addMembership();
    this.#addChanges();
  }

  get now(): Instant {
    return this.#driver.now;
  }

  run(): void {
    this.advance(Infinity);
  }

  advance(steps: number): boolean {
    if (this.#driver.advance(steps)) return true;
    assert(this.#open === 0, `${this.#open} requests are open and nothing is left to happen`);
    return false;
  }

  get #open(): number {
    return this.#replicas.reduce((sum, replica) => sum + replica.open, 0);
  }

  /** Requests are open or to come, those of sessions that are thinking left out. */
  get #isBusy(): boolean {
    return this.#arrivals.areLeft || this.#open > 0;
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
      observer,
      models: this.#driven,
      store: this.#store,
      probe: (endpoint, timeout, answer) => this.#probes.ask(endpoint, timeout, this.#driver.now, answer),
      requestEnded: this.#loop === null ? null : (record) => this.#tellLoop(record),
      tellPeers: (event) => this.#tellPeers(replica, event),
    });
  }

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
    this.#follow(membership, (change) => {
      const event = this.#membershipEvent(change);
      for (const replica of this.#replicas) replica.tell(event);
    });
  }

  #addChanges(): void {
    const { changes = [] } = this.#scenario;
    this.#follow(changes, (change) => {
      const { config, share } = change;
      for (const route of config.routes) if (route.gone !== true) this.#routeByName.set(route.name, route.id);
      for (const replica of this.#replicas) replica.activate(offerOf(change));
      this.#amendLimits(config, share);
    });
  }

  /** Sources that never have anything are not asked again and again. */
  #follow<Change extends { readonly at: Instant }>(changes: readonly Change[], apply: (change: Change, now: Instant) => void): void {
    if (changes.length > 0) this.#driver.addSource(new InOrder(changes, apply));
  }

  /** The stable version's amounts hold; what only a canary has is new. */
  #amendLimits(config: CompiledConfig, share: number): void {
    if (share >= 1) this.#stable = config;
    if (this.#store === null || share <= 0) return;
    const isRuled = (id: LeaseKey): boolean => share < 1 && this.#stable.limits[id] !== undefined && this.#stable.limits[id].gone !== true;
    const limits = config.limits.filter(({ id, gone }) => gone !== true && !isRuled(id));
    this.#store.post({ kind: "limits-amended", limits }, 1);
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
      now: () => this.now,
      wanted: () => this.#isBusy,
      observe: (endpoint, now) => present(this.#models[endpoint], "the endpoint's model").observe(now),
      tell: (replica, event) => present(this.#replicas[replica], "the replica").tell(event),
    });
    this.#driver.addSource(scrape);
  }

  #addSamples(): void {
    const { sampleEvery: every, observer } = this.#options;
    if (every === undefined || observer.sampled === undefined) return;
    const wanted = (): boolean => this.#isBusy;
    this.#driver.addSource(new Sampling({ every, wanted, now: () => this.now, sample: (now) => observer.sampled?.(now, this.signals()) }));
  }

  #addModel(model: EndpointModel, endpoint: EndpointId): Driven<EndpointEvent> {
    return this.#driver.addMachine(model, new EndpointOut(endpoint, this.#replicas));
  }

  /** Null where no limit is shared. */
  #addStore(): Driven<StoreEvent> | null {
    const { config, replicas, leaseStore = localStore } = this.#scenario;
    const { limits } = everyVersion(this.#scenario);
    if (limits.length === 0 && !sharesProbes(this.#scenario)) return null;
    for (const { id } of config.limits) this.#limits.add(id);
    const faults = this.#faults.store;
    const model = new LeaseStoreModel(limits, { ...leaseStore, faults }, { seed: this.#options.seed, replicas: replicas.count });
    this.#driver.addSource(new StoreChanges({ faults, limits, wanted: () => this.#isBusy, tell: (change) => this.#tellOfStore(change) }));
    return this.#driver.addMachine(model, { emit: (command) => present(this.#replicas[command.replica], "the asker").tell(command) });
  }

  #tellOfStore(change: StoreChange): void {
    if (change.kind === "period-started") {
      this.#store?.post({ kind: "period-began", lease: change.budget, endsAt: change.endsAt }, 1);
      this.#periodEnds.set(change.budget, change.endsAt);
      if (!this.#limits.has(change.budget)) return;
    }
    for (const [place, replica] of this.#replicas.entries()) if (change.replica === null || change.replica === place) replica.tell(eventOf(change));
  }

  #addFaults(): void {
    this.#follow(faultChanges(this.#faults.endpoints), ({ endpoint, fault }) => {
      this.#probes.faultChanged(endpoint, fault);
      present(this.#driven[endpoint], "the endpoint's model").post({ kind: "fault-changed", fault }, 1);
    });
  }

  #addCrashes(): void {
    const deaths = this.#replicas.map(() => 0);
    this.#follow(crashChanges(this.#faults.replicas, this.#replicas.length), ({ replica, dies }, now) => {
      const before = deaths[replica] ?? 0;
      deaths[replica] = before + (dies ? 1 : -1);
      if (dies && before === 0) present(this.#replicas[replica], "the replica").crash(now);
      else if (!dies && before === 1) this.#restart(present(this.#replicas[replica], "the replica"), now);
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

  #addClosedLoop(): Driven<ClosedLoopEvent> | null {
    const { closedLoop } = this.#options;
    if (closedLoop === undefined) return null;
    return this.#driver.addMachine(closedLoop, {
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
    const call = this.#loopCalls.get(serial);
    if (call === undefined) return;
    this.#loopCalls.delete(serial);
    this.#loopSerials.delete(call);
    this.#loop?.post({ kind: "call-ended", call, served: result === "served" }, 0);
  }

  #arrive(arrival: Arrival): void {
    // A route may come with a later version of the configuration only.
    const named = arrival.route === null ? undefined : this.#routeByName.get(arrival.route);
    const route = named ?? this.#scenario.defaultRoute;
    const serial = this.#serial;
    this.#serial += 1;
    const { length } = this.#replicas;
    const drawn = length === 1 ? 0 : Math.floor(keyedUnit(this.#options.seed, replicaOfRequest, serial, 0) * length);
    // The balancer knows who is down: what one dead replica would have had goes to the next.
    for (let further = 0; further < length; further += 1) {
      const replica = this.#replicas[(drawn + further) % length] ?? missing("the replica");
      if (!replica.isUp) continue;
      replica.arrive(arrival, serial, route);
      return;
    }
    present(this.#replicas[drawn], "the replica").refuse(arrival, serial, route);
  }
}
