import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { isFields } from "../../router/core/fields.ts";
import { instantAt } from "../../router/core/time.ts";
import { InputError } from "../../router/config/problem.ts";
import { compileConfigAt } from "../../router/config/load-config.ts";
import { readText } from "../../router/config/read-text.ts";
import type { Environment } from "../../router/config/secret.ts";
import { checkYaml, inFileOrder, problemIn, type YamlPlace } from "../../router/config/yaml-problems.ts";
import { type FieldPath, parseYaml, plainValue } from "../../router/config/yaml-source.ts";
import { loadTrace } from "../trace/load-trace.ts";
import { traceFormats } from "../trace/trace-formats.ts";
import { drawnNames } from "../core/workload/draw-features.ts";
import { pathFrom } from "./path-from.ts";
import { callsOf, workloadOf } from "./workload.ts";
import { arrivalUs } from "./arrivals.ts";
import { compileChanges } from "./compile-changes.ts";
import { compileScenario, warmUpProblem } from "./compile-scenario.ts";
import type { ConfigInfo, LoadedScenario, NotApplicable, TraceInfo } from "./loaded-scenario.ts";
import { withFleetReplicas } from "./fleet-replicas.ts";
import { type LayeredScenario, readLayers } from "./scenario-layers.ts";
import { scenarioSchema } from "./schema.ts";
import type { ScenarioFile } from "./schema.ts";
import { idleKeys } from "./trace-keys.ts";
import { placeOfTrace } from "./trace-place.ts";

export interface LoadOptions {
  /** `path=value`, each over the file. */
  readonly settings?: readonly string[];
}

/**
 * Reads, checks and compiles a scenario with its configuration and its trace. Providers' keys are not looked up: nothing is called.
 * @throws InputError with every problem of the file that is wrong first: scenario, configuration, then trace
 */
export async function loadScenario(file: string, env: Environment, { settings = [] }: LoadOptions = {}): Promise<LoadedScenario | NotApplicable> {
  const layers = readLayers(file, settings);
  const { place } = layers;
  refuseConfig(file, layers);
  const value = withReplicas(layers.value);
  const checked = checkYaml(place, value, scenarioSchema);
  if (checked.value === null) throw new InputError(checked.problems);
  const scenario = checked.value;
  const name = basename(file).replace(/\.ya?ml$/, "");
  const description = scenario.description ?? null;
  const config = configOf(layers, value, scenario);
  const { compiled: compiledConfig, service } = compileConfigAt(config.place, config.value, null);
  const changes = compileChanges(layers, scenario, config, compiledConfig);
  const { compiled: placeless, problems } = compileScenario(place, name, scenario, compiledConfig, changes);
  if (problems.length > 0) throw new InputError(inFileOrder(problems));
  const timeless = scenario.replicaPlaces === undefined ? { ...placeless, replicas: { ...placeless.replicas, places: [service.here] } } : placeless;
  const found = placeOfTrace(scenario.trace, layers.folderOf(["trace", "file"]), env);
  if (found.kind === "absent") return { kind: "not-applicable", file, name, description, reason: found.reason };
  if (!existsSync(found.path)) throw noFile(place, ["trace", "file"], found.path, "check the path, and what it is relative to (trace.relativeTo)");
  const trace = await traceOf(scenario, found.path);
  const idle = idleKeys(place, value, trace);
  if (idle.length > 0) throw new InputError(inFileOrder(idle));
  const tooLong = warmUpProblem(place, scenario.warmUp, trace.spanUs);
  if (tooLong !== null) throw new InputError([tooLong]);
  const compiled = { ...timeless, faultsUntil: instantAt(trace.spanUs) };
  const { arrivals, closedLoop } = workloadOf(scenario, compiled, trace);
  return {
    kind: "loaded",
    file,
    settings,
    name,
    description,
    seed: scenario.seed,
    compiled,
    service,
    trace,
    config,
    sha256: changes.length === 0 ? layers.sha256 : sha256Of(JSON.stringify([layers.sha256, changes.map((change) => change.config.version)])),
    arrivals,
    closedLoop,
  };
}

function noFile(place: YamlPlace, field: FieldPath, path: string, fix: string): InputError {
  return new InputError([problemIn(place, field, "value", `there is no file ${path}`, fix)]);
}

/** Whoever mistakes one file for the other is told so, and not what all is unknown in it. */
function refuseConfig(file: string, { place, value }: LayeredScenario): void {
  if (!isFields(value) || !("deployments" in value) || "trace" in value || "fleet" in value) return;
  const fix = `serve it: headgate serve -c ${file}; a scenario names it under config, beside a trace and a fleet`;
  throw new InputError([problemIn(place, ["deployments"], "key", "this is a configuration of the router, not a scenario", fix)]);
}

/** An inline configuration has as many endpoints as the fleet has replicas. */
function withReplicas(value: unknown): object {
  if (!isFields(value)) return {};
  return isFields(value["config"]) ? { ...value, config: withFleetReplicas(value["config"], value["fleet"]) } : value;
}

function configOf(layers: LayeredScenario, value: object, scenario: ScenarioFile): ConfigInfo {
  const { place } = layers;
  if (typeof scenario.config !== "string") {
    const inline: unknown = Reflect.get(value, "config");
    return { file: null, sha256: sha256Of(JSON.stringify(inline)), place: { ...place, base: ["config"] }, value: inline };
  }
  const path = pathFrom(layers.folderOf(["config"]), scenario.config);
  if (!existsSync(path)) throw noFile(place, ["config"], path, "name a configuration, relative to the file that names it");
  const source = parseYaml(path, readText(path, "configuration"));
  const fleet: unknown = Reflect.get(value, "fleet");
  return { file: scenario.config, sha256: sha256Of(source.text), place: { source, base: [] }, value: withFleetReplicas(plainValue(source), fleet) };
}

async function traceOf({ trace, seed }: ScenarioFile, path: string): Promise<TraceInfo> {
  const format = traceFormats.find((known) => known.name === trace.format);
  if (format === undefined) throw new Error(`no reader for the trace format ${trace.format}`);
  const jitterUs = trace.jitter ?? null;
  const loaded = await loadTrace(path, format, trace.rows ?? Infinity, {
    seed,
    map: trace.map ?? null,
    timeUnit: trace.timeUnit ?? null,
    jitter: jitterUs === null ? null : { withinUs: jitterUs, seed },
  });
  const { table, sessions, sha256, blockTokens, notes } = loaded;
  const { file, relativeTo, speed } = trace;
  const closed = sessions.length > 0;
  return {
    format: format.name,
    file,
    relativeTo,
    path,
    rows: closed ? sessions.reduce((sum, script) => sum + callsOf(script.steps), 0) : table.rows,
    speed,
    sha256,
    spanUs: closed ? trace.sessions.timeLimit : arrivalUs(table, table.rows - 1, speed),
    loop: closed ? "closed" : "open",
    jitterUs,
    drawnFeatures: trace.features === undefined ? [] : drawnNames(null, trace.features),
    notes,
    sessions,
    blockTokens,
    table,
  };
}

const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");
