import { existsSync } from "node:fs";
import { compileConfigAt } from "../../router/config/load-config.ts";
import { readText } from "../../router/config/read-text.ts";
import { InputError } from "../../router/config/problem.ts";
import { problemIn, type YamlPlace } from "../../router/config/yaml-problems.ts";
import { type FieldPath, parseYaml, plainValue } from "../../router/config/yaml-source.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import { alignConfig } from "../../router/core/rollout/align-config.ts";
import { instantAt } from "../../router/core/time.ts";
import type { ConfigChangeSpec } from "../core/compiled-scenario.ts";
import { withZones } from "./compile-fleet.ts";
import { deepMerge } from "./deep-merge.ts";
import { withFleetReplicas } from "./fleet-replicas.ts";
import type { ConfigInfo } from "./loaded-scenario.ts";
import { pathFrom } from "./path-from.ts";
import type { LayeredScenario } from "./scenario-layers.ts";
import type { ScenarioFile } from "./schema.ts";

/**
 * The scenario's changes of its configuration, each in the ids of all before it. A mapping is laid over the configuration before it, as a file over what it extends; without one,
 * another share is set for the version that came last.
 * @throws InputError
 */
export function compileChanges(
  layers: LayeredScenario,
  { changes, fleet }: ScenarioFile,
  base: ConfigInfo,
  config: CompiledConfig,
): readonly ConfigChangeSpec[] {
  const versions = [withZones(config, fleet)];
  let value = base.value;
  let last = 0;
  return changes.map((change, index): ConfigChangeSpec => {
    if (change.at < last)
      throw new InputError([problemIn(layers.place, ["changes", index, "at"], "value", "comes before the change above it", "write them in order of time")]);
    last = change.at;
    const newest = versions.at(-1) ?? config;
    const told = { at: instantAt(change.at), share: change.canaryPercent / 100, by: change.by };
    if (change.config === undefined) return { ...told, config: newest };
    const read = readChange(layers, ["changes", index, "config"], change.config, value, fleet);
    value = read.value;
    const { compiled } = compileConfigAt(read.place, value, null);
    const known = versions.find(({ version }) => version === compiled.version);
    const aligned = known ?? alignConfig(withZones(compiled, fleet), versions).config;
    if (known !== undefined) versions.splice(versions.indexOf(known), 1);
    versions.push(aligned);
    return { ...told, config: aligned };
  });
}

interface ReadChange {
  readonly place: YamlPlace;
  readonly value: unknown;
}

function readChange(layers: LayeredScenario, path: FieldPath, config: string | object, before: unknown, fleet: ScenarioFile["fleet"]): ReadChange {
  if (typeof config !== "string") return { place: { ...layers.place, base: path }, value: deepMerge(config, before) };
  const file = pathFrom(layers.folderOf(path), config);
  if (!existsSync(file)) {
    const fix = "name a configuration, relative to the file that names it";
    throw new InputError([problemIn(layers.place, path, "value", `there is no file ${file}`, fix)]);
  }
  const source = parseYaml(file, readText(file, "configuration"));
  return { place: { source, base: [] }, value: withFleetReplicas(plainValue(source), fleet) };
}
