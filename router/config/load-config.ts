import { createHash } from "node:crypto";
import type { CompiledConfig, ConfigVersion } from "../core/compiled-config.ts";
import { isFields } from "../core/fields.ts";
import { type Compiled, compileConfig } from "./compile-config.ts";
import type { Pricing } from "./pricing.ts";
import { InputError } from "./problem.ts";
import { readText } from "./read-text.ts";
import { configSchema } from "./schema.ts";
import type { Environment } from "./secret.ts";
import type { ServiceSpec } from "./service-spec.ts";
import { checkYaml, inFileOrder, problemIn } from "./yaml-problems.ts";
import type { YamlPlace } from "./yaml-problems.ts";
import { parseYaml, plainValue } from "./yaml-source.ts";
import type { YamlSource } from "./yaml-source.ts";

export interface LoadedConfig {
  readonly source: YamlSource;
  readonly compiled: CompiledConfig;
  readonly service: ServiceSpec;
  readonly prices: PriceNotes;
}

/** Where prices are from, for people. */
export interface PriceNotes {
  /** By DeploymentId. */
  readonly of: readonly Pricing[];
  readonly staleAfterDays: number;
}

/**
 * Reads, checks and compiles a configuration file.
 * @param env where keys are looked up; null: they are not (simulation)
 * @throws InputError with every problem
 */
export function loadConfig(file: string, env: Environment | null): LoadedConfig {
  const source = parseYaml(file, readText(file, "configuration"));
  const value = plainValue(source);
  refuseScenario(source, value);
  return { source, ...compileConfigAt({ source, base: [] }, value, env) };
}

/** Whoever mistakes one file for the other is told so, and not what all is unknown in it. */
function refuseScenario(source: YamlSource, value: unknown): void {
  if (!isFields(value) || !("trace" in value) || "deployments" in value || "routes" in value) return;
  const fix = `run it: headgate simulate ${source.file}; its configuration is what it names under config`;
  throw new InputError([problemIn({ source, base: [] }, ["trace"], "key", "this is a scenario of the simulator, not a configuration", fix)]);
}

/** The same for a configuration that stands within another file. @throws InputError */
export function compileConfigAt(place: YamlPlace, value: unknown, env: Environment | null): Omit<LoadedConfig, "source"> {
  const checked = checkYaml(place, value ?? {}, configSchema);
  if (checked.value === null) throw new InputError(checked.problems);
  const { compiled: unnamed, service, pricing, problems } = compileConfig(place, checked.value, env);
  if (problems.length > 0) throw new InputError(inFileOrder(problems));
  const compiled = { ...unnamed, version: versionOf(value, unnamed) };
  return { compiled, service, prices: { of: pricing, staleAfterDays: checked.value.prices.staleAfterDays } };
}

/** The same content has the same version, whatever its comments and layout; prices that a catalogue has are content too. */
function versionOf(value: unknown, { deployments }: Compiled["compiled"]): ConfigVersion {
  const content = JSON.stringify([value, deployments.map(({ rates }) => rates)]);
  return createHash("sha256").update(content).digest().readUIntBE(0, 6) as ConfigVersion;
}
