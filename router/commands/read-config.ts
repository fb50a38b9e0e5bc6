import { existsSync } from "node:fs";
import process from "node:process";
import { environmentConfig, environmentHelp, portsIn, providersIn } from "../config/environment-config.ts";
import { compileConfigAt, loadConfig, type LoadedConfig } from "../config/load-config.ts";
import { parseYaml, plainValue } from "../config/yaml-source.ts";
import { findModels } from "./find-models.ts";

export type ReadConfig = Omit<LoadedConfig, "source">;

const usualFile = "headgate.yaml";
export const configOption = [
  "-c, --config <file>",
  "configuration (YAML); absent: headgate.yaml where it is, or else the providers whose keys are in the environment",
] as const;

/** The file that is named, or the usual one, or what the environment has keys for. */
export async function readConfig(file: string | undefined): Promise<ReadConfig> {
  if (file !== undefined || existsSync(usualFile)) return loadConfig(file ?? usualFile, process.env);
  const named = await findModels(providersIn(process.env), environmentHelp);
  const source = parseYaml("environment", environmentConfig(named, portsIn(process.env)));
  for (const { found, models } of named) process.stderr.write(`headgate: ${found.because} is set: ${models.length} model(s) of ${found.provider}\n`);
  return compileConfigAt({ source, base: [] }, plainValue(source), process.env);
}
