import { stringify } from "yaml";
import type { LoadedScenario } from "./loaded-scenario.ts";

export interface LiveAddresses {
  /** By name of the deployment, one origin per endpoint, in their order. */
  readonly origins: ReadonlyMap<string, readonly string[]>;
  readonly listen: { readonly host: string; readonly port: number };
  readonly metrics: { readonly host: string; readonly port: number };
}

/** The scenario's configuration as YAML for `serve`, with other addresses. Keys are left out: they belong to the addresses that were there. */
export function withOrigins(loaded: LoadedScenario, addresses: LiveAddresses): string {
  const config = structuredClone(loaded.config.value) as {
    deployments: Record<string, { endpoints: readonly string[]; key?: unknown }>;
    listen?: unknown;
    metrics?: unknown;
  };
  for (const [name, deployment] of Object.entries(config.deployments)) {
    const origins = addresses.origins.get(name) ?? [];
    if (origins.length !== deployment.endpoints.length)
      throw new Error(`${name} has ${deployment.endpoints.length} endpoints, ${origins.length} addresses were given`);
    deployment.endpoints = origins;
    delete deployment.key;
  }
  config.listen = addresses.listen;
  config.metrics = addresses.metrics;
  return stringify(config);
}
