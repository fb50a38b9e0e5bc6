import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { CompiledConfig, ConfigVersion } from "../core/compiled-config.ts";
import { compileConfig } from "./compile-config.ts";
import { InputError } from "./problem.ts";
import { configSchema } from "./schema.ts";
import type { Environment } from "./secret.ts";
import type { ServiceSpec } from "./service-spec.ts";
import { checkYaml, inFileOrder } from "./yaml-problems.ts";
import type { YamlPlace } from "./yaml-problems.ts";
import { parseYaml, plainValue } from "./yaml-source.ts";
import type { YamlSource } from "./yaml-source.ts";

export interface LoadedConfig {
  readonly source: YamlSource;
  readonly compiled: CompiledConfig;
  readonly service: ServiceSpec;
}

/**
 * Reads, checks and compiles a configuration file.
 * @param env where keys are looked up; null: they are not (simulation)
 * @throws InputError with every problem
 */
export function loadConfig(file: string, env: Environment | null): LoadedConfig {
  const source = parseYaml(file, readText(file, "configuration"));
  return { source, ...compileConfigAt({ source, base: [] }, plainValue(source), env) };
}

/** The same for a configuration that stands within another file. @throws InputError */
export function compileConfigAt(
  place: YamlPlace,
  value: unknown,
  env: Environment | null,
): { readonly compiled: CompiledConfig; readonly service: ServiceSpec } {
  const checked = checkYaml(place, value ?? {}, configSchema);
  if (checked.value === null) throw new InputError(checked.problems);
  const version = versionOf(JSON.stringify(value));
  const { compiled, service, problems } = compileConfig(place, checked.value, { version, env });
  if (problems.length > 0) throw new InputError(inFileOrder(problems));
  return { compiled, service };
}

/** @throws InputError naming the file */
export function readText(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    const message = code === "ENOENT" ? `there is no such ${what} file` : code === "EISDIR" ? "is a directory" : `cannot be read (${code})`;
    throw new InputError([{ file, line: null, column: null, field: null, message, fix: "check the path; it is relative to the working directory" }]);
  }
}

/** The same content has the same version, whatever its comments and layout. */
function versionOf(text: string): ConfigVersion {
  return createHash("sha256").update(text).digest().readUIntBE(0, 6) as ConfigVersion;
}
