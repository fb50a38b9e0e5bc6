import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { readText } from "../../router/config/read-text.ts";
import { suggestion } from "../../router/config/nearest.ts";
import { InputError } from "../../router/config/problem.ts";
import { valueAt } from "../../router/config/value-at.ts";
import { problemIn, type YamlPlace, type YamlSpot } from "../../router/config/yaml-problems.ts";
import { type FieldPath, parseYaml, plainValue, type YamlSource } from "../../router/config/yaml-source.ts";
import { isFields } from "../../router/core/fields.ts";
import { deepMerge, replaces, withValueAt } from "./deep-merge.ts";
import { pathFrom } from "./path-from.ts";
import { badSetting, parseSetting, type Setting } from "./setting.ts";

/**
 * A scenario as one value, put together from the file, the files that it extends (each the one before), and `--set` options, the later over the earlier. Mappings
 * merge, everything else replaces (deep-merge.ts). A configuration that is named as a file and changed above it is read in as a layer of its own. Every value
 * still knows where it stands: problems name that file, line and column, and paths of other files are relative to it.
 */
export interface LayeredScenario {
  readonly place: YamlPlace;
  readonly value: unknown;
  /** Of all texts. */
  readonly sha256: string;
  /** The folder that a relative path which stands here is relative to. */
  folderOf(path: FieldPath): string;
}

interface Layer {
  readonly source: YamlSource;
  /** Where in the whole its root stands. */
  readonly mount: FieldPath;
  readonly value: unknown;
}

const extendsMax = 16;

/** @throws InputError */
export function readLayers(file: string, settings: readonly string[]): LayeredScenario {
  const sets = settings.map(parseSetting);
  const layers = withConfigFile(chainOf(file), sets);
  const [top] = layers;
  if (top === undefined) throw new Error("a scenario without a layer");
  const merged = layers
    .toReversed()
    .reduce<unknown>(
      (lower, layer) => deepMerge(layer.mount.length === 0 ? withoutMounted(layer, layers) : withValueAt({}, layer.mount, layer.value), lower),
      {},
    );
  const { extends: _, ...value } = sets.reduce(applied, merged) as Record<string, unknown>;
  const locate = (path: FieldPath): YamlSpot => spotOf(path, layers, sets);
  return {
    place: { source: top.source, base: [], locate },
    value,
    sha256: sha256Of([...layers.map(({ source }) => source.text), ...settings]),
    folderOf: (path) => {
      const spot = locate(path);
      return "source" in spot ? dirname(spot.source.file) : ".";
    },
  };
}

/** The file first, then what it extends. */
function chainOf(file: string): readonly Layer[] {
  const layers: Layer[] = [];
  const seen = new Set<string>();
  for (let next: string | null = file; next !== null;) {
    const source = parseYaml(next, readText(next, "scenario"));
    const value = plainValue(source) ?? {};
    layers.push({ source, mount: [], value });
    seen.add(resolve(next));
    next = baseOf({ source, base: [] }, value, seen);
  }
  return layers;
}

function baseOf(place: YamlPlace, value: unknown, seen: ReadonlySet<string>): string | null {
  const base = isFields(value) ? value["extends"] : undefined;
  if (base === undefined) return null;
  const wrong = (message: string, fix: string): InputError => new InputError([problemIn(place, ["extends"], "value", message, fix)]);
  if (typeof base !== "string" || base === "") throw wrong("must be the path of a scenario", "write extends: other.yaml");
  const path = pathFrom(dirname(place.source.file), base);
  if (!existsSync(path)) throw wrong(`there is no file ${path}`, "name a scenario, relative to this one");
  if (seen.has(resolve(path))) throw wrong(`${base} extends this file itself`, "let one of the two stand by itself");
  if (seen.size >= extendsMax) throw wrong(`more than ${extendsMax} files extend each other`, "join some of them");
  return path;
}

/** The configuration's file becomes a layer below the one that names it, where anything above changes a part of it. */
function withConfigFile(layers: readonly Layer[], sets: readonly Setting[]): readonly Layer[] {
  const naming = layers.findIndex(({ value }) => isFields(value) && value["config"] !== undefined && !isFields(value["config"]));
  const layer = layers[naming];
  const path = layer !== undefined && isFields(layer.value) ? layer.value["config"] : null;
  const changed =
    layers.slice(0, naming).some(({ value }) => isFields(value) && isFields(value["config"])) ||
    sets.some((set) => set.path[0] === "config" && set.path.length > 1);
  if (layer === undefined || typeof path !== "string" || !changed) return layers;
  const file = pathFrom(dirname(layer.source.file), path);
  const source = parseYaml(file, readText(file, "configuration"));
  return [...layers.slice(0, naming + 1), { source, mount: ["config"], value: plainValue(source) ?? {} }, ...layers.slice(naming + 1)];
}

/** The name of a file that was read in is no value any more. */
function withoutMounted({ value }: Layer, layers: readonly Layer[]): unknown {
  if (!isFields(value) || isFields(value["config"]) || !layers.some(({ mount }) => mount.length > 0)) return value;
  const { config: _, ...rest } = value;
  return rest;
}

/** Where names of the user's stand: a new one is not made by setting something within it. */
const namedAt: readonly FieldPath[] = [["fleet"], ["config", "deployments"], ["config", "routes"], ["config", "tenants"]];

function applied(root: unknown, { option, path, value }: Setting): unknown {
  for (const place of namedAt.filter((start) => startsWith(path, start) && path.length > start.length + 1)) {
    const known = valueAt(root, place);
    const name = String(path[place.length]);
    if (!isFields(known) || name in known) continue;
    throw badSetting(option, `there is no ${[...place, name].join(".")}`, suggestion(name, Object.keys(known)));
  }
  const changed = withValueAt(root, path, value);
  if (changed === null) throw badSetting(option, `the scenario has no place ${path.join(".")}`, "name a path of keys, and places in lists from 0");
  return changed;
}

/** Of the layers that have the path, or most of it, the first that is not covered by one above. */
function spotOf(path: FieldPath, layers: readonly Layer[], sets: readonly Setting[]): YamlSpot {
  const covering = sets.findLast((set) => startsWith(path, set.path));
  if (covering !== undefined) return { option: covering.option };
  let candidates = layers;
  let depth = 0;
  for (; depth < path.length; depth += 1) {
    const prefix = path.slice(0, depth + 1);
    const holders = candidates.filter((layer) => atPath(layer, prefix) !== undefined);
    if (holders.length === 0) break;
    const [upper, ...lower] = holders;
    const covered = lower.findIndex((layer) => replaces(atPath(upper, prefix), atPath(layer, prefix)));
    candidates = covered === -1 ? holders : holders.slice(0, covered + 1);
  }
  const creating = depth < path.length ? sets.findLast((set) => startsWith(set.path, path)) : undefined;
  if (creating !== undefined) return { option: creating.option };
  const found = candidates.find(({ mount }) => startsWith(path, mount)) ?? layers[0];
  if (found === undefined) throw new Error("a scenario without a layer");
  return { source: found.source, path: path.slice(found.mount.length) };
}

function atPath(layer: Layer | undefined, path: FieldPath): unknown {
  if (layer === undefined) return undefined;
  const { mount, value } = layer;
  if (path.length < mount.length) return startsWith(mount, path) ? {} : undefined;
  return startsWith(path, mount) ? valueAt(value, path.slice(mount.length)) : undefined;
}

const startsWith = (path: FieldPath, start: FieldPath): boolean => start.every((step, place) => String(path[place]) === String(step));

function sha256Of(texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text);
  return hash.digest("hex");
}
