import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { EndpointId } from "../../router/core/messages.ts";
import { instantAt } from "../../router/core/time.ts";
import type { Duration } from "../../router/core/machine.ts";
import { suggestion } from "../../router/config/nearest.ts";
import type { Problem } from "../../router/config/problem.ts";
import { problemIn } from "../../router/config/yaml-problems.ts";
import type { YamlPlace } from "../../router/config/yaml-problems.ts";
import type { CompiledScenario, EndpointModelSpec, MembershipSpec, TargetSpec } from "../core/compiled-scenario.ts";
import type { LatencySpec } from "../core/latency-spec.ts";
import { type LeaseStoreSpec, localStore } from "../core/store/lease-store-spec.ts";
import { compileFaults } from "./compile-faults.ts";
import { endpointsNamed } from "./fault-targets.ts";
import type { Report } from "./report.ts";
import { metricNames } from "../core/measure/metric-names.ts";
import { compileVllm } from "./compile-engine.ts";
import type { FleetEntry, ScenarioFile } from "./schema.ts";

type MembershipEntry = ScenarioFile["membership"][number];
type HostedEntry = Extract<FleetEntry, { readonly kind: "hosted" }>;

export interface ScenarioCompilation {
  readonly compiled: CompiledScenario;
  /** Not empty: the rest is not to be used. */
  readonly problems: readonly Problem[];
}

/** The scenario file against the configuration that it names: names become ids, and what only holds between fields is checked. */
export function compileScenario(place: YamlPlace, name: string, file: ScenarioFile, config: CompiledConfig): ScenarioCompilation {
  const problems: Problem[] = [];
  const report: Report = (path, part, message, fix) => problems.push(problemIn(place, path, part, message, fix));
  const endpoints = compileFleet(file, config, report);
  const faults = compileFaults(file.faults, { config, replicas: file.replicas }, report);
  const membership = file.membership
    .flatMap((entry, index) => compileMembership(entry, index, config, report))
    .toSorted((one, other) => one.at - other.at || one.endpoint - other.endpoint);
  const route = file.route === undefined ? config.routes[0] : config.routes.find((candidate) => candidate.name === file.route);
  if (route === undefined)
    report(
      ["route"],
      "value",
      `there is no route "${file.route ?? ""}"`,
      suggestion(
        file.route ?? "",
        config.routes.map((known) => known.name),
      ),
    );
  const targets = compileTargets(file, report);
  const defaultRoute = (route ?? config.routes[0])?.id ?? (0 as NonNullable<typeof route>["id"]);
  return {
    compiled: {
      name,
      config,
      endpoints,
      ...faults,
      membership,
      replicas: { count: file.replicas, gossip: file.gossip ?? null, signals: file.signals ?? null },
      leaseStore: compileStore(file.leaseStore, report),
      defaultRoute,
      warmUp: file.warmUp,
      targets,
    },
    problems,
  };
}

function compileFleet(file: ScenarioFile, config: CompiledConfig, report: Report): readonly EndpointModelSpec[] {
  const names = config.deployments.map((deployment) => deployment.name);
  for (const name of Object.keys(file.fleet)) {
    if (!names.includes(name)) report(["fleet", name], "key", `there is no deployment "${name}" in the configuration`, suggestion(name, names));
  }
  const models = new Map<EndpointId, EndpointModelSpec>();
  for (const deployment of config.deployments) {
    const entry = file.fleet[deployment.name];
    if (entry === undefined) {
      report(
        ["fleet"],
        "key",
        `says nothing about the deployment "${deployment.name}"`,
        `add "${deployment.name}: { kind: vllm }" or "{ kind: hosted, firstToken: ..., perToken: ... }"`,
      );
      continue;
    }
    const model = entry.kind === "vllm" ? compileVllm(entry, deployment, report) : compileHosted(entry, deployment.name, report);
    for (const endpoint of deployment.endpoints) models.set(endpoint, model);
  }
  return config.endpoints.flatMap((endpoint) => models.get(endpoint.id) ?? []);
}

function checkedLatency({ p50, p95 }: LatencySpec, path: readonly string[], report: Report): LatencySpec {
  if (p95 < p50) report([...path, "p95"], "value", "is shorter than p50", "give a p95 that is at least the p50");
  return { p50, p95 };
}

/** Its outages come with the other faults. */
function compileStore({ latency, loss }: ScenarioFile["leaseStore"], report: Report): LeaseStoreSpec {
  return { latency: latency === undefined ? localStore.latency : checkedLatency(latency, ["leaseStore", "latency"], report), loss, faults: [] };
}

function compileHosted(entry: HostedEntry, name: string, report: Report): EndpointModelSpec {
  const latency = (field: "firstToken" | "perToken"): LatencySpec => checkedLatency(entry[field], ["fleet", name, field], report);
  return { kind: "hosted", firstToken: latency("firstToken"), perToken: latency("perToken"), quota: entry.quota ?? null };
}

function compileMembership(entry: MembershipEntry, index: number, config: CompiledConfig, report: Report): readonly MembershipSpec[] {
  const { target, leaves, joins } = entry;
  if (joins !== undefined && joins <= leaves) report(["membership", index, "joins"], "value", "is not after `leaves`", "let it come back later than it leaves");
  const named = endpointsNamed(target, config);
  if ("message" in named) {
    report(["membership", index, "target"], "value", named.message, named.fix);
    return [];
  }
  return named.endpoints.flatMap((endpoint): readonly MembershipSpec[] => {
    const leaving: MembershipSpec = { endpoint, at: instantAt(leaves), kind: "leaves" };
    return joins === undefined ? [leaving] : [leaving, { endpoint, at: instantAt(joins), kind: "joins" }];
  });
}

function compileTargets(file: ScenarioFile, report: Report): readonly TargetSpec[] {
  return metricNames.flatMap((metric): readonly TargetSpec[] => {
    const bound = file.targets[metric];
    if (bound === undefined) return [];
    if (bound.max === undefined && bound.min === undefined) report(["targets", metric], "value", "bounds nothing", "write { max: ... } or { min: ... }");
    const max: readonly TargetSpec[] = bound.max === undefined ? [] : [{ metric, bound: "max", value: bound.max }];
    const min: readonly TargetSpec[] = bound.min === undefined ? [] : [{ metric, bound: "min", value: bound.min }];
    return [...max, ...min];
  });
}

/** The part of the run that is measured must not be empty. */
export function warmUpProblem(place: YamlPlace, warmUp: Duration, lastArrivalUs: number): Problem | null {
  if (warmUp === 0 || warmUp <= lastArrivalUs) return null;
  const message = `is longer than the trace, whose last request comes at ${lastArrivalUs / 1_000_000} s: nothing would be measured`;
  return problemIn(place, ["warmUp"], "value", message, "give a shorter warm-up, more rows or less speed");
}
