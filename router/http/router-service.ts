import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { alignService } from "../config/align-service.ts";
import type { ServiceSpec, UpstreamSpec } from "../config/service-spec.ts";
import type { CompiledConfig } from "../core/compiled-config.ts";
import type { RouteNames } from "../core/route-names.ts";
import { alignConfig } from "../core/rollout/align-config.ts";
import { LiveVersions } from "../core/rollout/live-versions.ts";
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
import { type LoadNow, RouterMetrics } from "../telemetry/router-metrics.ts";
import type { AttemptEnding } from "../upstream/attempt.ts";
import type { UpstreamLane } from "../upstream/upstream-lane.ts";
import type { UpstreamTransport } from "../upstream/upstream-transport.ts";
import { type AdoptedConfig, adoptConfig } from "./adopted-config.ts";
import { attemptHeaders, finishAnswer } from "./answer-request.ts";
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
import { type AttemptOwner, RunningAttempt } from "./running-attempt.ts";
import { Slots } from "./slots.ts";
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
type Activation = Extract<RouterEvent, { kind: "config-activated" }>;
type StartAttempt = Extract<RouterCommand, { kind: "start-attempt" }>;

/** The core at work: callers' requests become events, commands become attempts and answers. Every start-attempt gets exactly one attempt-ended. */
export class RouterService implements RequestOwner, AttemptOwner {
  readonly metrics: RouterMetrics;
  readonly memory: RequestMemory;
  readonly #options: RouterServiceOptions;
  readonly #driver: RealtimeDriver<RouterEvent, RouterCommand>;
  readonly #requests = new Slots<RequestInFlight>();
  /** By AttemptId, from start-attempt until the request is finished: a commit may come after the ending. */
  readonly #attempts: (RunningAttempt | null)[] = [];
  #adopted: AdoptedConfig;
  readonly #versions: LiveVersions;
  readonly #notes: CoreNotes;
  readonly #leases: LeaseLink;
  readonly #prober: ReturnType<typeof healthProbes>;
  #prices: PriceCalendar;
  readonly #keys: UpstreamKeys;
  readonly #names = new RequestNames();
  #serial = 0;
  #draining = false;
  #onIdle: (() => void) | null = null;

  constructor(options: RouterServiceOptions) {
    this.#options = options;
    this.#keys = new UpstreamKeys(options.transport, (message) => options.log.logger.warn({ said: message }, "google_token_not_fetched"));
    this.#adopted = this.#adopt(options.compiled, options.spec);
    this.memory = new RequestMemory(() => this.compiled, options.spec.stateFolder, options.log);
    this.#versions = new LiveVersions(options.compiled);
    this.metrics = new RouterMetrics(options.compiled, () => this.#load());
    this.#notes = new CoreNotes(() => this.compiled, this.metrics, options.log);
    const { record } = options;
    this.#driver = new RealtimeDriver(new TimedMachine(options.core, (durationMs) => this.metrics.decided(durationMs)), {
      rank: (event) => rankOf[event.kind],
      isStale: (event) => event.kind === "client-left" && this.#requests.at(event.request)?.hasLeft !== true,
      carryOut: (command) => this.#carryOut(command),
      onStall: (from, to) => {
        this.metrics.stalled();
        options.log.logger.warn({ stall_ms: (to - from) / 1000 }, "event_loop_stall");
      },
      ...(record === undefined ? {} : { record }),
    });
    this.#prober = healthProbes(options.transport, this.#driver, this.#notes, (endpoint) => this.#lane(endpoint));
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
    const activation = this.#versions.offer({
      version: compiled.version,
      prepare: (live) => {
        const alignment = alignConfig(compiled, live);
        this.#adopted = this.#adopt(alignment.config, alignService(spec, alignment, this.#adopted.spec));
        this.metrics.configure(alignment.config);
        return { kind: "config-activated", config: alignment.config, share: 1, by: "request" };
      },
    });
    if (activation === null) return "waits";
    this.#announce(activation);
    return "activated";
  }

  #adopt(compiled: CompiledConfig, spec: ServiceSpec): AdoptedConfig {
    return adoptConfig(compiled, spec, (origin, key) => this.#keys.seal(origin, key));
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
    const request = this.#requests.take((id) => this.#newRequest(id as RequestId, call, exchange, arrivedMs));
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
    if (this.#requests.inUse === 0) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  stop(): void {
    this.#driver.stop();
    this.#leases.close();
    this.#prober.stop();
    this.#prices.close();
    this.#keys.close();
    for (const running of this.#attempts) running?.attempt.abort();
    this.#requests.forEach((request) => request.answer.abandon());
  }

  #newRequest(id: RequestId, call: AdmittedCall, exchange: Exchange, arrivedMs: number): RequestInFlight {
    const { compiled, spec, looks } = this.#adopted;
    const serial = this.#serial++;
    const routed = routeRequest(call, { id, serial, now: this.#driver.now(), config: compiled, hasTenants: spec.tenantOf !== null, looks });
    return new RequestInFlight(this.#names.next(), call, routed, exchange, arrivedMs, this);
  }

  hold(request: RequestInFlight, attempt: AttemptId): void {
    this.#runningOf(request, attempt)?.attempt.pause();
  }

  release(request: RequestInFlight, attempt: AttemptId): void {
    this.#runningOf(request, attempt)?.attempt.resume();
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
        this.#startAttempt(command);
        return;
      case "commit-attempt":
        this.#commit(command.attempt);
        return;
      case "abort-attempt":
        this.#abort(command.attempt, command.why === "hedge-lost");
        return;
      case "finish-request":
        this.#finish(command);
        return;
      case "record-decision":
        this.#request(command.request).explanation = command.explanation;
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

  #startAttempt({ attempt: id, endpoint, request: of, limits }: StartAttempt): void {
    const request = this.#request(of);
    const running = new RunningAttempt(id, endpoint, request, this.#driver.now(), this.#lane(endpoint), limits, this);
    this.#attempts[id] = running;
    request.attemptBegins(id, endpoint);
    if (request.attempts > 1) request.answer.forgetHeld(id);
    running.attempt.start(this.#options.transport);
    request.dropped = running.attempt.dropped;
  }

  bytesCame(running: RunningAttempt, chunk: Uint8Array): void {
    if (running.unread) this.memory.noteIds(running, chunk);
    running.request.answer.bytes(running.id, chunk);
  }

  contentBegan({ id }: RunningAttempt): void {
    this.#driver.submit({ kind: "attempt-first-token", attempt: id });
  }

  #abort(id: AttemptId, lost: boolean): void {
    const running = this.#attempts[id] ?? null;
    if (running === null) return;
    running.lost = lost;
    running.attempt.abort();
  }

  #runningOf(request: RequestInFlight, id: AttemptId): RunningAttempt | null {
    const running = this.#attempts[id] ?? null;
    return running?.request === request ? running : null;
  }

  attemptEnded(running: RunningAttempt, ending: AttemptEnding): void {
    this.#noteEnding(running, this.memory.shown(running.request, ending));
    const { outcome } = ending;
    const lagged = this.#driver.stalledSince(running.startedAt);
    this.#driver.submit({ kind: "attempt-ended", attempt: running.id, outcome: lagged ? { ...outcome, lagged } : outcome });
  }

  #noteEnding(running: RunningAttempt, ending: AttemptEnding): void {
    const { request, endpoint } = running;
    running.ending = ending;
    request.underWay -= 1;
    if (!running.lost) {
      request.ending = ending;
      request.endedLast = running.id;
      request.answeredMs = performance.now();
    }
    if (ending.outcome.kind !== "succeeded") request.answer.forgetHeld(running.id);
    request.attemptsEnded.push({ endpoint, outcome: ending.outcome.failure ?? ending.outcome.kind, status: ending.status });
    if (ending.outcome.kind === "succeeded" && ending.answer !== null) this.memory.noteIds(running, ending.answer.body);
    this.metrics.attemptEnded(request.route.id, endpoint, ending.outcome);
    if (ending.outcome.kind === "failed") {
      const origin = this.compiled.endpoints[endpoint]?.origin;
      this.#options.log.logger.debug({ request_id: request.name, endpoint: origin, failure: ending.outcome.failure, said: ending.message }, "attempt_failed");
    }
  }

  #commit(id: AttemptId): void {
    const running = this.#attempts[id] ?? null;
    if (running === null) throw new Error(`assertion: attempt ${id} is committed, and was never started`);
    const { request, attempt } = running;
    request.answering = running;
    // It has ended meanwhile: what it sent is handed over when the request is finished.
    if (running.ending !== null) return;
    request.ttftMs = performance.now() - request.arrivedMs;
    request.answer.commit(id, attemptHeaders(request, this.compiled));
    if (!Number.isNaN(attempt.firstContentMs)) this.metrics.latencyAdded(performance.now() - attempt.firstContentMs);
  }

  #finish(command: Finish): void {
    const request = this.#request(command.request);
    this.#requests.release(command.request);
    for (const id of request.attemptIds) if (this.#attempts[id]?.request === request) this.#attempts[id] = null;
    if (request.answering !== null) request.ending = request.answering.ending;
    finishAnswer(request, command.result, command.account, this.compiled);
    if (command.result.kind === "served" && !request.routed.stream) this.metrics.latencyAdded(performance.now() - request.answeredMs);
    const ended = endedRequest(request, command.result, command.account, this.compiled);
    this.metrics.requestEnded(ended);
    this.memory.noteEnded(request, ended);
    if (this.#options.log.takesDecisions) this.#options.log.decision(this.#adopted.decisions.line(request, ended));
    if (this.#requests.inUse === 0) this.#onIdle?.();
  }

  #request(id: RequestId): RequestInFlight {
    const request = this.#requests.at(id);
    if (request === null) throw new Error(`assertion: there is no request in slot ${id}`);
    return request;
  }

  #lane(endpoint: EndpointId): UpstreamLane {
    const lane = this.#adopted.lanes[endpoint];
    if (lane === undefined) throw new Error(`assertion: there is no endpoint ${endpoint}`);
    return lane;
  }

  #load(): LoadNow {
    const waiting = this.compiled.routes.map(() => 0);
    this.#requests.forEach((request) => {
      if (request.underWay === 0) waiting[request.route.id] = (waiting[request.route.id] ?? 0) + 1;
    });
    return { inFlight: this.#requests.inUse, waiting };
  }
}
