import type { DeploymentSpec, RouteSpec } from "./compiled-config.ts";
import { breakerRefuses } from "./health/breaker.ts";
import { mayProbe } from "./health/probe-lease.ts";
import type { ExclusionReason, RouteRequest } from "./messages.ts";
import type { EndpointState } from "./state.ts";
import { startOfTime } from "./time.ts";

/** What can never be put right comes first. */
export function neverFits(deployment: DeploymentSpec, request: RouteRequest, unmatched: boolean): ExclusionReason | null {
  if (request.barred.length > 0 && request.barred.includes(deployment.id)) return "barred";
  if (request.residency !== -1 && deployment.region !== request.residency) return "residency";
  if (request.tags.length === 0 ? !deployment.takesUntagged : unmatched ? !deployment.takesUnmatched : !tagsMatch(request, deployment)) return "tags";
  if (request.qualityMin !== undefined && (deployment.quality ?? -1) < request.qualityMin) return "too-plain";
  return request.inputTokens >= deployment.contextTokens ? "context-too-small" : null;
}

/** No outcome and no time puts it right. */
export const isForGood = (why: ExclusionReason): boolean =>
  why === "context-too-small" || why === "tags" || why === "residency" || why === "barred" || why === "too-dear" || why === "too-plain";

/** By the state alone, not by the clock: what passes with time passes when its deadline is carried out. */
export function refusal(endpoint: EndpointState, deployment: DeploymentSpec): ExclusionReason | null {
  const refused = breakerRefuses(endpoint.breaker, deployment.breaker);
  if (refused !== null) return refused;
  if (endpoint.breaker.phase === "half-open" && !mayProbe(endpoint.probes, endpoint.breaker.probing)) return "half-open-full";
  if (endpoint.coolUntil > startOfTime) return "cooling";
  if (endpoint.inFlight >= endpoint.limit) return "at-capacity";
  // Last: who is excluded for it is excluded for nothing else.
  return endpoint.health.healthy ? null : "unhealthy";
}

export function tagsMatch({ tags, tagMatch }: RouteRequest, deployment: DeploymentSpec): boolean {
  const has = (tag: number): boolean => deployment.tags.includes(tag);
  return tagMatch === "any" ? tags.some(has) : tags.every(has);
}

/** For a place at an endpoint that is only full. */
export const mayWait = ({ queue }: RouteSpec): boolean => queue.wait > 0 && queue.lengthMax > 0;
