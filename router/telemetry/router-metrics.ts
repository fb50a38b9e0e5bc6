import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { CompiledConfig, DeploymentSpec } from "../core/compiled-config.ts";
import type { Account, AttemptOutcome, BreakerPhase, DeploymentId, EndpointId, FinishResult, RouteId, TenantId } from "../core/messages.ts";

const secondsBuckets = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1];
const requestBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600];
const breakerValue: Readonly<Record<BreakerPhase, number>> = { closed: 0, "half-open": 1, open: 2 };
const perRequest = ["route", "provider", "deployment", "result"] as const;
const perAccount = ["tenant", "route", "route_tier", "provider", "deployment", "model"] as const;

/** What is counted when a request has ended. `endpoint` is the one that served it, or failed last; null: none was tried. */
export interface EndedRequest {
  readonly route: RouteId;
  readonly tenant: TenantId;
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
  readonly registry = new Registry();
  readonly #config: CompiledConfig;
  readonly #requests = this.#counter("router_requests_total", "Requests that have ended, by result", perRequest);
  readonly #errors = this.#counter("router_errors_total", "Requests that failed, were cut or rejected, the caller's own mistakes apart", [
    "route",
    "provider",
    "deployment",
    "kind",
  ]);
  readonly #invalid = this.#counter("router_invalid_requests_total", "Requests refused before routing", ["status"]);
  readonly #attempts = this.#counter("router_attempts_total", "Attempts that have ended, by outcome (succeeded, aborted, or the failure)", [
    "route",
    "provider",
    "deployment",
    "outcome",
  ]);
  readonly #retries = this.#counter("router_retries_total", "Attempts after a request's first", ["route"]);
  readonly #fallbacks = this.#counter("router_fallback_total", "Requests that went on to another deployment", ["route"]);
  readonly #fallbackSuccesses = this.#counter("router_fallback_success_total", "Requests that another deployment served", ["route"]);
  readonly #reroutes = this.#counter("router_reroutes_total", "Requests that went on to another route, by cause", ["route", "to", "cause"]);
  readonly #breakerOpenings = this.#counter("router_breaker_openings_total", "Times a breaker opened", ["provider", "deployment", "endpoint"]);
  readonly #budgetNotices = this.#counter("router_budget_notices_total", "Times a budget passed its alert or was spent", ["budget", "level"]);
  readonly #stalls = this.#counter("router_event_loop_stalls_total", "Times the event loop stood still for more than 250 ms", []);
  readonly #costDollars = this.#counter("billing_cost_total", "Cost in dollars; tokens of unknown price are not in it", perAccount);
  readonly #costNano = this.#counter("billing_cost_nanodollars_total", "Cost in nano-dollars, exact", perAccount);
  readonly #tokens = this.#counter("billing_tokens_total", "Tokens, by kind; cached and reasoning tokens are counted within input and output", [
    ...perAccount,
    "kind",
  ]);
  readonly #unpriced = this.#counter("billing_unpriced_requests_total", "Requests with tokens of unknown price", ["route", "deployment"]);
  readonly #estimated = this.#counter("billing_estimated_requests_total", "Requests whose usage is partly estimated", ["route", "deployment"]);
  readonly #decision = this.#histogram("router_latency_seconds", "Time of the routing decision alone", secondsBuckets);
  readonly #added = this.#histogram("router_added_latency_seconds", "What a request waits for the router itself", secondsBuckets);
  readonly #duration = this.#histogram("router_request_duration_seconds", "From the request's arrival to its end", requestBuckets);
  readonly #ttft = this.#histogram("router_time_to_first_token_seconds", "From the request's arrival to the first token passed on", requestBuckets);
  readonly #limit = this.#gauge("router_concurrency_limit", "Attempts that each endpoint of a deployment may have in flight, where that is found out", [
    "provider",
    "deployment",
  ]);
  readonly #breaker = this.#gauge("router_breaker_state", "0 closed, 1 half-open, 2 open", ["provider", "deployment", "endpoint"]);

  constructor(config: CompiledConfig, load: () => LoadNow) {
    this.#config = config;
    collectDefaultMetrics({ register: this.registry });
    for (const endpoint of config.endpoints) this.#breaker.set(this.#endpointLabels(endpoint.id), 0);
    this.#setWeights();
    this.#collectLoad(load);
  }

  requestEnded(ended: EndedRequest): void {
    const route = this.#routeName(ended.route);
    const deployment = this.#deploymentOf(ended.endpoint);
    const place = { route, provider: deployment?.provider ?? "none", deployment: deployment?.name ?? "none" };
    this.#requests.inc({ ...place, result: ended.result.kind });
    const error = errorKind(ended.result);
    if (error !== null) this.#errors.inc({ ...place, kind: error });
    if (ended.account.attempts > 1) this.#retries.inc({ route }, ended.account.attempts - 1);
    if (ended.deploymentsTried > 1) {
      this.#fallbacks.inc({ route });
      if (ended.result.kind === "served") this.#fallbackSuccesses.inc({ route });
    }
    this.#duration.observe(ended.durationMs / 1000);
    if (!Number.isNaN(ended.ttftMs)) this.#ttft.observe(ended.ttftMs / 1000);
    const tenant = this.#config.tenants[ended.tenant]?.name ?? "none";
    this.#bill(place, { tenant, model: deployment?.model ?? "none" }, ended.account);
  }

  attemptEnded(route: RouteId, endpoint: EndpointId, outcome: Pick<AttemptOutcome, "kind" | "failure">): void {
    const deployment = this.#deploymentOf(endpoint);
    const place = { route: this.#routeName(route), provider: deployment?.provider ?? "none", deployment: deployment?.name ?? "none" };
    this.#attempts.inc({ ...place, outcome: outcome.failure ?? outcome.kind });
  }

  rerouted(from: RouteId, to: RouteId, cause: string): void {
    this.#reroutes.inc({ route: this.#routeName(from), to: this.#routeName(to), cause });
  }

  requestInvalid(status: number): void {
    this.#invalid.inc({ status: String(status) });
  }

  breakerChanged(endpoint: EndpointId, to: BreakerPhase): void {
    const labels = this.#endpointLabels(endpoint);
    this.#breaker.set(labels, breakerValue[to]);
    if (to === "open") this.#breakerOpenings.inc(labels);
  }

  limitChanged(deployment: DeploymentId, limit: number): void {
    const { provider, name } = this.#config.deployments[deployment] ?? { provider: "", name: "" };
    this.#limit.set({ provider, deployment: name }, limit);
  }

  budgetNoticed(budget: string, level: "alert" | "spent"): void {
    this.#budgetNotices.inc({ budget, level });
  }

  decided(durationMs: number): void {
    this.#decision.observe(durationMs / 1000);
  }

  latencyAdded(durationMs: number): void {
    this.#added.observe(durationMs / 1000);
  }

  stalled(): void {
    this.#stalls.inc();
  }

  #bill(place: { route: string; provider: string; deployment: string }, who: { tenant: string; model: string }, account: Account): void {
    if (account.usage.input === 0 && account.usage.output === 0) return;
    const labels = { ...place, ...who, route_tier: place.route };
    this.#costDollars.inc(labels, account.nanoDollars / 1e9);
    this.#costNano.inc(labels, account.nanoDollars);
    this.#tokens.inc({ ...labels, kind: "input" }, account.usage.input);
    this.#tokens.inc({ ...labels, kind: "output" }, account.usage.output);
    if (account.usage.cachedRead > 0) this.#tokens.inc({ ...labels, kind: "cached" }, account.usage.cachedRead);
    if (account.usage.reasoning > 0) this.#tokens.inc({ ...labels, kind: "reasoning" }, account.usage.reasoning);
    const { route, deployment } = place;
    if (!account.priced) this.#unpriced.inc({ route, deployment });
    if (account.estimated) this.#estimated.inc({ route, deployment });
  }

  /** A provider's configured share, the mean over the weighted routes; and each deployment's weight as written. */
  #setWeights(): void {
    const shares = this.#gauge("router_configured_weight", "Configured share of a provider, 0..1, mean over the weighted routes", ["provider"]);
    const weights = this.#gauge("router_configured_deployment_weight", "Configured weight of a deployment", ["route", "provider", "deployment"]);
    const weighted = this.#config.routes.filter((route) => route.strategy === "weighted");
    for (const route of this.#config.routes) {
      const deployments = route.deployments.map((id) => this.#config.deployments[id]).filter((deployment) => deployment !== undefined);
      const sum = deployments.reduce((total, deployment) => total + deployment.weight, 0);
      for (const { name, provider, weight } of deployments) {
        weights.set({ route: route.name, provider, deployment: name }, weight);
        if (route.strategy === "weighted" && sum > 0) shares.inc({ provider }, weight / sum / weighted.length);
      }
    }
  }

  #collectLoad(load: () => LoadNow): void {
    const inFlight = this.#gauge("router_requests_in_flight", "Requests that have arrived and not ended", []);
    const waiting = this.#gauge("router_requests_waiting", "Requests without an attempt under way", ["route"]);
    this.#collectors.push(() => {
      const now = load();
      inFlight.set(now.inFlight);
      for (const route of this.#config.routes) waiting.set({ route: route.name }, now.waiting[route.id] ?? 0);
    });
  }

  /** A count that is kept elsewhere. */
  addCounter(name: string, help: string, read: () => number): void {
    const counter = this.#counter(name, help, []);
    let seen = 0;
    this.#collectors.push(() => {
      const now = read();
      counter.inc(now - seen);
      seen = now;
    });
  }

  readonly #collectors: (() => void)[] = [];

  async exposition(): Promise<string> {
    for (const collect of this.#collectors) collect();
    return this.registry.metrics();
  }

  #routeName(route: RouteId): string {
    return this.#config.routes[route]?.name ?? "none";
  }

  #deploymentOf(endpoint: EndpointId | null): DeploymentSpec | null {
    const spec = endpoint === null ? undefined : this.#config.endpoints[endpoint];
    return spec === undefined ? null : (this.#config.deployments[spec.deployment] ?? null);
  }

  #endpointLabels(endpoint: EndpointId): { provider: string; deployment: string; endpoint: string } {
    const deployment = this.#deploymentOf(endpoint);
    return { provider: deployment?.provider ?? "none", deployment: deployment?.name ?? "none", endpoint: this.#config.endpoints[endpoint]?.origin ?? "none" };
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return new Histogram({ name, help, buckets: [...buckets], registers: [this.registry] });
  }
}

const clientFaults: ReadonlySet<string> = new Set(["bad-request", "context-exceeded", "content-filtered"]);

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
      return result.why;
  }
}
