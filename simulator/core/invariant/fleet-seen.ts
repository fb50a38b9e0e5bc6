import type { CompiledConfig, DeploymentSpec, EndpointSpec, RouteSpec } from "../../../router/core/compiled-config.ts";
import type { DeploymentId, EndpointId } from "../../../router/core/messages.ts";
import type { VersionsSeen } from "./versions-seen.ts";

/** Which endpoint is at which deployment, as a checker sees it: by the versions of the configuration, and by who joins and leaves. */
export class FleetSeen {
  readonly #versions: VersionsSeen;
  /** By EndpointId: where it joined, or was named last. */
  readonly #deployments: DeploymentId[];
  readonly #joined = new Set<EndpointId>();
  /** Left and not come back. */
  readonly #leaving = new Set<EndpointId>();

  constructor(config: CompiledConfig, versions: VersionsSeen) {
    this.#versions = versions;
    this.#deployments = config.endpoints.map(({ deployment }) => deployment);
  }

  changed(joined: readonly EndpointSpec[], left: readonly EndpointId[]): void {
    for (const { id, deployment } of joined) {
      this.#deployments[id] = deployment;
      this.#joined.add(id);
      this.#leaving.delete(id);
    }
    for (const id of left) this.#leaving.add(id);
  }

  /** Before the versions hear of it: what none of them named begins anew. */
  activated({ endpoints }: CompiledConfig): void {
    for (const { id, deployment, gone } of endpoints) {
      if (gone !== true && this.#namedBy(id) === 0) this.#leaving.delete(id);
      if (gone !== true || this.#deployments[id] === undefined) this.#deployments[id] = deployment;
    }
  }

  /** @returns whether it may be: it has left, or only the version that is being retired names it */
  forgotten(id: EndpointId): boolean {
    const may = this.#leaving.has(id) || this.#namedBy(id) <= 1;
    this.#joined.delete(id);
    return may;
  }

  hasLeft(id: EndpointId): boolean {
    return this.#leaving.has(id);
  }

  deploymentOf(id: EndpointId, config = this.#versions.stable): DeploymentSpec | undefined {
    const named = config.endpoints[id];
    const place = this.#joined.has(id) && (named === undefined || named.gone === true) ? this.#deployments[id] : named?.deployment;
    return config.deployments[place ?? -1];
  }

  /** By EndpointId; -1: no request goes there. */
  placesNow(): DeploymentId[] {
    const { stable } = this.#versions;
    return this.#deployments.map((_, at) => {
      const id = at as EndpointId;
      const isGone = stable.endpoints[id]?.gone === true && !this.#joined.has(id);
      return isGone ? (-1 as DeploymentId) : (this.deploymentOf(id)?.id ?? (-1 as DeploymentId));
    });
  }

  poolOf(config: CompiledConfig, route: RouteSpec): EndpointId[] {
    return this.#deployments.flatMap((_, at) => {
      const id = at as EndpointId;
      const deployment = config.endpoints[id]?.gone === true ? undefined : this.deploymentOf(id, config);
      return deployment !== undefined && route.deployments.includes(deployment.id) && !this.#leaving.has(id) ? [id] : [];
    });
  }

  #namedBy(id: EndpointId): number {
    return this.#versions.all.filter(({ endpoints }) => endpoints[id] !== undefined && endpoints[id].gone !== true).length;
  }
}
