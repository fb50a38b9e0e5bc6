import type { ServiceSpec, UpstreamKey } from "../config/service-spec.ts";
import type { CompiledConfig, RouteSpec } from "../core/compiled-config.ts";
import type { Credential } from "../providers/credential.ts";
import { DecisionLines } from "./decision-lines.ts";
import { type PromptLooks, promptLooks } from "./route-request.ts";

/** The newest version of the configuration as the service looks things up in it: it has all ids, those that only older versions use among them. */
export interface AdoptedConfig {
  readonly compiled: CompiledConfig;
  readonly spec: ServiceSpec;
  /** By the name that callers use. */
  readonly routes: ReadonlyMap<string, RouteSpec>;
  /** By EndpointId. */
  readonly credentials: readonly (Credential | null)[];
  readonly decisions: DecisionLines;
  readonly looks: PromptLooks;
}

export function adoptConfig(compiled: CompiledConfig, spec: ServiceSpec, seal: (origin: string, key: UpstreamKey | null) => Credential | null): AdoptedConfig {
  return {
    compiled,
    spec,
    routes: new Map(compiled.routes.filter(({ internal }) => !internal).map((route) => [route.name, route])),
    credentials: spec.endpoints.map(({ origin, key }) => seal(origin, key)),
    decisions: new DecisionLines(compiled),
    looks: promptLooks(compiled, spec.priceChanges),
  };
}
