import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { CompiledConfig, DeploymentSpec } from "../core/compiled-config.ts";
import type { Account, AttemptOutcome, BreakerPhase, DeploymentId, EndpointId, FinishResult, RouteId, TenantId } from "../core/messages.ts";
import { SecondsHistogram } from "./seconds-histogram.ts";
import { Tally, type TallyCell, type TallySpec } from "./tally.ts";
import { UserBills } from "./user-bills.ts";

const secondsBuckets = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1];
const requestBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600];
const breakerValue: Readonly<Record<BreakerPhase, number>> = { closed: 0, "half-open": 1, open: 2 };
const perRequest = ["route", "provider", "deployment", "result"] as const;
const perAttempt = ["route", "provider", "deployment", "outcome"] as const;
const perAccount = ["tenant", "route", "route_tier", "provider", "deployment", "model"] as const;

const resultKinds: readonly FinishResult["kind"][] = ["served", "cut", "client-left", "failed", "rejected"];
/** More than there are. */
const outcomesMax = 64;
const tokenKinds = ["input", "output", "cached", "reasoning"] as const;

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

interface BillCells {
  readonly dollars: TallyCell;
  readonly nanoDollars: TallyCell;
  readonly input: TallyCell;
  readonly output: TallyCell;
}

/**
 * Prometheus metrics under the names that the readiness gate asks for. `router_latency_seconds` is the time of the routing decision alone;
 * `router_added_latency_seconds` is what a request waits for the router itself: body read to attempt sent, and answer read to answer written.
 */
export class RouterMetrics {
  readonly registry = new Registry();
  #config: CompiledConfig;
  readonly #tallies: { rename(): void }[] = [];
  /** As they came up. */
  readonly #outcomes: string[] = [];
  readonly #requests = this.#tally("router_requests_total", "Requests that have ended, by result", perRequest, (key) => {
    const [place, result] = split(key, resultKinds.length);
    return { ...this.#placeOf(place), result: resultKinds[result] ?? "none" };
  });
  readonly #attempts = this.#tally("router_attempts_total", "Attempts that have ended, by outcome (succeeded, aborted, or the failure)", perAttempt, (key) => {
    const [place, outcome] = split(key, outcomesMax);
    return { ...this.#placeOf(place), outcome: this.#outcomes[outcome] ?? "none" };
  });
  readonly #retries = this.#tally("router_retries_total", "Attempts after a request's first", ["route"], (route) => ({ route: this.#routeName(route) }));
  readonly #errors = this.#counter("router_errors_total", "Requests that failed, were cut or rejected, the caller's own mistakes apart", [
    "route",
    "provider",
    "deployment",
    "kind",
  ]);
  readonly #invalid = this.#counter("router_invalid_requests_total", "Requests refused before routing", ["status"]);
  readonly #fallbacks = this.#counter("router_fallback_total", "Requests that went on to another deployment", ["route"]);
  readonly #fallbackSuccesses = this.#counter("router_fallback_success_total", "Requests that another deployment served", ["route"]);
  readonly #reroutes = this.#counter("router_reroutes_total", "Requests that went on to another route, by cause", ["route", "to", "cause"]);
  readonly #probes = this.#counter("router_probes_total", "Active probes of endpoints by outcome: healthy, unhealthy, or unknown", [
    "provider",
    "deployment",
    "endpoint",
    "outcome",
  ]);
  readonly #breakerOpenings = this.#counter("router_breaker_openings_total", "Times a breaker opened", ["provider", "deployment", "endpoint"]);
  readonly #budgetNotices = this.#counter("router_budget_notices_total", "Times a budget passed its alert or was spent", ["budget", "level"]);
  readonly #stalls = this.#counter("router_event_loop_stalls_total", "Times the event loop stood still for more than 250 ms", []);
  readonly #costDollars = this.#bills("billing_cost_total", "Cost in dollars; tokens of unknown price are not in it");
  readonly #costNano = this.#bills("billing_cost_nanodollars_total", "Cost in nano-dollars, exact");
  readonly #tokens = this.#tally(
    "billing_tokens_total",
    "Tokens, by kind; cached and reasoning tokens are counted within input and output",
    [...perAccount, "kind"],
    (key) => {
      const [bill, kind] = split(key, tokenKinds.length);
      return { ...this.#billOf(bill), kind: tokenKinds[kind] ?? "none" };
    },
  );
  /** What nearly every request adds to, found with one look. */
  readonly #billCells = new Map<number, BillCells>();
  readonly #unpriced = this.#counter("billing_unpriced_requests_total", "Requests with tokens of unknown price", ["route", "deployment"]);
  readonly #estimated = this.#counter("billing_estimated_requests_total", "Requests whose usage is partly estimated", ["route", "deployment"]);
  readonly #users = new UserBills(this.registry, (tenant) => this.#tenantName(tenant));
  readonly #decision = new SecondsHistogram("router_latency_seconds", "Time of the routing decision alone", secondsBuckets);
  readonly #added = new SecondsHistogram("router_added_latency_seconds", "What a request waits for the router itself", secondsBuckets);
  readonly #duration = new SecondsHistogram("router_request_duration_seconds", "From the request's arrival to its end", requestBuckets);
  readonly #ttft = new SecondsHistogram("router_time_to_first_token_seconds", "From the request's arrival to the first token passed on", requestBuckets);
  readonly #limit = this.#gauge("router_concurrency_limit", "Attempts that each endpoint of a deployment may have in flight, where that is found out", [
    "provider",
    "deployment",
  ]);
  readonly #shares = this.#gauge("router_configured_weight", "Configured share of a provider, 0..1, mean over the weighted routes", ["provider"]);
  readonly #weights = this.#gauge("router_configured_deployment_weight", "Configured weight of a deployment", ["route", "provider", "deployment"]);
  readonly #healthy = this.#gauge("router_endpoint_healthy", "Whether an endpoint's active probes find it well: 1, or 0", [
    "provider",
    "deployment",
    "endpoint",
  ]);
  readonly #breaker = this.#gauge("router_breaker_state", "0 closed, 1 half-open, 2 open", ["provider", "deployment", "endpoint"]);

  constructor(config: CompiledConfig, load: () => LoadNow) {
    this.#config = config;
    collectDefaultMetrics({ register: this.registry });
    for (const endpoint of config.endpoints) this.#showEndpoint(endpoint.id);
    this.#setWeights();
    this.#collectLoad(load);
  }

  /** Another version of the configuration, in the ids of those before: what was counted so far keeps its names. */
  configure(config: CompiledConfig): void {
    for (const tally of this.#tallies) tally.rename();
    this.#billCells.clear();
    const known = new Set(this.#config.endpoints.flatMap(({ gone, identity }) => (gone === true ? [] : [identity])));
    this.#config = config;
    for (const { id, identity, gone } of config.endpoints) if (gone !== true && !known.has(identity)) this.#showEndpoint(id);
    this.#setWeights();
  }

  /** As it begins. */
  #showEndpoint(id: EndpointId): void {
    this.#breaker.set(this.#endpointLabels(id), 0);
    this.#healthy.set(this.#endpointLabels(id), 1);
  }

  /** It belongs to no version of the configuration any more. */
  endpointForgotten(id: EndpointId): void {
    const labels = this.#endpointLabels(id);
    const others = this.#config.endpoints.filter((other) => other.id !== id && other.gone !== true).map((other) => this.#endpointLabels(other.id));
    if (others.some((other) => other.deployment === labels.deployment && other.endpoint === labels.endpoint)) return;
    this.#breaker.remove(labels);
    this.#healthy.remove(labels);
  }

  requestEnded(ended: EndedRequest): void {
    const { route, account, result } = ended;
    const deployment = this.#deploymentOf(ended.endpoint);
    const place = this.#placeKey(route, deployment);
    this.#requests.add(place * resultKinds.length + resultKinds.indexOf(result.kind));
    const error = errorKind(result);
    if (error !== null) this.#errors.inc({ ...this.#placeOf(place), kind: error });
    if (account.attempts > 1) this.#retries.add(route, account.attempts - 1);
    if (ended.deploymentsTried > 1) {
      this.#fallbacks.inc({ route: this.#routeName(route) });
      if (result.kind === "served") this.#fallbackSuccesses.inc({ route: this.#routeName(route) });
    }
    this.#duration.observe(ended.durationMs);
    if (!Number.isNaN(ended.ttftMs)) this.#ttft.observe(ended.ttftMs);
    this.#bill(place, ended.tenant, account);
    if (ended.user !== null) this.#users.bill(ended.tenant, ended.user, account);
  }

  attemptEnded(route: RouteId, endpoint: EndpointId, outcome: Pick<AttemptOutcome, "kind" | "failure">): void {
    const place = this.#placeKey(route, this.#deploymentOf(endpoint));
    this.#attempts.add(place * outcomesMax + this.#outcomeKey(outcome.failure ?? outcome.kind));
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

  probeEnded(endpoint: EndpointId, healthy: boolean | null): void {
    this.#probes.inc({ ...this.#endpointLabels(endpoint), outcome: healthy === null ? "unknown" : healthy ? "healthy" : "unhealthy" });
  }

  healthChanged(endpoint: EndpointId, healthy: boolean): void {
    this.#healthy.set(this.#endpointLabels(endpoint), healthy ? 1 : 0);
  }

  limitChanged(deployment: DeploymentId, limit: number): void {
    const { provider, name } = this.#config.deployments[deployment] ?? { provider: "", name: "" };
    this.#limit.set({ provider, deployment: name }, limit);
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

  #bill(place: number, tenant: TenantId, account: Account): void {
    const { usage, nanoDollars } = account;
    if (usage.input === 0 && usage.output === 0) return;
    const bill = tenant * this.#places + place;
    const tokens = bill * tokenKinds.length;
    const cells = this.#cellsOf(bill);
    cells.dollars.count += nanoDollars / 1e9;
    cells.nanoDollars.count += nanoDollars;
    cells.input.count += usage.input;
    cells.output.count += usage.output;
    if (usage.cachedRead > 0) this.#tokens.add(tokens + 2, usage.cachedRead);
    if (usage.reasoning > 0) this.#tokens.add(tokens + 3, usage.reasoning);
    if (account.priced && !account.estimated) return;
    const { route, deployment } = this.#placeOf(place);
    if (!account.priced) this.#unpriced.inc({ route, deployment });
    if (account.estimated) this.#estimated.inc({ route, deployment });
  }

  #cellsOf(bill: number): BillCells {
    let cells = this.#billCells.get(bill);
    if (cells === undefined) {
      const tokens = bill * tokenKinds.length;
      cells = {
        dollars: this.#costDollars.cell(bill),
        nanoDollars: this.#costNano.cell(bill),
        input: this.#tokens.cell(tokens),
        output: this.#tokens.cell(tokens + 1),
      };
      this.#billCells.set(bill, cells);
    }
    return cells;
  }

  #outcomeKey(outcome: string): number {
    const known = this.#outcomes.indexOf(outcome);
    return known === -1 ? this.#outcomes.push(outcome) - 1 : known;
  }

  /** A route and, where there is one, a deployment as one integer. */
  #placeKey(route: RouteId, deployment: DeploymentSpec | null): number {
    return route * (this.#config.deployments.length + 1) + (deployment === null ? 0 : deployment.id + 1);
  }

  get #places(): number {
    return this.#config.routes.length * (this.#config.deployments.length + 1);
  }

  #placeOf(key: number): { route: string; provider: string; deployment: string } {
    const [route, deployment] = split(key, this.#config.deployments.length + 1);
    const spec = this.#config.deployments[deployment - 1];
    return { route: this.#routeName(route), provider: spec?.provider ?? "none", deployment: spec?.name ?? "none" };
  }

  #billOf(key: number): Record<(typeof perAccount)[number], string> {
    const [tenant, place] = split(key, this.#places);
    const [, deployment] = split(place, this.#config.deployments.length + 1);
    const where = this.#placeOf(place);
    const model = this.#config.deployments[deployment - 1]?.model ?? "none";
    return { ...where, tenant: this.#tenantName(tenant), model, route_tier: where.route };
  }

  /** A provider's configured share, the mean over the weighted routes; and each deployment's weight as written. */
  #setWeights(): void {
    const shares = this.#shares;
    const weights = this.#weights;
    shares.reset();
    weights.reset();
    const routes = this.#config.routes.filter(({ internal, gone }) => !internal && gone !== true);
    const weighted = routes.filter((route) => route.strategy === "weighted");
    for (const route of routes) {
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
    const histograms = [this.#decision, this.#added, this.#duration, this.#ttft].map((histogram) => histogram.exposition());
    return [await this.registry.metrics(), ...histograms].join("\n");
  }

  #tenantName(tenant: number): string {
    return this.#config.tenants[tenant]?.name ?? "none";
  }

  #routeName(route: number): string {
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

  #tally<Label extends string>(name: string, help: string, labelNames: readonly Label[], labelsOf: TallySpec<Label>["labelsOf"]): Tally<Label> {
    const tally = new Tally(this.registry, { name, help, labelNames, labelsOf });
    this.#tallies.push(tally);
    return tally;
  }

  #bills(name: string, help: string): Tally<(typeof perAccount)[number]> {
    return this.#tally(name, help, perAccount, (key) => this.#billOf(key));
  }
}

/** A key that was made of two: the second was below `size`. */
function split(key: number, size: number): [number, number] {
  const second = key % size;
  return [(key - second) / size, second];
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
