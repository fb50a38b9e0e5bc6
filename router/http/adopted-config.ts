import type { ServiceSpec, UpstreamKey } from "../config/service-spec.ts";
import type { CompiledConfig } from "../core/compiled-config.ts";
import { RouteNames } from "../core/route-names.ts";
import type { Credential } from "../providers/credential.ts";
import { adapterFor } from "../providers/registry.ts";
import { UpstreamLane } from "../upstream/upstream-lane.ts";
import { DecisionLines } from "./decision-lines.ts";
import { type PromptLooks, promptLooks } from "./route-request.ts";
import { TenantKeys } from "./tenant-keys.ts";

/** The newest version of the configuration as the service looks things up in it: it has all ids, those that only older versions use among them. */
export interface AdoptedConfig {
  readonly compiled: CompiledConfig;
  readonly spec: ServiceSpec;
  /** By the name that callers use. */
  readonly routes: RouteNames;
  /** By EndpointId. */
  readonly lanes: readonly UpstreamLane[];
  readonly tenantKeys: TenantKeys;
  readonly decisions: DecisionLines;
  readonly looks: PromptLooks;
}

export function adoptConfig(compiled: CompiledConfig, spec: ServiceSpec, seal: (origin: string, key: UpstreamKey | null) => Credential | null): AdoptedConfig {
  return {
    compiled,
    spec,
    routes: new RouteNames(compiled.routes.filter(({ internal, gone }) => !internal && gone !== true)),
    lanes: spec.endpoints.map((upstream) => new UpstreamLane(adapterFor(upstream.provider), upstream, seal(upstream.origin, upstream.key))),
    tenantKeys: new TenantKeys(spec.tenantOf),
    decisions: new DecisionLines(compiled),
    looks: promptLooks(compiled, spec.priceChanges),
  };
}
