import type { Counter, Gauge } from "prom-client";
import type { CompiledConfig } from "../core/compiled-config.ts";
import type { BreakerPhase, DeploymentId, EndpointId } from "../core/messages.ts";
import type { EndpointLabels, MetricLabels } from "./metric-labels.ts";
import type { MetricSet } from "./metric-set.ts";

const breakerValue: Readonly<Record<BreakerPhase, number>> = { closed: 0, "half-open": 1, open: 2 };
const perEndpoint = ["provider", "deployment", "endpoint"] as const satisfies readonly (keyof EndpointLabels)[];

/** How the endpoints are, and how deployments are weighted and limited. */
export class FleetMetrics {
  readonly #labels: MetricLabels;
  readonly #probes: Counter<keyof EndpointLabels | "outcome">;
  readonly #breakerOpenings: Counter<keyof EndpointLabels>;
  readonly #limit: Gauge<"provider" | "deployment">;
  readonly #shares: Gauge<"provider">;
  readonly #weights: Gauge<"route" | "provider" | "deployment">;
  readonly #healthy: Gauge<keyof EndpointLabels>;
  readonly #breaker: Gauge<keyof EndpointLabels>;

  constructor(metrics: MetricSet, labels: MetricLabels) {
    this.#labels = labels;
    this.#probes = metrics.counter("router_probes_total", "Active probes of endpoints by outcome: healthy, unhealthy, or unknown", [...perEndpoint, "outcome"]);
    this.#breakerOpenings = metrics.counter("router_breaker_openings_total", "Times a breaker opened", perEndpoint);
    this.#limit = metrics.gauge("router_concurrency_limit", "Attempts that each endpoint of a deployment may have in flight, where that is found out", [
      "provider",
      "deployment",
    ]);
    this.#shares = metrics.gauge("router_configured_weight", "Configured share of a provider, 0..1, mean over the weighted routes", ["provider"]);
    this.#weights = metrics.gauge("router_configured_deployment_weight", "Configured weight of a deployment", ["route", "provider", "deployment"]);
    this.#healthy = metrics.gauge("router_endpoint_healthy", "Whether an endpoint's active probes find it well: 1, or 0", perEndpoint);
    this.#breaker = metrics.gauge("router_breaker_state", "0 closed, 1 half-open, 2 open", perEndpoint);
    for (const endpoint of labels.config.endpoints) this.#show(endpoint.id);
    this.#setWeights();
  }

  /** The labels are those of the new configuration. */
  configure(before: CompiledConfig): void {
    const known = new Set(before.endpoints.flatMap(({ gone, identity }) => (gone === true ? [] : [identity])));
    for (const { id, identity, gone } of this.#labels.config.endpoints) if (gone !== true && !known.has(identity)) this.#show(id);
    this.#setWeights();
  }

  /** As it begins. */
  #show(id: EndpointId): void {
    this.#breaker.set(this.#labels.endpointOf(id), 0);
    this.#healthy.set(this.#labels.endpointOf(id), 1);
  }

  /** It belongs to no version of the configuration any more. */
  endpointForgotten(id: EndpointId): void {
    const labels = this.#labels.endpointOf(id);
    const others = this.#labels.config.endpoints.filter((other) => other.id !== id && other.gone !== true).map((other) => this.#labels.endpointOf(other.id));
    if (others.some((other) => other.deployment === labels.deployment && other.endpoint === labels.endpoint)) return;
    this.#breaker.remove(labels);
    this.#healthy.remove(labels);
  }

  breakerChanged(endpoint: EndpointId, to: BreakerPhase): void {
    const labels = this.#labels.endpointOf(endpoint);
    this.#breaker.set(labels, breakerValue[to]);
    if (to === "open") this.#breakerOpenings.inc(labels);
  }

  probeEnded(endpoint: EndpointId, healthy: boolean | null): void {
    this.#probes.inc({ ...this.#labels.endpointOf(endpoint), outcome: healthy === null ? "unknown" : healthy ? "healthy" : "unhealthy" });
  }

  healthChanged(endpoint: EndpointId, healthy: boolean): void {
    this.#healthy.set(this.#labels.endpointOf(endpoint), healthy ? 1 : 0);
  }

  limitChanged(deployment: DeploymentId, limit: number): void {
    const { provider, name } = this.#labels.config.deployments[deployment] ?? { provider: "", name: "" };
    this.#limit.set({ provider, deployment: name }, limit);
  }

  /** A provider's configured share, the mean over the weighted routes; and each deployment's weight as written. */
  #setWeights(): void {
    this.#shares.reset();
    this.#weights.reset();
    const { config } = this.#labels;
    const routes = config.routes.filter(({ internal, gone }) => !internal && gone !== true);
    const weighted = routes.filter((route) => route.strategy === "weighted");
    for (const route of routes) {
      const deployments = route.deployments.map((id) => config.deployments[id]).filter((deployment) => deployment !== undefined);
      const sum = deployments.reduce((total, deployment) => total + deployment.weight, 0);
      for (const { name, provider, weight } of deployments) {
        this.#weights.set({ route: route.name, provider, deployment: name }, weight);
        if (route.strategy === "weighted" && sum > 0) this.#shares.inc({ provider }, weight / sum / weighted.length);
      }
    }
  }
}
