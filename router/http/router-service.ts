import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { performance } from "node:perf_hooks";
import { alignService } from "../config/align-service.ts";
import type { ServiceSpec, UpstreamSpec } from "../config/service-spec.ts";
import type { CompiledConfig, ConfigVersion, RouteSpec } from "../core/compiled-config.ts";
import { alignConfig } from "../core/rollout/align-config.ts";
import { LiveVersions } from "../core/rollout/live-versions.ts";
import type { Machine } from "../core/machine.ts";
import {
  type AttemptId,
  type EndpointId,
  type FinishResult,
  rankOf,
  type RequestId,
  type RouterCommand,
  type RouteRequest,
  type RouterEvent,
  type TenantId,
} from "../core/messages.ts";
import { never } from "../core/time.ts";
import { RealtimeDriver, type Recorded } from "../drivers/realtime-driver.ts";
import { adapterFor } from "../providers/registry.ts";
import type { BodyScan } from "../providers/body-scan.ts";
import type { DecisionLog } from "../telemetry/decision-log.ts";
import { type LoadNow, RouterMetrics } from "../telemetry/router-metrics.ts";
import { Attempt, type AttemptEnding } from "../upstream/attempt.ts";
import type { UpstreamTransport } from "../upstream/upstream-transport.ts";
import { type AdoptedConfig, adoptConfig } from "./adopted-config.ts";
import { answerHeaders, attemptHeaders, finishAnswer } from "./answer-request.ts";
import { CallerAnswer } from "./caller-answer.ts";
import { noteCommand } from "./note-command.ts";
import { PriceCalendar } from "./price-calendar.ts";
import { LeaseLink } from "./lease-link.ts";
import { tenantOf } from "./tenant-of.ts";
import type { LeaseStore } from "../stores/lease-store.ts";
import { MemoryLeaseStore } from "../stores/memory/memory-lease-store.ts";
import { monotonicNow } from "../drivers/host-timers.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import { readLabels, type RequestLabels } from "./request-labels.ts";
import type { RequestInFlight, RunningAttempt } from "./request-in-flight.ts";
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
export class RouterService {
  readonly metrics: RouterMetrics;
  readonly #options: RouterServiceOptions;
  readonly #driver: RealtimeDriver<RouterEvent, RouterCommand>;
  readonly #requests = new Slots<RequestInFlight>();
  /** From start-attempt until the request is finished: a commit may come after the ending. */
  readonly #attempts = new Map<AttemptId, RunningAttempt>();
  #adopted: AdoptedConfig;
  readonly #versions: LiveVersions;
  readonly #leases: LeaseLink;
  #prices: PriceCalendar;
  #serial = 0;
  #draining = false;
  #onIdle: (() => void) | null = null;

  constructor(options: RouterServiceOptions) {
    this.#options = options;
    this.#adopted = adoptConfig(options.compiled, options.spec);
    this.#versions = new LiveVersions(options.compiled);
    this.metrics = new RouterMetrics(options.compiled, () => this.#load());
    const { record } = options;
    this.#driver = new RealtimeDriver(new TimedMachine(options.core, (durationMs) => this.metrics.decided(durationMs)), {
      rank: (event) => rankOf[event.kind],
      isStale: (event) => event.kind === "client-left" && this.#requests.at(event.request)?.left !== true,
      carryOut: (command) => this.#carryOut(command),
      onStall: (from, to) => {
        this.metrics.stalled();
        options.log.logger.warn({ stall_ms: (to - from) / 1000 }, "event_loop_stall");
      },
      ...(record === undefined ? {} : { record }),
    });
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

  /** By the name that callers use. */
  get routes(): ReadonlyMap<string, RouteSpec> {
    return this.#adopted.routes;
  }

  /** New requests go by it; those under way end as they began. `waits`: until one of the older versions that are still at work has ended. */
  activate(compiled: CompiledConfig, spec: ServiceSpec): "activated" | "waits" {
    const activation = this.#versions.offer({
      version: compiled.version,
      prepare: (live) => {
        const alignment = alignConfig(compiled, live);
        this.#adopted = adoptConfig(alignment.config, alignService(spec, alignment, this.#adopted.spec));
        this.metrics.configure(alignment.config);
        return { kind: "config-activated", config: alignment.config, share: 1, by: "request" };
      },
    });
    if (activation === null) return "waits";
    this.#announce(activation);
    return "activated";
  }

  #announce(activation: Activation): void {
    this.#driver.submit(activation);
    const limits = activation.config.limits.filter(({ gone }) => gone !== true);
    this.#leases.amend(limits, this.#adopted.spec.periods);
    this.#prices.close();
    this.#prices = new PriceCalendar(this.#adopted.spec.priceChanges, (event) => this.#driver.submit(event));
    this.#prices.start();
    this.#options.log.logger.info({ version: activation.config.version }, "config_activated");
  }

  #retired(version: ConfigVersion): void {
    this.#options.log.logger.info({ version }, "config_retired");
    const waiting = this.#versions.retired(version);
    if (waiting !== null) this.#announce(waiting);
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Whose key the request carries; null: nobody's. */
  tenantOf(request: IncomingMessage): TenantId | null {
    return tenantOf(this.#adopted.spec.tenantOf, request);
  }

  admit(route: RouteSpec, tenant: TenantId, scan: BodyScan, headers: IncomingHttpHeaders, response: ServerResponse): void {
    const arrivedMs = performance.now();
    const compiled = this.#adopted.compiled;
    const labels = { ...readLabels(headers, compiled), tenant, priority: compiled.tenants[tenant]?.priority ?? 0 };
    const request = this.#requests.take((id) => this.#newRequest(id as RequestId, route, scan, labels, response, arrivedMs));
    response.on("close", () => this.#closed(request));
    this.#driver.submit({ kind: "request-arrived", request: request.routed });
    // Sent at once: what has passed since the body was read is the router's own.
    if (request.attempts > 0) this.metrics.latencyAdded(performance.now() - arrivedMs);
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
    this.#prices.close();
    for (const { attempt } of this.#attempts.values()) attempt.abort();
    this.#requests.forEach((request) => request.answer.abandon());
  }

  #newRequest(
    id: RequestId,
    route: RouteSpec,
    scan: BodyScan,
    labels: RequestLabels & Pick<RouteRequest, "tenant" | "priority">,
    response: ServerResponse,
    arrivedMs: number,
  ): RequestInFlight {
    const request: RequestInFlight = {
      id,
      name: randomUUID(),
      route,
      caller: { dialect: "openai-chat", scan },
      routed: {
        id,
        serial: this.#serial++,
        route: route.id,
        inputTokens: estimateTokens(scan.body.length),
        outputTokensMax: scan.outputTokensMax ?? route.outputTokensDefault,
        stream: scan.stream,
        deadline: never,
        blocks: null,
        ...labels,
      },
      answer: new CallerAnswer(response, {
        hold: (id) => this.#runningOf(request, id)?.attempt.pause(),
        release: (id) => this.#runningOf(request, id)?.attempt.resume(),
      }),
      arrivedMs,
      underWay: 0,
      attempts: 0,
      endpointsTried: [],
      attemptIds: [],
      answering: null,
      ending: null,
      endedLast: null,
      answeredMs: Number.NaN,
      ttftMs: Number.NaN,
      explanation: null,
      left: false,
    };
    return request;
  }

  #closed(request: RequestInFlight): void {
    if (request.answer.ended) return;
    request.left = true;
    this.#driver.submit({ kind: "client-left", request: request.id });
  }

  #carryOut(command: RouterCommand): void {
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
        return;
      case "request-rerouted":
        this.metrics.rerouted(command.from, command.to, command.cause);
        return;
      case "retire-config":
        this.#retired(command.version);
        return;
      case "ask-lease":
        this.#leases.ask(command);
        return;
      case "return-lease":
        this.#leases.settle(command);
        return;
      case "budget-noticed":
      case "limit-changed":
      case "weight-changed":
      case "forget-endpoint":
      case "breaker-changed":
        noteCommand(command, { metrics: this.metrics, logger: this.#options.log.logger, compiled: this.#adopted.compiled });
    }
  }

  #startAttempt(command: StartAttempt): void {
    const request = this.#request(command.request);
    const upstream = this.#upstream(command.endpoint);
    const startedAt = this.#driver.now();
    const adapter = adapterFor(upstream.provider);
    const credential = this.#adopted.credentials[command.endpoint] ?? null;
    const { limits } = command;
    const attempt = new Attempt(
      { adapter, request: request.caller, target: upstream, credential, limits, inputTokens: request.routed.inputTokens },
      {
        onBytes: (chunk) => request.answer.bytes(command.attempt, chunk),
        onFirstContent: () => this.#driver.submit({ kind: "attempt-first-token", attempt: command.attempt }),
        onEnded: (ending) => {
          this.#attemptEnded(running, ending);
          const outcome = { ...ending.outcome, lagged: this.#driver.stalledSince(startedAt) };
          this.#driver.submit({ kind: "attempt-ended", attempt: command.attempt, outcome });
        },
      },
    );
    const running: RunningAttempt = { id: command.attempt, endpoint: command.endpoint, attempt, request, ending: null, lost: false };
    this.#attempts.set(command.attempt, running);
    request.underWay += 1;
    request.attempts += 1;
    request.endpointsTried.push(command.endpoint);
    request.attemptIds.push(command.attempt);
    request.answer.forgetHeld(command.attempt);
    attempt.start(this.#options.transport);
  }

  #abort(id: AttemptId, lost: boolean): void {
    const running = this.#attempts.get(id);
    if (running === undefined) return;
    running.lost = lost;
    running.attempt.abort();
  }

  #runningOf(request: RequestInFlight, id: AttemptId): RunningAttempt | null {
    const running = this.#attempts.get(id);
    return running?.request === request ? running : null;
  }

  #attemptEnded(running: RunningAttempt, ending: AttemptEnding): void {
    const { request, endpoint } = running;
    running.ending = ending;
    request.underWay -= 1;
    if (!running.lost) {
      request.ending = ending;
      request.endedLast = running.id;
      request.answeredMs = performance.now();
    }
    if (ending.outcome.kind !== "succeeded") request.answer.forgetHeld(running.id);
    this.metrics.attemptEnded(request.route.id, endpoint, ending.outcome);
    if (ending.outcome.kind === "failed") {
      const origin = this.#adopted.compiled.endpoints[endpoint]?.origin;
      this.#options.log.logger.debug({ request_id: request.name, endpoint: origin, failure: ending.outcome.failure, said: ending.message }, "attempt_failed");
    }
  }

  #commit(id: AttemptId): void {
    const running = this.#attempts.get(id);
    if (running === undefined) throw new Error(`assertion: attempt ${id} is committed, and was never started`);
    const { request, attempt } = running;
    request.answering = running;
    // It has ended meanwhile: what it sent is handed over when the request is finished.
    if (running.ending !== null) return;
    request.ttftMs = performance.now() - request.arrivedMs;
    request.answer.commit(id, attemptHeaders(request, this.#adopted.compiled));
    if (!Number.isNaN(attempt.firstContentMs)) this.metrics.latencyAdded(performance.now() - attempt.firstContentMs);
  }

  #finish(command: Finish): void {
    const request = this.#request(command.request);
    this.#requests.release(command.request);
    for (const id of request.attemptIds) if (this.#runningOf(request, id) !== null) this.#attempts.delete(id);
    if (request.answering !== null) request.ending = request.answering.ending;
    finishAnswer(request, command.result, answerHeaders(request, command.account, this.#adopted.compiled));
    if (command.result.kind === "served" && !request.routed.stream) this.metrics.latencyAdded(performance.now() - request.answeredMs);
    this.#account(request, command.result, command);
    if (this.#requests.inUse === 0) this.#onIdle?.();
  }

  #account(request: RequestInFlight, result: FinishResult, command: Finish): void {
    const compiled = this.#adopted.compiled;
    const { log } = this.#options;
    const tried = new Set(request.endpointsTried.map((endpoint) => compiled.endpoints[endpoint]?.deployment));
    const ended = {
      route: request.route.id,
      tenant: request.routed.tenant,
      endpoint: request.answering?.endpoint ?? request.endpointsTried.at(-1) ?? null,
      result,
      account: command.account,
      deploymentsTried: tried.size,
      durationMs: performance.now() - request.arrivedMs,
      ttftMs: request.ttftMs,
    };
    this.metrics.requestEnded(ended);
    if (log.takesDecisions) log.decision(this.#adopted.decisions.line(request, ended));
  }

  #request(id: RequestId): RequestInFlight {
    const request = this.#requests.at(id);
    if (request === null) throw new Error(`assertion: there is no request in slot ${id}`);
    return request;
  }

  #upstream(endpoint: EndpointId): UpstreamSpec {
    const upstream = this.#adopted.spec.endpoints[endpoint];
    if (upstream === undefined) throw new Error(`assertion: there is no endpoint ${endpoint}`);
    return upstream;
  }

  #load(): LoadNow {
    const waiting = this.#adopted.compiled.routes.map(() => 0);
    this.#requests.forEach((request) => {
      if (request.underWay === 0) waiting[request.route.id] = (waiting[request.route.id] ?? 0) + 1;
    });
    return { inFlight: this.#requests.inUse, waiting };
  }
}
