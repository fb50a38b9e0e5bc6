import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import { suggestion } from "../../router/config/nearest.ts";
import type { CompiledScenario, EndpointModelSpec } from "../core/compiled-scenario.ts";
import type { FaultPlan } from "../core/fault/fault-spec.ts";
import type { MachineSpec } from "../core/measure/fleet-figures.ts";
import { compileVllm } from "./compile-engine.ts";
import { clustersOf, compileHosted } from "./compile-hosted.ts";
import type { Report } from "./report.ts";
import type { FleetEntry, ScenarioFile } from "./schema.ts";

/** What stands behind each deployment, and what it costs. */
export interface CompiledFleet {
  readonly endpoints: readonly EndpointModelSpec[];
  readonly machines: NonNullable<CompiledScenario["machines"]>;
  /** Errors in clusters, which are random faults. */
  readonly clusters: readonly FaultPlan[];
}

export function compileFleet(file: ScenarioFile, config: CompiledConfig, report: Report): CompiledFleet {
  const names = config.deployments.map((deployment) => deployment.name);
  for (const name of Object.keys(file.fleet)) {
    if (!names.includes(name)) report(["fleet", name], "key", `there is no deployment "${name}" in the configuration`, suggestion(name, names));
  }
  const models = new Map<number, EndpointModelSpec>();
  const machines: (MachineSpec | null)[] = [];
  const clusters: FaultPlan[] = [];
  for (const deployment of config.deployments) {
    const entry = file.fleet[deployment.name];
    machines.push(entry === undefined ? null : machineOf(entry));
    if (entry === undefined) {
      const fix = `add "${deployment.name}: { kind: vllm }" or "{ kind: hosted, firstToken: ..., perToken: ... }"`;
      report(["fleet"], "key", `says nothing about the deployment "${deployment.name}"`, fix);
      continue;
    }
    const model = entry.kind === "vllm" ? compileVllm(entry, deployment, report) : compileHosted(entry, deployment.name, file.startsAt, report);
    for (const endpoint of deployment.endpoints) models.set(endpoint, model);
    if (entry.kind === "hosted") clusters.push(...clustersOf(entry, deployment));
  }
  return { endpoints: config.endpoints.flatMap(({ id }) => models.get(id) ?? []), machines, clusters };
}

function machineOf(entry: FleetEntry): MachineSpec | null {
  if (entry.kind === "hosted") return null;
  const { gpus = entry.tensorParallel, gpuHour, watts, idleWatts = 0 } = entry;
  return { gpus, gpuHourDollars: gpuHour ?? null, watts: watts ?? null, idleWatts };
}

/** The fleet's zones go before the configuration's; a list is gone through in turns. */
export function withZones(config: CompiledConfig, fleet: ScenarioFile["fleet"]): CompiledConfig {
  if (!Object.values(fleet).some(({ zone }) => zone !== undefined)) return config;
  const endpoints = config.endpoints.map((endpoint) => {
    const deployment = config.deployments[endpoint.deployment];
    const zone = deployment === undefined ? undefined : fleet[deployment.name]?.zone;
    if (deployment === undefined || zone === undefined) return endpoint;
    const zones = typeof zone === "string" ? [zone] : zone;
    return { ...endpoint, zone: zones[deployment.endpoints.indexOf(endpoint.id) % zones.length] ?? endpoint.zone };
  });
  return { ...config, endpoints };
}
