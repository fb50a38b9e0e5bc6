import { dirname } from "node:path";
import { compileConfigAt } from "../../router/config/load-config.ts";
import { readText } from "../../router/config/read-text.ts";
import { InputError } from "../../router/config/problem.ts";
import { problemIn, type YamlPlace } from "../../router/config/yaml-problems.ts";
import { parseYaml, plainValue } from "../../router/config/yaml-source.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import { alignConfig } from "../../router/core/rollout/align-config.ts";
import { instantAt } from "../../router/core/time.ts";
import type { ConfigChangeSpec } from "../core/compiled-scenario.ts";
import { withZones } from "./compile-fleet.ts";
import type { ConfigInfo } from "./loaded-scenario.ts";
import { pathFrom } from "./path-from.ts";
import type { ScenarioFile } from "./schema.ts";

/**
 * The scenario's changes of its configuration, each in the ids of all before it. A mapping is laid over the configuration before it, key by key; without one, another share is
 * set for the version that came last.
 * @throws InputError
 */
export function compileChanges(place: YamlPlace, { changes, fleet }: ScenarioFile, base: ConfigInfo, config: CompiledConfig): readonly ConfigChangeSpec[] {
  const versions = [withZones(config, fleet)];
  let value = base.value;
  let last = 0;
  return changes.map((change, index): ConfigChangeSpec => {
    if (change.at < last)
      throw new InputError([problemIn(place, ["changes", index, "at"], "value", "comes before the change above it", "write them in order of time")]);
    last = change.at;
    const newest = versions.at(-1) ?? config;
    const told = { at: instantAt(change.at), share: change.canaryPercent / 100, by: change.by };
    if (change.config === undefined) return { ...told, config: newest };
    const read = readChange(place, index, change.config, value);
    value = read.value;
    const { compiled } = compileConfigAt(read.place, value, null);
    const known = versions.find(({ version }) => version === compiled.version);
    const aligned = known ?? alignConfig(withZones(compiled, fleet), versions).config;
    if (known !== undefined) versions.splice(versions.indexOf(known), 1);
    versions.push(aligned);
    return { ...told, config: aligned };
  });
}

function readChange(place: YamlPlace, index: number, config: string | object, before: unknown): { readonly place: YamlPlace; readonly value: unknown } {
  if (typeof config !== "string") return { place: { source: place.source, base: ["changes", index, "config"] }, value: laidOver(before, config) };
  const path = pathFrom(dirname(place.source.file), config);
  const source = parseYaml(path, readText(path, "configuration"));
  return { place: { source, base: [] }, value: plainValue(source) };
}

/** Mappings key by key; anything else, lists among them, takes the place of what was there. */
function laidOver(before: unknown, patch: unknown): unknown {
  if (!isMapping(before) || !isMapping(patch)) return patch;
  const result = { ...before };
  for (const [key, part] of Object.entries(patch)) result[key] = laidOver(before[key], part);
  return result;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
