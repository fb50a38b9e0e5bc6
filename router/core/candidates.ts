import { present } from "./assert.ts";
import type { CompiledConfig, DeploymentSpec, RouteSpec } from "./compiled-config.ts";
import { breakerRefuses } from "./health/breaker.ts";
import type { EndpointId, ExclusionReason, Explanation } from "./messages.ts";
import type { EndpointState, RequestSlot, RouterState } from "./state.ts";
import { never, earlier } from "./time.ts";
import type { Instant } from "./machine.ts";

/** The endpoints that a request could go to now, and why the others cannot be had. One is made per router and filled again for every decision. */
export interface Candidates {
  readonly eligible: EndpointId[];
  readonly excluded: EndpointId[];
  readonly reasons: ExclusionReason[];
  /** Some endpoint is only full: its place comes free with the next outcome. */
  full: boolean;
  /** When the next endpoint that is open or cooling may be tried again; Infinity: none is. */
  reopensAt: Instant;
}

export function noCandidates(): Candidates {
  return { eligible: [], excluded: [], reasons: [], full: false, reopensAt: never };
}

/** An endpoint that has had an attempt of this request is eligible again only when no other is. */
export function findCandidates(found: Candidates, config: CompiledConfig, state: RouterState, route: RouteSpec, slot: RequestSlot): void {
  collect(found, config, state, route, slot, slot.tried.length > 0);
  if (found.eligible.length === 0 && found.reasons.includes("already-tried")) collect(found, config, state, route, slot, false);
}

function collect(found: Candidates, config: CompiledConfig, state: RouterState, route: RouteSpec, slot: RequestSlot, onlyUntried: boolean): void {
  found.eligible.length = 0;
  found.excluded.length = 0;
  found.reasons.length = 0;
  found.full = false;
  found.reopensAt = never;
  for (const deploymentId of route.deployments) {
    const deployment = present(config.deployments[deploymentId], "a deployment of the route");
    for (const id of deployment.endpoints) {
      const endpoint = present(state.endpoints[id], "an endpoint of the deployment");
      const why = ((): ExclusionReason | null => {
        if (slot.request.inputTokens >= deployment.contextTokens) return "context-too-small";
        if (onlyUntried && slot.tried.includes(id)) return "already-tried";
        return placeRefused(endpoint, deployment, state.now);
      })();
      if (why === null) {
        found.eligible.push(id);
        continue;
      }
      found.excluded.push(id);
      found.reasons.push(why);
      if (why === "at-capacity" || why === "half-open-full") found.full = true;
      else if (why === "breaker-open") found.reopensAt = earlier(found.reopensAt, endpoint.breaker.openUntil);
      else if (why === "cooling") found.reopensAt = earlier(found.reopensAt, endpoint.coolUntil);
    }
  }
}

/** Why an endpoint takes no attempt now, whoever's it is. */
export function placeRefused(endpoint: EndpointState, deployment: DeploymentSpec, now: Instant): ExclusionReason | null {
  const refusal = breakerRefuses(endpoint.breaker, deployment.breaker);
  if (refusal !== null) return refusal;
  if (endpoint.coolUntil > now) return "cooling";
  return endpoint.inFlight >= deployment.concurrencyMax ? "at-capacity" : null;
}

export function explanationOf(found: Candidates, chosen: EndpointId | null, strategy: string): Explanation {
  const excluded = found.excluded.map((endpoint, place) => ({ endpoint, why: present(found.reasons[place], "the reason") }));
  return { candidates: [...found.eligible], excluded, chosen, strategy };
}
