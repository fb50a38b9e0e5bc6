import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import { instantAt } from "../../router/core/time.ts";
import type { Duration } from "../../router/core/machine.ts";
import type { RouteId } from "../../router/core/messages.ts";
import { suggestion } from "../../router/config/nearest.ts";
import type { Problem } from "../../router/config/problem.ts";
import { problemIn } from "../../router/config/yaml-problems.ts";
import type { YamlPlace } from "../../router/config/yaml-problems.ts";
import { type CompiledScenario, type ConfigChangeSpec, everyVersion, type MembershipSpec, type TargetSpec } from "../core/compiled-scenario.ts";
import { type LeaseStoreSpec, localStore } from "../core/store/lease-store-spec.ts";
import { compileFaults } from "./compile-faults.ts";
import { checkedLatency } from "./compile-hosted.ts";
import { endpointsNamed } from "./fault-targets.ts";
import type { Report } from "./report.ts";
import { type MetricName, metricNames } from "../core/measure/metric-names.ts";
import { compileFleet, withZones } from "./compile-fleet.ts";
import type { ScenarioFile } from "./schema.ts";

type MembershipEntry = ScenarioFile["membership"][number];

export interface ScenarioCompilation {
  readonly compiled: CompiledScenario;
  /** Not empty: the rest is not to be used. */
  readonly problems: readonly Problem[];
}

/** The scenario file against the configuration that it names: names become ids, and what only holds between fields is checked. */
export function compileScenario(
  place: YamlPlace,
  name: string,
  file: ScenarioFile,
  zoneless: CompiledConfig,
  changes: readonly ConfigChangeSpec[] = [],
): ScenarioCompilation {
  const config = withZones(zoneless, file.fleet);
  const problems: Problem[] = [];
  const report: Report = (path, part, message, fix) => problems.push(problemIn(place, path, part, message, fix));
  const every = everyVersion({ config, changes });
  const { endpoints, machines, clusters } = compileFleet(file, every, report);
  const { faults, faultPlans = [] } = compileFaults(file.faults, { config: every, replicas: file.replicas }, report);
  const membership = file.membership
    .flatMap((entry, index) => compileMembership(entry, index, every, report))
    .toSorted((one, other) => one.at - other.at || one.endpoint - other.endpoint);
  const places = (file.replicaPlaces ?? []).map(({ region = "", zone = "" }) => ({ region, zone }));
  const targets = compileTargets(file, report);
  const defaultRoute = compileRoute(file, config, report);
  checkBatches(file, every, report);
  return {
    compiled: {
      name,
      config,
      endpoints,
      machines,
      faults,
      faultPlans: [...faultPlans, ...clusters],
      membership,
      changes,
      replicas: { count: file.replicas, gossip: file.gossip ?? null, signals: file.signals ?? null, places },
      leaseStore: compileStore(file.leaseStore, report),
      defaultRoute,
      warmUp: file.warmUp,
      targets,
      ...(file.window === undefined ? {} : { window: file.window }),
      ...(file.slo === undefined ? {} : { slo: known(file.slo) }),
      ...(file.series === undefined ? {} : { sampleEvery: file.series.every }),
      ...baselineOf(file, config, report),
    },
    problems,
  };
}

function compileRoute({ route: name }: ScenarioFile, { routes }: CompiledConfig, report: Report): RouteId {
  const route = name === undefined ? routes[0] : routes.find((candidate) => candidate.name === name);
  const names = routes.map((known) => known.name);
  if (route === undefined) report(["route"], "value", `there is no route "${name ?? ""}"`, suggestion(name ?? "", names));
  return route?.id ?? (0 as RouteId);
}

function checkBatches({ batches }: ScenarioFile, { routes }: CompiledConfig, report: Report): void {
  if (typeof batches === "boolean") return;
  const names = routes.map(({ name }) => name);
  for (const [place, name] of batches.entries()) {
    if (!names.includes(name)) report(["batches", place], "value", `there is no route "${name}"`, suggestion(name, names));
  }
}

function known(slo: NonNullable<ScenarioFile["slo"]>): NonNullable<CompiledScenario["slo"]> {
  const { ttft, tpot, e2e } = slo;
  return { ...(ttft === undefined ? {} : { ttft }), ...(tpot === undefined ? {} : { tpot }), ...(e2e === undefined ? {} : { e2e }) };
}

/** Its outages come with the other faults. */
function compileStore({ latency = localStore.latency, loss }: ScenarioFile["leaseStore"], report: Report): LeaseStoreSpec {
  return { latency: checkedLatency(latency, ["leaseStore", "latency"], report), loss, faults: [] };
}

function baselineOf({ baseline: name }: ScenarioFile, { deployments }: CompiledConfig, report: Report): Pick<CompiledScenario, "baseline"> {
  if (name === undefined) return {};
  const deployment = deployments.find((candidate) => candidate.name === name);
  const names = deployments.map((candidate) => candidate.name);
  if (deployment === undefined) report(["baseline"], "value", `there is no deployment "${name}"`, suggestion(name, names));
  else if (deployment.rates === null) report(["baseline"], "value", `the price of "${name}" is not known`, "give it a price, or name another deployment");
  else return { baseline: { deployment: name, rates: deployment.rates } };
  return {};
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
    const missing = missingFor(metric, file);
    if (missing !== null) report(["targets", metric], "key", ...missing);
    const max: readonly TargetSpec[] = bound.max === undefined ? [] : [{ metric, bound: "max", value: bound.max }];
    const min: readonly TargetSpec[] = bound.min === undefined ? [] : [{ metric, bound: "min", value: bound.min }];
    return [...max, ...min];
  });
}

/** What the figure cannot be taken without: a target that can never be judged would look like one that is kept. */
function missingFor(metric: MetricName, { slo, baseline, fleet }: ScenarioFile): readonly [message: string, fix: string] | null {
  const without = (key: "gpuHour" | "watts", what: string): readonly [string, string] | null => {
    const names = Object.entries(fleet).flatMap(([name, pool]) => (pool.kind === "vllm" && pool[key] === undefined ? [name] : []));
    return names.length === 0 ? null : [`needs ${what} of ${names.join(", ")}`, `add ${names.map((name) => `fleet.${name}.${key}`).join(", ")}`];
  };
  if (metric.startsWith("goodput")) return slo === undefined ? ["needs to know what a good request is", "add slo: { ttft: 2s, tpot: 100ms }"] : null;
  if (metric === "savedPercent") return baseline === undefined ? ["needs a deployment to compare with", "add baseline: DEPLOYMENT"] : null;
  if (metric === "gpuDollars") return without("gpuHour", "the price of a GPU hour");
  return metric === "energyKwh" ? without("watts", "the power of the GPUs") : null;
}

/** The part of the run that is measured must not be empty. */
export function warmUpProblem(place: YamlPlace, warmUp: Duration, lastArrivalUs: number): Problem | null {
  if (warmUp === 0 || warmUp <= lastArrivalUs) return null;
  const message = `is longer than the trace, whose last request comes at ${lastArrivalUs / 1_000_000} s: nothing would be measured`;
  return problemIn(place, ["warmUp"], "value", message, "give a shorter warm-up, more rows or less speed");
}
