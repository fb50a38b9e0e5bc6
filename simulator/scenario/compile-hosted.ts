import type { DeploymentSpec } from "../../router/core/compiled-config.ts";
import type { Duration } from "../../router/core/machine.ts";
import { millis } from "../../router/core/time.ts";
import { suggestion } from "../../router/config/nearest.ts";
import type { FaultPlan } from "../core/fault/fault-spec.ts";
import type { HostedSpec } from "../core/hosted/hosted-spec.ts";
import type { LatencySpec } from "../core/latency-spec.ts";
import type { HostedEntry } from "./hosted-schema.ts";
import { type ProviderProfile, providerProfiles, type Spread } from "./provider-profile.ts";
import type { Report } from "./report.ts";

/** A hosted deployment: what the scenario says, then what its profile says. @param startsAt the time of day at the run's start */
export function compileHosted(entry: HostedEntry, name: string, startsAt: Duration, report: Report): HostedSpec {
  const profile = profileOf(entry, name, report);
  const latency = (field: "firstToken" | "perToken", known: Spread | undefined): LatencySpec => {
    const given = entry[field];
    if (given === undefined && known !== undefined) return { p50: millis(known.p50), p95: millis(known.p95) };
    if (given === undefined) {
      // What an unknown profile would have said is no second problem.
      if (entry.profile === undefined)
        report(["fleet", name, field], "value", "is missing", `add ${field}: { p50: 400ms, p95: 900ms }, or profile: openai/gpt-4o`);
      return { p50: millis(1), p95: millis(1) };
    }
    return checkedLatency(given, ["fleet", name, field], report);
  };
  const { timeOfDay, slowStreams } = entry;
  const contextTokens = entry.context ?? profile?.contextTokens;
  return {
    kind: "hosted",
    firstToken: latency("firstToken", profile?.firstTokenMs),
    perToken: latency("perToken", profile?.perTokenMs),
    quota: entry.quota === undefined ? (profile?.quota ?? null) : known(entry.quota),
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...(timeOfDay === undefined ? {} : { timeOfDay: { factors: timeOfDay, startsAt } }),
    ...(slowStreams === undefined ? {} : { slowStreams: { rate: slowStreams.percent / 100, factor: slowStreams.factor } }),
    ...batchTier(entry, profile),
    ...shares(entry),
    ...(profile === null ? {} : { profile: profile.name }),
  };
}

export function checkedLatency(latency: LatencySpec, path: readonly string[], report: Report): LatencySpec {
  if (latency.p95 < latency.p50) report([...path, "p95"], "value", "is shorter than p50", "give a p95 that is at least the p50");
  return latency;
}

/** Clusters of errors, each endpoint by itself. */
export function clustersOf({ errorClusters }: HostedEntry, { name, endpoints }: DeploymentSpec): readonly FaultPlan[] {
  if (errorClusters === undefined) return [];
  const { perHour, meanDuration, percent, with: kind } = errorClusters;
  return endpoints.map((endpoint, place) => ({
    name: `clusters of ${name}/${place}`,
    target: { kind: "endpoints", endpoints: [endpoint], fault: { kind, rate: percent / 100 } },
    timing: { kind: "random", perHour, meanDuration },
  }));
}

function profileOf({ profile: wanted }: HostedEntry, name: string, report: Report): ProviderProfile | null {
  if (wanted === undefined) return null;
  const profiles = providerProfiles();
  const found = profiles.find((profile) => profile.name === wanted);
  if (found !== undefined) return found;
  const names = profiles.map((profile) => profile.name);
  report(["fleet", name, "profile"], "value", `there is no profile "${wanted}"`, suggestion(wanted, names));
  return null;
}

function batchTier({ batch }: HostedEntry, profile: ProviderProfile | null): Pick<HostedSpec, "batch"> {
  const usual = profile?.batch;
  if (batch === undefined && usual === undefined) return {};
  const { firstTokenFactor = usual?.firstTokenFactor ?? 1, perTokenFactor = usual?.perTokenFactor ?? 1, refusedPercent = 0 } = batch ?? {};
  return { batch: { firstTokenFactor, perTokenFactor, refusedRate: refusedPercent / 100 } };
}

function shares(entry: HostedEntry): Pick<HostedSpec, "errorRate" | "overloadRate" | "filteredRate" | "cutRate"> {
  const { errorPercent, overloadPercent, filteredPercent, cutPercent } = entry;
  return {
    ...(errorPercent === undefined ? {} : { errorRate: errorPercent / 100 }),
    ...(overloadPercent === undefined ? {} : { overloadRate: overloadPercent / 100 }),
    ...(filteredPercent === undefined ? {} : { filteredRate: filteredPercent / 100 }),
    ...(cutPercent === undefined ? {} : { cutRate: cutPercent / 100 }),
  };
}

function known({ requestsPerMinute, tokensPerMinute, concurrency }: NonNullable<HostedEntry["quota"]>): NonNullable<HostedSpec["quota"]> {
  return {
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    ...(tokensPerMinute === undefined ? {} : { tokensPerMinute }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
}
