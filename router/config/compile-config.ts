import { dirname, resolve } from "node:path";
import {
  type CompiledConfig,
  type DeploymentSpec,
  type EndpointSpec,
  type HedgeSpec,
  noFallbacks,
  type QueueSpec,
  type RetryBudgetSpec,
  type RouteSpec,
} from "../core/compiled-config.ts";
import type { DeploymentId, EndpointId, RouteId } from "../core/messages.ts";
import { checkBreakers, compileBreaker } from "./compile-breaker.ts";
import { compileProbe } from "./compile-probe.ts";
import { checkAliases } from "./check-aliases.ts";
import { compileEgress } from "./compile-egress.ts";
import { compileFallbacks, type Report } from "./compile-fallbacks.ts";
import { checkPrices } from "./check-prices.ts";
import { compileRates } from "./compile-rates.ts";
import { catalogueOf, type PriceCatalogue } from "./price-catalogue.ts";
import { priceOf, type Pricing } from "./pricing.ts";
import { compileLimits, tenantKeys } from "./compile-limits.ts";
import { keyName } from "./key-reference.ts";
import { suggestion } from "./nearest.ts";
import type { Problem } from "./problem.ts";
import type { EndpointUrl } from "./endpoint-url.ts";
import { type ConfigFile, tierNames } from "./schema.ts";
import { resolveKey } from "./secret.ts";
import type { Environment } from "./secret.ts";
import type { RequestLimits, ServiceSpec, TlsSpec, UpstreamKey, UpstreamSpec } from "./service-spec.ts";
import { readTls } from "./tls-files.ts";
import { problemIn } from "./yaml-problems.ts";
import type { YamlPlace } from "./yaml-problems.ts";
import type { FieldPath } from "./yaml-source.ts";

type DeploymentFile = ConfigFile["deployments"][string];
type RouteFile = ConfigFile["routes"][string];

export interface Compiled {
  readonly compiled: Omit<CompiledConfig, "version">;
  readonly service: ServiceSpec;
  /** By DeploymentId. */
  readonly pricing: readonly Pricing[];
  /** Not empty: the rest is not to be used. */
  readonly problems: readonly Problem[];
}

/** Names become ids (places in the arrays, in the order of the file), and what only holds between fields is checked. @param env where keys are looked up; null: they are not (simulation, validation without secrets) */
export function compileConfig(place: YamlPlace, file: ConfigFile, env: Environment | null): Compiled {
  const problems: Problem[] = [];
  const report: Report = (path, part, message, fix) => problems.push(problemIn(place, path, part, message, fix));
  const endpoints: EndpointSpec[] = [];
  const upstreams: UpstreamSpec[] = [];
  const deployments: DeploymentSpec[] = [];
  const names: Names = { tagNames: [], regionNames: [] };
  const pricing: Pricing[] = [];
  const catalogue = catalogueOf(file.prices, place.source.file, (found) => problems.push(...found));
  const idOf = new Map<string, DeploymentId>();
  for (const [name, deployment] of Object.entries(file.deployments)) {
    const id = deployments.length as DeploymentId;
    idOf.set(name, id);
    const key = keyOf(name, deployment, env, place.source.file, report);
    const own = addEndpoints(id, name, deployment, key, { endpoints, upstreams, report });
    deployments.push(compileDeployment(id, name, deployment, { breaker: file.breaker, endpoints: own, names, catalogue, pricing }, report));
  }
  const written = Object.entries(file.routes).map(([name, route], index) => compileRoute(index as RouteId, name, route, idOf, report));
  const routes = compileFallbacks(file, written, idOf, report);
  checkAliases(file.routes, report);
  checkBreakers(file, report);
  if (deployments.length === 0) report(["deployments"], "key", "is empty", "give at least one deployment");
  if (routes.length === 0) report(["routes"], "key", "is empty", "give at least one route");
  if (file.listen.port !== 0 && file.listen.port === file.metrics.port && file.listen.host === file.metrics.host) {
    report(["metrics", "port"], "value", `${file.metrics.port} is the port that callers use too`, "give metrics a port of its own");
  }
  const { tagNames, regionNames } = names;
  const tiers = Object.values(file.deployments).map(({ tier }) => tier);
  const { tenants, limits, periods } = compileLimits(file, { deployments, routes: written, tiers }, report);
  const priceChanges = Object.values(file.deployments).flatMap(({ provider, priceChanges: changes }, id) =>
    changes.map(({ from, price }) => ({ deployment: id as DeploymentId, fromMs: from, rates: compileRates(price, provider) })),
  );
  const keys = tenantKeys(file, env, place.source.file, report);
  const tenantOf = Object.keys(file.tenants).length === 0 ? null : keys;
  const cors = file.cors === undefined ? null : { origins: file.cors.origins, maxAgeSeconds: Math.floor(file.cors.maxAge / 1_000_000) };
  const tls = tlsOf(file, place.source.file, env, report);
  const egress = compileEgress(file.egress, env, place.source.file, report, (problem) => problems.push(problem));
  const signalsEveryMs = file.signals === undefined ? null : file.signals.every / 1000;
  const here = { region: file.here.region ?? "", zone: file.here.zone ?? "" };
  const service: ServiceSpec = {
    listen: { ...file.listen, limits: requestLimits(file, report) },
    tls,
    egress,
    stateFolder: file.state === undefined ? null : resolve(dirname(place.source.file), file.state.folder),
    signalsEveryMs,
    metrics: file.metrics,
    endpoints: upstreams,
    tenantOf,
    cors,
    periods,
    priceChanges,
    here,
  };
  const { unknownPrice } = file;
  const retryBudget = compileRetryBudget(file.retryBudget, ["retryBudget"], report);
  const compiled = { routes, deployments, endpoints, retryBudget, tagNames, regionNames, tenants, limits, unknownPrice };
  return { compiled, service, pricing, problems };
}

function requestLimits({ listen: { limits } }: ConfigFile, report: Report): RequestLimits {
  const { headerBytes, bodyBytes, headerTime, requestTime, keepAlive, connections = Infinity } = limits;
  if (headerTime > requestTime) report(["listen", "limits", "headerTime"], "value", "is longer than requestTime", "make requestTime the longer one");
  return { headerBytes, bodyBytes, headerTimeMs: headerTime / 1000, requestTimeMs: requestTime / 1000, keepAliveMs: keepAlive / 1000, connections };
}

function tlsOf({ tls }: ConfigFile, file: string, env: Environment | null, report: Report): TlsSpec | null {
  if (tls === undefined || env === null) return null;
  const read = readTls(tls, file);
  if (!("field" in read)) return read;
  report(["tls", read.field], "value", read.message, read.fix);
  return null;
}

function compileRetryBudget(file: ConfigFile["retryBudget"], path: FieldPath, report: Report): RetryBudgetSpec {
  const budgetPerMille = Math.round(file.percent * 10);
  if (Math.abs(budgetPerMille - file.percent * 10) > 1e-9)
    report([...path, "percent"], "value", `${file.percent} has more than one decimal`, "give at most one decimal, as 7.5");
  return { budgetPerMille, budgetFloorPerSecond: file.floorPerSecond };
}

function keyOf(name: string, deployment: DeploymentFile, env: Environment | null, file: string, report: Report): UpstreamKey | null {
  const { key: reference } = deployment;
  if (reference === undefined) return null;
  if (reference.kind === "google") {
    if (deployment.provider !== "vertex") report(["deployments", name, "key"], "value", "only vertex takes Google's tokens", "write ${ENV_NAME}");
    return env === null ? null : { kind: "google", file: reference.file === null ? null : resolve(dirname(file), reference.file) };
  }
  if (env === null) return null;
  const key = resolveKey(reference, env, file);
  if ("value" in key) return { kind: "secret", secret: key.value };
  report(["deployments", name, "key"], "value", key.message, key.fix);
  return null;
}

interface Sink {
  readonly endpoints: EndpointSpec[];
  readonly upstreams: UpstreamSpec[];
  readonly report: Report;
}

/** A provider that has one address for everybody needs none in the file. */
function endpointsOf(name: string, { provider, endpoints, location = "global" }: DeploymentFile, report: Report): readonly EndpointUrl[] {
  if (endpoints !== undefined) return endpoints;
  if (provider === "openai") return [{ origin: "https://api.openai.com", basePath: "" }];
  if (provider === "anthropic") return [{ origin: "https://api.anthropic.com", basePath: "" }];
  if (provider === "vertex") return [{ origin: `https://${location === "global" ? "" : `${location}-`}aiplatform.googleapis.com`, basePath: "" }];
  report(["deployments", name], "key", `${provider} has no address of its own`, `write endpoints: ["https://..."]`);
  return [];
}

function addEndpoints(deployment: DeploymentId, name: string, file: DeploymentFile, key: UpstreamKey | null, sink: Sink): readonly EndpointId[] {
  const { zone: zones = [], apiVersion = null, project = null, location = null } = file;
  return endpointsOf(name, file, sink.report).map(({ origin, basePath }, index) => {
    const id = sink.endpoints.length as EndpointId;
    const identity = [origin + basePath, file.model, keyName(file.key ?? null), ...(project === null ? [] : [project, location ?? "global"])].join(" ");
    if (sink.endpoints.some((other) => other.identity === identity)) {
      sink.report(
        ["deployments", name, "endpoints", index],
        "value",
        `${origin}${basePath} stands here twice with the same model and key`,
        "remove one: its limits and breaker would be counted twice",
      );
    }
    sink.endpoints.push({ id, deployment, identity, origin, zone: zones[index % zones.length] ?? "" });
    sink.upstreams.push({ deployment, provider: file.provider, origin, basePath, model: file.model, apiVersion, project, location, key });
    return id;
  });
}

interface DeploymentSetting {
  readonly breaker: ConfigFile["breaker"];
  readonly endpoints: readonly EndpointId[];
  readonly names: Names;
  readonly catalogue: PriceCatalogue;
  readonly pricing: Pricing[];
}

function compileDeployment(
  id: DeploymentId,
  name: string,
  file: DeploymentFile,
  { breaker: breakerDefaults, endpoints, names, catalogue, pricing }: DeploymentSetting,
  report: Report,
): DeploymentSpec {
  const { rates, pricing: from } = priceOf(file, catalogue);
  pricing.push(from);
  checkPrices(name, rates, file, report);
  const probe = compileProbe(file, (message, fix) => report(["deployments", name, "probe", "enabled"], "value", message, fix));
  const { provider, model, weight, quota } = file;
  const takesUnmatched = file.tags.includes("default");
  return {
    id,
    name,
    provider,
    model,
    weight,
    contextTokens: file.context ?? Infinity,
    concurrencyMax: file.concurrency ?? Infinity,
    adaptiveLimit: file.adaptiveConcurrency ?? null,
    rates,
    breaker: compileBreaker(breakerDefaults, file.breaker),
    probe,
    tags: file.tags.map((tag) => placeOf(tag, names.tagNames)),
    takesUntagged: file.tags.length === 0 || takesUnmatched,
    takesUnmatched,
    region: file.region === undefined ? -1 : placeOf(file.region, names.regionNames),
    ...(file.quality === undefined ? {} : { quality: file.quality }),
    requestsPerMinute: quota.requestsPerMinute ?? Infinity,
    tokensPerMinute: quota.tokensPerMinute ?? Infinity,
    tier: tierNames.indexOf(file.tier),
    endpoints,
  };
}

/** What has been given an id so far. */
interface Names {
  readonly tagNames: string[];
  readonly regionNames: string[];
}

function placeOf(name: string, names: string[]): number {
  const known = names.indexOf(name);
  return known >= 0 ? known : names.push(name) - 1;
}

function compileHedge(route: string, file: RouteFile["hedge"], report: Report): HedgeSpec | null {
  if (file === undefined) return null;
  const budgetPerMille = Math.round(file.percent * 10);
  if (Math.abs(budgetPerMille - file.percent * 10) > 1e-9)
    report(["routes", route, "hedge", "percent"], "value", `${file.percent} has more than one decimal`, "give at most one decimal, as 7.5");
  return { quantile: file.quantile, delayMin: file.delayMin, budgetPerMille };
}

function compileQueue({ length, ...rest }: RouteFile["queue"]): QueueSpec {
  return { lengthMax: length, ...rest };
}

function compileRoute(id: RouteId, name: string, file: RouteFile, idOf: ReadonlyMap<string, DeploymentId>, report: Report): RouteSpec {
  const deployments: DeploymentId[] = [];
  for (const [index, wanted] of file.deployments.entries()) {
    const path = ["routes", name, "deployments", index];
    const found = idOf.get(wanted);
    if (found === undefined) report(path, "value", `there is no deployment "${wanted}"`, suggestion(wanted, [...idOf.keys()]));
    else if (deployments.includes(found)) report(path, "value", `"${wanted}" stands here twice`, "remove one; give it more weight instead");
    else deployments.push(found);
  }
  const { backoff } = file.retry;
  if (backoff.base > backoff.max) report(["routes", name, "retry", "backoff"], "value", "base is longer than max", "make base the shorter one");
  if (file.timeouts.firstToken > file.timeouts.total)
    report(["routes", name, "timeouts"], "value", "firstToken is longer than total", "make total the longest");
  return {
    id,
    name,
    ...(file.aliases === undefined ? {} : { aliases: file.aliases }),
    strategy: file.strategy,
    deployments,
    limits: file.timeouts,
    retry: {
      attemptsMax: file.retry.attempts,
      attemptsByFailure: file.retry.attemptsByFailure,
      backoffBase: backoff.base,
      backoffMax: backoff.max,
      retryAfterMax: file.retry.retryAfterMax,
      ...compileRetryBudget(file.retry.budget, ["routes", name, "retry", "budget"], report),
    },
    affinity: { loadBoundPercent: file.affinity.loadBoundPercent, homesMax: file.affinity.homes },
    queue: compileQueue(file.queue),
    hedge: compileHedge(name, file.hedge, report),
    fallbacks: noFallbacks,
    floorPercent: file.floorPercent,
    internal: false,
    outputTokensDefault: file.outputTokensDefault,
    ...(file.realtimeCostLimitUsd === undefined ? {} : { costMaxNano: Math.floor(file.realtimeCostLimitUsd * 1e9) }),
  };
}
