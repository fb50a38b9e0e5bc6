import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { ServiceSpec, UpstreamSpec } from "../config/service-spec.ts";
import type { CompiledConfig } from "../core/compiled-config.ts";
import type { RouteNames } from "../core/route-names.ts";
import type { Instant, Machine } from "../core/machine.ts";
import {
  type AttemptId,
  type EndpointId,
  type EndpointLoad,
  rankOf,
  type RequestId,
  type RouterCommand,
  type RouterEvent,
  type TenantId,
} from "../core/messages.ts";
import { RealtimeDriver, type Recorded } from "../drivers/realtime-driver.ts";
import type { DecisionLog } from "../telemetry/decision-log.ts";
import { RouterMetrics } from "../telemetry/router-metrics.ts";
import type { UpstreamTransport } from "../upstream/upstream-transport.ts";
import type { AdoptedConfig } from "./adopted-config.ts";
import { type Activation, AdoptedVersions } from "./adopted-versions.ts";
import { finishAnswer } from "./answer-request.ts";
import { AttemptsUnderWay } from "./attempts-under-way.ts";
import { CoreNotes } from "./core-notes.ts";
import { healthProbes } from "./health-probes.ts";
import { endedRequest } from "./ended-request.ts";
import { PriceCalendar } from "./price-calendar.ts";
import { LeaseLink } from "./lease-link.ts";
import type { LeaseStore } from "../stores/lease-store.ts";
import { MemoryLeaseStore } from "../stores/memory/memory-lease-store.ts";
import { monotonicNow } from "../drivers/host-timers.ts";
import type { CallerHeaders, Exchange } from "./ingress/exchange.ts";
import { isOfRequest, type OtherCommand } from "./request-commands.ts";
import { RequestMemory } from "./request-memory.ts";
import { UpstreamKeys } from "./upstream-keys.ts";
import { RequestInFlight, type RequestOwner } from "./request-in-flight.ts";
import { type AdmittedCall, routeRequest } from "./route-request.ts";
import { RequestNames } from "./request-names.ts";
import { RequestsUnderWay } from "./requests-under-way.ts";
import { TimedMachine } from "./timed-machine.ts";

export interface RouterServiceOptions {
  readonly compiled: CompiledConfig;
  readonly spec: ServiceSpec;
  readonly core: Machine<RouterEvent, RouterCommand>;
  readonly transport: UpstreamTransport;
  readonly log: DecisionLog;
  /** Of limits and budgets; absent: this process is the only replica. */
  readonly leaseStore?: LeaseStore;
  readonly record?: (entry: Recorded<RouterEvent, RouterCommand>) => void;
}

type Finish = Extract<RouterCommand, { kind: "finish-request" }>;

/** The core at work: callers' requests become events, commands become attempts and answers. */
export class RouterService implements RequestOwner {
  readonly metrics: RouterMetrics;
  readonly memory: RequestMemory;
  readonly #options: RouterServiceOptions;
  readonly #driver: RealtimeDriver<RouterEvent, RouterCommand>;
  readonly #requests = new RequestsUnderWay();
  readonly #attempts: AttemptsUnderWay;
  readonly #versions: AdoptedVersions;
  readonly #notes: CoreNotes;
  readonly #leases: LeaseLink;
  readonly #prober: ReturnType<typeof healthProbes>;
  #prices: PriceCalendar;
  readonly #keys: UpstreamKeys;
  readonly #names = new RequestNames();
  #serial = 0;
  #draining = false;

  constructor(options: RouterServiceOptions) {
    this.#options = options;
    this.#keys = new UpstreamKeys(options.transport, (message) => options.log.logger.warn({ said: message }, "google_token_not_fetched"));
    this.#versions = new AdoptedVersions(options.compiled, options.spec, this.#keys, (config) => this.metrics.configure(config));
    this.memory = new RequestMemory(() => this.compiled, options.spec.stateFolder, options.log);
    this.metrics = new RouterMetrics(options.compiled, () => this.#requests.load(this.compiled));
    this.#notes = new CoreNotes(() => this.compiled, this.metrics, options.log);
    const { record } = options;
    this.#driver = new RealtimeDriver(new TimedMachine(options.core, (durationMs) => this.metrics.decided(durationMs)), {
      rank: (event) => rankOf[event.kind],
      isStale: (event) => event.kind === "client-left" && !this.#requests.hasLeft(event.request),
      carryOut: (command) => this.#carryOut(command),
      onStall: (from, to) => {
        this.metrics.stalled();
        options.log.logger.warn({ stall_ms: (to - from) / 1000 }, "event_loop_stall");
      },
      ...(record === undefined ? {} : { record }),
    });
    this.#attempts = new AttemptsUnderWay({
      driver: this.#driver,
      transport: options.transport,
      metrics: this.metrics,
      memory: this.memory,
      log: options.log,
      config: () => this.compiled,
    });
    this.#prober = healthProbes(options.transport, this.#driver, this.#notes, (endpoint) => this.#versions.lane(endpoint));
    this.#leases = new LeaseLink({
      store: options.leaseStore ?? new MemoryLeaseStore(options.compiled.limits, monotonicNow),
      periods: options.spec.periods,
      holder: randomUUID(),
      now: () => this.#driver.now(),
      submit: (event) => this.#driver.submit(event),
    });
    this.#leases.start();
    this.#prices = new PriceCalendar(options.spec.priceChanges, (event) => this.#driver.submit(event));
    this.#prices.start();
  }

  get draining(): boolean {
    return this.#draining;
  }

  get #adopted(): AdoptedConfig {
    return this.#versions.newest;
  }

  /** The newest version of the configuration: it has all ids. */
  get compiled(): CompiledConfig {
    return this.#adopted.compiled;
  }

  /** By the name that callers use. */
  get routes(): RouteNames {
    return this.#adopted.routes;
  }

  get upstreams(): readonly UpstreamSpec[] {
    return this.#adopted.spec.endpoints;
  }

  /** New requests go by it; those under way end as they began. `waits`: until one of the older versions that are still at work has ended. */
  activate(compiled: CompiledConfig, spec: ServiceSpec): "activated" | "waits" {
    const activation = this.#versions.offer(compiled, spec);
    if (activation === null) return "waits";
    this.#announce(activation);
    return "activated";
  }

  #announce(activation: Activation): void {
    const { periods, priceChanges } = this.#adopted.spec;
    this.#driver.submit(activation);
    this.#leases.amend(
      activation.config.limits.filter(({ gone }) => gone !== true),
      periods,
    );
    this.#prices.close();
    this.#prices = new PriceCalendar(priceChanges, (event) => this.#driver.submit(event));
    this.#prices.start();
    this.#options.log.logger.info({ version: activation.config.version }, "configuration_activated");
  }

  /** Whose key the request carries; null: nobody's. */
  tenantOf(headers: CallerHeaders): TenantId | null {
    return this.#adopted.tenantKeys.tenantOf(headers);
  }

  /** Of a request of this tenant's, under way or one of the last; null: there is none. */
  requestTold(name: string, tenant: TenantId): Readonly<Record<string, unknown>> | null {
    return this.memory.told(name, tenant) ?? this.memory.toldUnderWay(name, tenant, this.#requests);
  }

  /** Google's tokens are there, or cannot be had for now. */
  async ready(limitMs: number): Promise<void> {
    await this.#keys.ready(limitMs);
  }

  admit(call: AdmittedCall, exchange: Exchange): void {
    const arrivedMs = performance.now();
    const request = this.#requests.admit((id) => this.#newRequest(id, call, exchange, arrivedMs));
    this.#driver.submit({ kind: "request-arrived", request: request.routed });
    // Sent at once: what has passed since the body was read is the router's own.
    if (request.attempts > 0) this.metrics.latencyAdded(performance.now() - arrivedMs);
  }

  now(): Instant {
    return this.#driver.now();
  }

  /** What an endpoint said of itself. */
  observe(endpoint: EndpointId, signals: EndpointLoad, sampledAt: Instant): void {
    this.#driver.submit({ kind: "signal-observed", endpoint, signals, sampledAt });
  }

  /** No new work; resolves when the last request has ended, or after the limit. */
  async drain(limitMs: number): Promise<boolean> {
    if (!this.#draining) {
      this.#draining = true;
      this.#driver.submit({ kind: "drain-started" });
    }
    return this.#requests.idle(limitMs);
  }

  stop(): void {
    this.#driver.stop();
    this.#leases.close();
    this.#prober.stop();
    this.#prices.close();
    this.#keys.close();
    this.#attempts.abortAll();
    this.#requests.forEach((request) => request.answer.abandon());
  }

  #newRequest(id: RequestId, call: AdmittedCall, exchange: Exchange, arrivedMs: number): RequestInFlight {
    const { compiled, spec, looks } = this.#adopted;
    const serial = this.#serial++;
    const routed = routeRequest(call, { id, serial, now: this.#driver.now(), config: compiled, hasTenants: spec.tenantOf !== null, looks });
    return new RequestInFlight(this.#names.next(), call, routed, exchange, arrivedMs, this);
  }

  hold(request: RequestInFlight, attempt: AttemptId): void {
    this.#attempts.pause(request, attempt);
  }

  release(request: RequestInFlight, attempt: AttemptId): void {
    this.#attempts.resume(request, attempt);
  }

  left(request: RequestInFlight): void {
    this.#driver.submit({ kind: "client-left", request: request.id });
  }

  #carryOut(command: RouterCommand): void {
    if (!isOfRequest(command)) {
      this.#carryOutOther(command);
      return;
    }
    switch (command.kind) {
      case "start-attempt":
        this.#attempts.start(command, this.#requests.get(command.request), this.#versions.lane(command.endpoint));
        return;
      case "commit-attempt":
        this.#attempts.commit(command.attempt);
        return;
      case "abort-attempt":
        this.#attempts.abort(command.attempt, command.why === "hedge-lost");
        return;
      case "finish-request":
        this.#finish(command);
        return;
      case "record-decision":
        this.#requests.get(command.request).explanation = command.explanation;
    }
  }

  /** What is not a request's. */
  #carryOutOther(command: OtherCommand): void {
    switch (command.kind) {
      case "retire-config": {
        this.#notes.note(command);
        const waiting = this.#versions.retired(command.version);
        if (waiting !== null) this.#announce(waiting);
        return;
      }
      case "start-probe":
        this.#prober.start(command);
        return;
      case "ask-lease":
      case "return-lease":
      case "ask-probes":
      case "return-probes":
        this.#leases.carryOut(command, this.compiled);
        return;
      case "health-changed":
      case "request-rerouted":
      case "budget-noticed":
      case "limit-changed":
      case "weight-changed":
      case "forget-endpoint":
      case "breaker-changed":
        this.#notes.note(command);
    }
  }

  #finish(command: Finish): void {
    const request = this.#requests.get(command.request);
    this.#requests.release(command.request);
    this.#attempts.forget(request);
    if (request.answering !== null) request.ending = request.answering.ending;
    finishAnswer(request, command.result, command.account, this.compiled);
    if (command.result.kind === "served" && !request.routed.stream) this.metrics.latencyAdded(performance.now() - request.answeredMs);
    const ended = endedRequest(request, command.result, command.account, this.compiled);
    this.metrics.requestEnded(ended);
    this.memory.noteEnded(request, ended);
    if (this.#options.log.takesDecisions) this.#options.log.decision(this.#adopted.decisions.line(request, ended));
    this.#requests.ended();
  }
}
