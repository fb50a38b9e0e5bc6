import { anyFresh, type Candidates, findCandidates } from "./candidates.ts";
import { present } from "./assert.ts";
import type { CompiledConfig, RouteSpec } from "./compiled-config.ts";
import { sketchQuantile } from "./estimate/quantile-sketch.ts";
import { retryPurse, takeRetry } from "./limit/retry-budget.ts";
import type { Duration, Instant } from "./machine.ts";
import type { EndpointId, FailureKind } from "./messages.ts";
import { backoff, meaningOf } from "./retry.ts";
import type { RequestSlot, RouterState } from "./state.ts";
import { after, micros, never } from "./time.ts";

export interface RetryQuestion {
  readonly config: CompiledConfig;
  readonly state: RouterState;
  readonly found: Candidates;
  readonly route: RouteSpec;
  readonly slot: RequestSlot;
  readonly failure: FailureKind;
  readonly retryAfter: Duration | null;
  /** A fallback route could take it to an endpoint that answered last time. */
  readonly elsewhere: boolean;
  readonly seed: number;
}

/**
 * How long to wait before another attempt; null: there is none; `unpaid`: it would go somewhere that answers, and the budgets cannot pay for it now. An endpoint that has not been tried yet is tried at once, the same one again only after a pause of its
 * Retry-After or the jittered backoff, whichever is longer. None is made that could not end before the caller's deadline. A retry that is granted has been paid for out of the budgets.
 */
export function retryWait(question: RetryQuestion): Duration | "unpaid" | null {
  const { config, state, found, route, slot, failure, retryAfter, elsewhere, seed } = question;
  if (!meaningOf(failure).retry || slot.attempts >= attemptsAllowed(route, failure)) return null;
  findCandidates(found, state, route, slot);
  // Nobody eligible: it waits for a place at one that is only full.
  const fresh = anyFresh(found, slot.tried) || (found.full && found.eligible.count === 0);
  const pause = Math.max(backoff(route.retry, seed, slot.request.serial, slot.attempts - 1), retryAfter ?? 0);
  const wait = micros(fresh ? 0 : pause);
  if (wait > route.retry.retryAfterMax || !canEndInTime(state, route, slot, after(state.now, wait))) return null;
  // What time gives is kept for where there is more hope than in the same endpoint's second chance.
  const hopeful = isHopeful(found, state, slot, fresh) && (fresh || !elsewhere);
  if (payForAttempt(config, state, route, hopeful)) return wait;
  return hopeful && fresh ? "unpaid" : null;
}

/** The first included. */
function attemptsAllowed({ retry }: RouteSpec, failure: FailureKind): number {
  return Math.min(retry.attemptsMax, retry.attemptsByFailure[failure] ?? retry.attemptsMax);
}

/** Not even the quickest tenth of the route's answers would have come by then: the attempt is money thrown away. */
const quickShare = 0.1;
function canEndInTime(state: RouterState, route: RouteSpec, { request }: RequestSlot, start: Instant): boolean {
  if (request.deadline === never) return true;
  const quick = sketchQuantile(present(state.routes[route.id], "the route's state").totalTimes, quickShare) ?? 0;
  return after(start, micros(quick)) < request.deadline;
}

/** It goes somewhere that answered last time, or gives an endpoint that has failed this once its second chance. */
export function isHopeful(found: Candidates, state: RouterState, slot: RequestSlot, fresh: boolean): boolean {
  if (fresh) return hasHope(found, state, slot, false);
  return slot.attempts === 1 && slot.tried.some((id) => (state.endpoints[id]?.breaker.failures ?? 0) <= 1);
}

/** Some endpoint that it could go to answered last time; where none is eligible, one that is only full. @param underWay it must have something under way, too */
export function hasHope(found: Candidates, state: RouterState, slot: RequestSlot, underWay: boolean): boolean {
  const { eligible, excluded, reasons } = found;
  const offersHope = (id: EndpointId): boolean => {
    const endpoint = state.endpoints[id];
    return endpoint !== undefined && endpoint.breaker.failures === 0 && !slot.tried.includes(id) && (!underWay || endpoint.inFlight > 0);
  };
  for (let index = 0; index < eligible.count; index += 1) if (offersHope(eligible.ids[index] as EndpointId)) return true;
  if (eligible.count > 0) return false;
  for (let index = 0; index < excluded.count; index += 1) if (reasons[index] === "at-capacity" && offersHope(excluded.ids[index] as EndpointId)) return true;
  return false;
}

/** Both budgets pay, or none. */
export function payForAttempt(config: CompiledConfig, state: RouterState, route: RouteSpec, hopeful: boolean): boolean {
  const own = present(state.routes[route.id], "the route's state").retryBudget;
  const ownPurse = retryPurse(own, route.retry, hopeful, state.now);
  const fleetPurse = retryPurse(state.retryBudget, config.retryBudget, hopeful, state.now);
  if (ownPurse === null || fleetPurse === null) return false;
  takeRetry(own, ownPurse);
  takeRetry(state.retryBudget, fleetPurse);
  return true;
}
