import type { CompiledConfig, DeploymentSpec } from "../core/compiled-config.ts";
import type { EndpointId, RouteId, TenantId } from "../core/messages.ts";

export interface PlaceLabels {
  readonly route: string;
  readonly provider: string;
  readonly deployment: string;
}

export interface BillLabels extends PlaceLabels {
  readonly tenant: string;
  readonly model: string;
  readonly route_tier: string;
}

export interface EndpointLabels {
  readonly provider: string;
  readonly deployment: string;
  readonly endpoint: string;
}

/** Names for the ids of the newest configuration; and pairs of ids as one integer, under which the request path counts. */
export class MetricLabels {
  #config: CompiledConfig;

  constructor(config: CompiledConfig) {
    this.#config = config;
  }

  get config(): CompiledConfig {
    return this.#config;
  }

  /** Keys that were made before stand for something else from now on. */
  configure(config: CompiledConfig): void {
    this.#config = config;
  }

  /** A route and, where there is one, a deployment. */
  placeKey(route: RouteId, deployment: DeploymentSpec | null): number {
    return route * (this.#config.deployments.length + 1) + (deployment === null ? 0 : deployment.id + 1);
  }

  placeOf(key: number): PlaceLabels {
    const [route, deployment] = this.#specsOf(key);
    return { route: this.routeName(route), provider: deployment?.provider ?? "none", deployment: deployment?.name ?? "none" };
  }

  /** A tenant, and where it was served. */
  billKey(tenant: TenantId, place: number): number {
    return tenant * this.#places + place;
  }

  billOf(key: number): BillLabels {
    const [tenant, place] = splitKey(key, this.#places);
    const [, deployment] = this.#specsOf(place);
    const where = this.placeOf(place);
    return { ...where, tenant: this.tenantName(tenant), model: deployment?.model ?? "none", route_tier: where.route };
  }

  endpointOf(endpoint: EndpointId): EndpointLabels {
    const deployment = this.deploymentOf(endpoint);
    return { provider: deployment?.provider ?? "none", deployment: deployment?.name ?? "none", endpoint: this.#config.endpoints[endpoint]?.origin ?? "none" };
  }

  deploymentOf(endpoint: EndpointId | null): DeploymentSpec | null {
    const spec = endpoint === null ? undefined : this.#config.endpoints[endpoint];
    return spec === undefined ? null : (this.#config.deployments[spec.deployment] ?? null);
  }

  tenantName(tenant: number): string {
    return this.#config.tenants[tenant]?.name ?? "none";
  }

  routeName(route: number): string {
    return this.#config.routes[route]?.name ?? "none";
  }

  get #places(): number {
    return this.#config.routes.length * (this.#config.deployments.length + 1);
  }

  #specsOf(place: number): [route: number, deployment: DeploymentSpec | undefined] {
    const [route, deployment] = splitKey(place, this.#config.deployments.length + 1);
    return [route, this.#config.deployments[deployment - 1]];
  }
}

/** A key that was made of two: the second was below `size`. */
export function splitKey(key: number, size: number): [number, number] {
  const second = key % size;
  return [(key - second) / size, second];
}
