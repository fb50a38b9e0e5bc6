import { stringify } from "yaml";
import type { LoadedScenario } from "./loaded-scenario.ts";

export interface LiveAddresses {
  /** By name of the deployment, one origin per endpoint, in their order. */
  readonly origins: ReadonlyMap<string, readonly string[]>;
  readonly listen: { readonly host: string; readonly port: number };
  readonly metrics: { readonly host: string; readonly port: number };
}

/** In the environment of `serve`: what it shows the mocks, which want some key where the provider does. */
export const mockKey = { name: "HEADGATE_MOCK_KEY", value: "mock" };

/** The scenario's configuration as YAML for `serve`, with other addresses. Keys are replaced: they belong to the addresses that were there. */
export function withOrigins(loaded: LoadedScenario, addresses: LiveAddresses): string {
  const config = structuredClone(loaded.config.value) as {
    deployments: Record<string, { endpoints?: readonly string[]; key?: unknown }>;
    listen?: unknown;
    metrics?: unknown;
  };
  for (const [name, deployment] of Object.entries(config.deployments)) {
    const origins = addresses.origins.get(name) ?? [];
    const count = loaded.compiled.config.deployments.find((compiled) => compiled.name === name)?.endpoints.length;
    if (origins.length !== count) throw new Error(`${name} has ${count ?? "no"} endpoints, ${origins.length} addresses were given`);
    deployment.endpoints = origins;
    if (deployment.key !== undefined) deployment.key = `\${${mockKey.name}}`;
  }
  config.listen = addresses.listen;
  config.metrics = addresses.metrics;
  return stringify(config);
}
