import { present } from "./assert.ts";
import type { CompiledConfig, RouteSpec } from "./compiled-config.ts";
import { breakerRefuses } from "./health/breaker.ts";
import type { EndpointId, ExclusionReason, Explanation } from "./messages.ts";
import type { RequestSlot, RouterState } from "./state.ts";
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

/** A retry prefers what has answered last time; an endpoint that has had an attempt of this request is eligible again only when no other is. */
export function findCandidates(found: Candidates, config: CompiledConfig, state: RouterState, route: RouteSpec, slot: RequestSlot): void {
  const retry = slot.tried.length > 0;
  collect(found, config, state, route, slot, retry ? "untried" : "any");
  if (!retry) return;
  if (found.eligible.length > 0) dropFailing(found, state);
  else if (found.reasons.includes("already-tried")) collect(found, config, state, route, slot, "any");
}

/** Those that have failed last time, where others have not. */
function dropFailing(found: Candidates, state: RouterState): void {
  const { eligible } = found;
  let kept = 0;
  for (const id of eligible) if (!isFailing(state, id)) kept += 1;
  if (kept === 0 || kept === eligible.length) return;
  let place = 0;
  for (const id of eligible) {
    if (isFailing(state, id)) {
      found.excluded.push(id);
      found.reasons.push("failed-lately");
    } else {
      eligible[place] = id;
      place += 1;
    }
  }
  eligible.length = place;
}

const isFailing = (state: RouterState, id: EndpointId): boolean => (state.endpoints[id]?.breaker.failures ?? 0) > 0;

function collect(found: Candidates, config: CompiledConfig, state: RouterState, route: RouteSpec, slot: RequestSlot, which: "any" | "untried"): void {
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
        if (which === "untried" && slot.tried.includes(id)) return "already-tried";
        const refusal = breakerRefuses(endpoint.breaker, deployment.breaker);
        if (refusal !== null) return refusal;
        if (endpoint.coolUntil > state.now) return "cooling";
        return endpoint.inFlight >= deployment.concurrencyMax ? "at-capacity" : null;
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

export function explanationOf(found: Candidates, chosen: EndpointId | null, strategy: string): Explanation {
  const excluded = found.excluded.map((endpoint, place) => ({ endpoint, why: present(found.reasons[place], "the reason") }));
  return { candidates: [...found.eligible], excluded, chosen, strategy };
}
