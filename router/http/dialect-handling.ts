import type { CompiledConfig } from "../core/compiled-config.ts";
import type { DeploymentId } from "../core/messages.ts";
import type { Dialect, ProviderAdapter } from "../providers/provider-adapter.ts";
import { adapterFor } from "../providers/registry.ts";

/** Deployments whose providers have a dialect translated, or have nothing of the kind. */
export interface DialectHandling {
  readonly translate: readonly DeploymentId[];
  readonly lack: readonly DeploymentId[];
}

const known = new WeakMap<CompiledConfig, Map<Dialect, DialectHandling>>();

/** Found once per configuration. */
export function dialectHandling(config: CompiledConfig, dialect: Dialect): DialectHandling {
  let ofConfig = known.get(config);
  if (ofConfig === undefined) known.set(config, (ofConfig = new Map<Dialect, DialectHandling>()));
  let handling = ofConfig.get(dialect);
  if (handling === undefined) ofConfig.set(dialect, (handling = { translate: those(config, dialect, "translates"), lack: those(config, dialect, "no") }));
  return handling;
}

function those({ deployments }: CompiledConfig, dialect: Dialect, handling: ReturnType<ProviderAdapter["handles"]>): readonly DeploymentId[] {
  return deployments.filter(({ provider }) => adapterFor(provider).handles(dialect) === handling).map(({ id }) => id);
}
