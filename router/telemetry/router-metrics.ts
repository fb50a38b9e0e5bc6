import { collectDefaultMetrics } from "prom-client";
import type { CompiledConfig } from "../core/compiled-config.ts";
import type { Account, AttemptOutcome, EndpointId, FinishResult, RouteId, TenantId } from "../core/messages.ts";
import { BillingMetrics } from "./billing-metrics.ts";
import { FleetMetrics } from "./fleet-metrics.ts";
import { MetricLabels, type PlaceLabels, splitKey } from "./metric-labels.ts";
import { MetricSet } from "./metric-set.ts";
import { SecondsHistogram } from "./seconds-histogram.ts";

const secondsBuckets = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1];
const requestBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600];
const perPlace = ["route", "provider", "deployment"] as const satisfies readonly (keyof PlaceLabels)[];

const resultKinds: readonly FinishResult["kind"][] = ["served", "cut", "client-left", "failed", "rejected"];
/** More than there are. */
const outcomesMax = 64;

/** What is counted when a request has ended. `endpoint` is the one that served it, or failed last; null: none was tried. */
export interface EndedRequest {
  readonly route: RouteId;
  readonly tenant: TenantId;
  /** Whom the caller named as its user; null: nobody. */
  readonly user: string | null;
  readonly endpoint: EndpointId | null;
  readonly result: FinishResult;
  readonly account: Account;
  readonly deploymentsTried: number;
  readonly durationMs: number;
  /** NaN: no first token was passed on. */
  readonly ttftMs: number;
}

export interface LoadNow {
  readonly inFlight: number;
  /** By RouteId: requests without an attempt under way (queued, or between two attempts). */
  readonly waiting: readonly number[];
}

/**
 * Prometheus metrics under the names that the readiness gate asks for. `router_latency_seconds` is the time of the routing decision alone;
 * `router_added_latency_seconds` is what a request waits for the router itself: body read to attempt sent, and answer read to answer written.
 */
export class RouterMetrics {
  readonly #metrics = new MetricSet();
  readonly #labels: MetricLabels;
  readonly #billing: BillingMetrics;
  readonly fleet: FleetMetrics;
  readonly #collectors: (() => void)[] = [];
  /** As they came up. */
  readonly #outcomes: string[] = [];
  readonly #requests = this.#metrics.tally("router_requests_total", "Requests that have ended, by result", [...perPlace, "result"], (key) => {
    const [place, result] = splitKey(key, resultKinds.length);
    return { ...this.#labels.placeOf(place), result: resultKinds[result] ?? "none" };
  });
  readonly #attempts = this.#metrics.tally(
    "router_attempts_total",
    "Attempts that have ended, by outcome (succeeded, aborted, or the failure)",
    [...perPlace, "outcome"],
    (key) => {
      const [place, outcome] = splitKey(key, outcomesMax);
      return { ...this.#labels.placeOf(place), outcome: this.#outcomes[outcome] ?? "none" };
    },
  );
  readonly #retries = this.#metrics.tally("router_retries_total", "Attempts after a request's first", ["route"], (route) => ({
    route: this.#labels.routeName(route),
  }));
  readonly #errors = this.#metrics.counter("router_errors_total", "Requests that failed, were cut or rejected, the caller's own mistakes apart", [
    ...perPlace,
    "kind",
  ]);
  readonly #invalid = this.#metrics.counter("router_invalid_requests_total", "Requests refused before routing", ["status"]);
  readonly #fallbacks = this.#metrics.counter("router_fallback_total", "Requests that went on to another deployment", ["route"]);
  readonly #fallbackSuccesses = this.#metrics.counter("router_fallback_success_total", "Requests that another deployment served", ["route"]);
  readonly #reroutes = this.#metrics.counter("router_reroutes_total", "Requests that went on to another route, by cause", ["route", "to", "cause"]);
  readonly #budgetNotices = this.#metrics.counter("router_budget_notices_total", "Times a budget passed its alert or was spent", ["budget", "level"]);
  readonly #stalls = this.#metrics.counter("router_event_loop_stalls_total", "Times the event loop stood still for more than 250 ms", []);
  readonly #decision = new SecondsHistogram("router_latency_seconds", "Time of the routing decision alone", secondsBuckets);
  readonly #added = new SecondsHistogram("router_added_latency_seconds", "What a request waits for the router itself", secondsBuckets);
  readonly #duration = new SecondsHistogram("router_request_duration_seconds", "From the request's arrival to its end", requestBuckets);
  readonly #ttft = new SecondsHistogram("router_time_to_first_token_seconds", "From the request's arrival to the first token passed on", requestBuckets);

  constructor(config: CompiledConfig, load: () => LoadNow) {
    this.#labels = new MetricLabels(config);
    this.#billing = new BillingMetrics(this.#metrics, this.#labels);
    this.fleet = new FleetMetrics(this.#metrics, this.#labels);
    collectDefaultMetrics({ register: this.#metrics.registry });
    this.#collectLoad(load);
  }

  /** Another version of the configuration, in the ids of those before: what was counted so far keeps its names. */
  configure(config: CompiledConfig): void {
    const before = this.#labels.config;
    this.#metrics.rename();
    this.#labels.configure(config);
    this.#billing.configure();
    this.fleet.configure(before);
  }

  requestEnded(ended: EndedRequest): void {
    const { route, account, result } = ended;
    const deployment = this.#labels.deploymentOf(ended.endpoint);
    const place = this.#labels.placeKey(route, deployment);
    this.#requests.add(place * resultKinds.length + resultKinds.indexOf(result.kind));
    const error = errorKind(result);
    if (error !== null) this.#errors.inc({ ...this.#labels.placeOf(place), kind: error });
    if (account.attempts > 1) this.#retries.add(route, account.attempts - 1);
    if (ended.deploymentsTried > 1) {
      this.#fallbacks.inc({ route: this.#labels.routeName(route) });
      if (result.kind === "served") this.#fallbackSuccesses.inc({ route: this.#labels.routeName(route) });
    }
    this.#duration.observe(ended.durationMs);
    if (!Number.isNaN(ended.ttftMs)) this.#ttft.observe(ended.ttftMs);
    this.#billing.bill(place, ended.tenant, ended.user, account);
  }

  attemptEnded(route: RouteId, endpoint: EndpointId, outcome: Pick<AttemptOutcome, "kind" | "failure">): void {
    const place = this.#labels.placeKey(route, this.#labels.deploymentOf(endpoint));
    this.#attempts.add(place * outcomesMax + this.#outcomeKey(outcome.failure ?? outcome.kind));
  }

  rerouted(from: RouteId, to: RouteId, cause: string): void {
    this.#reroutes.inc({ route: this.#labels.routeName(from), to: this.#labels.routeName(to), cause });
  }

  requestInvalid(status: number): void {
    this.#invalid.inc({ status: String(status) });
  }

  budgetNoticed(budget: string, level: "alert" | "spent"): void {
    this.#budgetNotices.inc({ budget, level });
  }

  decided(durationMs: number): void {
    this.#decision.observe(durationMs);
  }

  latencyAdded(durationMs: number): void {
    this.#added.observe(durationMs);
  }

  stalled(): void {
    this.#stalls.inc();
  }

  #outcomeKey(outcome: string): number {
    const known = this.#outcomes.indexOf(outcome);
    return known === -1 ? this.#outcomes.push(outcome) - 1 : known;
  }

  #collectLoad(load: () => LoadNow): void {
    const inFlight = this.#metrics.gauge("router_requests_in_flight", "Requests that have arrived and not ended", []);
    const waiting = this.#metrics.gauge("router_requests_waiting", "Requests without an attempt under way", ["route"]);
    this.#collectors.push(() => {
      const now = load();
      inFlight.set(now.inFlight);
      for (const route of this.#labels.config.routes) waiting.set({ route: route.name }, now.waiting[route.id] ?? 0);
    });
  }

  /** A count that is kept elsewhere. */
  addCounter(name: string, help: string, read: () => number): void {
    const counter = this.#metrics.counter(name, help, []);
    let seen = 0;
    this.#collectors.push(() => {
      const now = read();
      counter.inc(now - seen);
      seen = now;
    });
  }

  async exposition(): Promise<string> {
    for (const collect of this.#collectors) collect();
    const histograms = [this.#decision, this.#added, this.#duration, this.#ttft].map((histogram) => histogram.exposition());
    return [await this.#metrics.registry.metrics(), ...histograms].join("\n");
  }
}

const clientFaults: ReadonlySet<string> = new Set([
  "bad-request",
  "context-exceeded",
  "content-filtered",
  "too-long",
  "too-dear",
  "too-plain",
  "tags-unmet",
  "residency-unmet",
]);

/** Null: served, left by the caller, or the caller's own mistake. */
function errorKind(result: FinishResult): string | null {
  switch (result.kind) {
    case "served":
    case "client-left":
      return null;
    case "cut":
      return result.failure;
    case "failed":
      return clientFaults.has(result.failure) ? null : result.failure;
    case "rejected":
      return clientFaults.has(result.why) ? null : result.why;
  }
}
