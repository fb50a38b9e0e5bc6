import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import { type RecordTable, requestResults } from "../core/measure/record-table.ts";
import type { BreakerChange } from "../core/measure/request-record.ts";
import type { Sample } from "../core/measure/time-series.ts";
import { Family, type Labels } from "./open-metrics-family.ts";

/** The run's start stands at this instant, so that the same run gives the same bytes: 2026-01-01T00:00:00Z, in seconds. */
const startSeconds = 1_767_225_600;
/** Those of the service's own histograms. */
const secondsBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600] as const;
const phaseValue = { closed: 0, "half-open": 1, open: 2 } as const;

export interface OpenMetricsSource {
  readonly config: CompiledConfig;
  readonly requests: RequestTotals;
  readonly samples: readonly Sample[];
  readonly breakerChanges: readonly BreakerChange[];
}

/**
 * A run as OpenMetrics text with timestamps, for `promtool tsdb create-blocks-from openmetrics`: under the names and labels that the service exports, and vLLM's own
 * for its replicas. Counters are totals at the end of each step.
 */
export function openMetrics(source: OpenMetricsSource): string {
  const families = [...source.requests.families(), ...breakerFamilies(source), ...probeFamilies(source), ...engineFamilies(source)];
  return `${families.map((family) => family.text()).join("")}# EOF\n`;
}

/** Counters of requests, marked at the end of each step; rows are taken in in the order in which they ended. */
export class RequestTotals {
  readonly #config: CompiledConfig;
  readonly #every: number;
  /** The step under way; 0: nothing has ended yet. */
  #step = 0;
  readonly #requests = new Family("router_requests", "counter", "Requests that have ended, by result");
  readonly #retries = new Family("router_retries", "counter", "Attempts after a request's first");
  readonly #dollars = new Family("billing_cost", "counter", "Cost in dollars; tokens of unknown price are not in it");
  readonly #tokens = new Family("billing_tokens", "counter", "Tokens, by kind; cached tokens are counted within input");
  readonly #duration = new Family("router_request_duration_seconds", "histogram", "From the request's arrival to its end", secondsBuckets);
  readonly #ttft = new Family("router_time_to_first_token_seconds", "histogram", "From the request's arrival to the first token passed on", secondsBuckets);
  readonly #families = [this.#requests, this.#retries, this.#dollars, this.#tokens, this.#duration, this.#ttft];

  constructor(config: CompiledConfig, every: number) {
    this.#config = config;
    this.#every = every;
  }

  /** @param settled only rows that ended up to then; those of later calls ended later */
  take(table: RecordTable, settled: number): void {
    const { end } = table.columns;
    const rows = Uint32Array.from({ length: table.rows }, (_, row) => row).filter((row) => (end[row] ?? 0) <= settled);
    for (const row of rows.sort((one, other) => (end[one] ?? 0) - (end[other] ?? 0) || one - other)) {
      this.#step = Math.max(1, this.#step);
      while ((end[row] ?? 0) >= this.#step * this.#every) this.#mark();
      this.#count(table, row);
    }
  }

  /** Once, at the end. */
  families(): readonly Family[] {
    if (this.#step > 0) this.#mark();
    return this.#families;
  }

  #mark(): void {
    for (const family of this.#families) family.mark(secondsAt(this.#step * this.#every));
    this.#step += 1;
  }

  #count(table: RecordTable, row: number): void {
    const { columns } = table;
    const at = (column: Float64Array | Int32Array | Uint8Array): number => column[row] ?? 0;
    const { request, account } = labelsOf(this.#config, table, row);
    this.#requests.add({ ...request, result: requestResults[at(columns.result)] ?? "none" }, 1);
    this.#retries.add({ route: request["route"] ?? "" }, Math.max(0, at(columns.attempts) - 1));
    this.#dollars.add(account, at(columns.nanoDollars) / 1_000_000_000);
    this.#tokens.add({ ...account, kind: "input" }, at(columns.inputTokens));
    this.#tokens.add({ ...account, kind: "cached" }, at(columns.cachedTokens));
    this.#tokens.add({ ...account, kind: "output" }, at(columns.outputTokens));
    const seconds = (us: number): number => (us - at(columns.scheduled)) / 1_000_000;
    this.#duration.observe({}, seconds(at(columns.end)));
    const first = at(columns.first);
    if (!Number.isNaN(first)) this.#ttft.observe({}, seconds(first));
  }
}

const secondsAt = (us: number): number => startSeconds + us / 1_000_000;

function labelsOf(config: CompiledConfig, { columns }: RecordTable, row: number): { readonly request: Labels; readonly account: Labels } {
  const { name = "none", provider = "none", model = "none", tier = 0 } = config.deployments[columns.deployment[row] ?? -1] ?? {};
  const route = config.routes[columns.route[row] ?? -1]?.name ?? "";
  const tenant = config.tenants[columns.tenant[row] ?? -1]?.name ?? "";
  const request = { route, provider, deployment: name };
  return { request, account: { tenant, ...request, route_tier: "ABC"[tier] ?? "A", model } };
}

function endpointLabels({ endpoints, deployments }: CompiledConfig, id: number): Labels {
  const endpoint = endpoints[id];
  const deployment = deployments[endpoint?.deployment ?? -1];
  return { provider: deployment?.provider ?? "", deployment: deployment?.name ?? "", endpoint: endpoint?.origin ?? "" };
}

/** Of several replicas of the router, the last change told. */
function breakerFamilies({ config, breakerChanges, samples }: OpenMetricsSource): readonly Family[] {
  const state = new Family("router_breaker_state", "gauge", "0 closed, 1 half-open, 2 open");
  const openings = new Family("router_breaker_openings", "counter", "Times a breaker opened");
  for (const { id } of config.endpoints) {
    state.set(endpointLabels(config, id), 0);
    openings.add(endpointLabels(config, id), 0);
  }
  let next = 0;
  for (const { at } of samples) {
    for (let change = breakerChanges[next]; change !== undefined && change.at <= at; change = breakerChanges[next]) {
      next += 1;
      state.set(endpointLabels(config, change.endpoint), phaseValue[change.to]);
      if (change.to === "open") openings.add(endpointLabels(config, change.endpoint), 1);
    }
    state.mark(secondsAt(at));
    openings.mark(secondsAt(at));
  }
  return [state, openings];
}

/** Of endpoints that are probed. */
function probeFamilies({ config, samples }: OpenMetricsSource): readonly Family[] {
  const probes = new Family("router_probes", "counter", "Active probes of endpoints by outcome: healthy, or unhealthy");
  const well = new Family("router_endpoint_healthy", "gauge", "Whether an endpoint's active probes find it well: 1, or 0");
  for (const { at, probes: counts = [] } of samples) {
    for (const [endpoint, count] of counts.entries()) {
      if (count === undefined) continue;
      const labels = endpointLabels(config, endpoint);
      probes.set({ ...labels, outcome: "healthy" }, count.healthy);
      probes.set({ ...labels, outcome: "unhealthy" }, count.unhealthy);
      well.set(labels, count.well ? 1 : 0);
    }
    for (const family of [probes, well]) family.mark(secondsAt(at));
  }
  return [probes, well];
}

function engineFamilies({ config, samples }: OpenMetricsSource): readonly Family[] {
  const running = new Family("vllm:num_requests_running", "gauge", "Requests in the engine's batch");
  const waiting = new Family("vllm:num_requests_waiting", "gauge", "Requests in the engine's queue");
  const kv = new Family("vllm:kv_cache_usage_perc", "gauge", "KV cache in use, 0..1");
  for (const { at, signals } of samples) {
    for (const [endpoint, signal] of signals.entries()) {
      const deployment = config.deployments[config.endpoints[endpoint]?.deployment ?? -1];
      if (deployment?.provider !== "vllm") continue;
      const labels = { model_name: deployment.model, instance: config.endpoints[endpoint]?.origin ?? "", deployment: deployment.name };
      running.set(labels, signal.running);
      waiting.set(labels, signal.waiting);
      kv.set(labels, signal.kvUsed);
    }
    for (const family of [running, waiting, kv]) family.mark(secondsAt(at));
  }
  return [running, waiting, kv];
}
