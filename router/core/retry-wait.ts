import { anyFresh, type Candidates, findCandidates } from "./candidates.ts";
import { present } from "./assert.ts";
import type { RouteSpec } from "./compiled-config.ts";
import { takeFromRetryBudget } from "./limit/retry-budget.ts";
import type { Duration } from "./machine.ts";
import type { FailureKind } from "./messages.ts";
import { backoff, meaningOf } from "./retry.ts";
import type { RequestSlot, RouterState } from "./state.ts";
import { after, micros } from "./time.ts";

export interface RetryQuestion {
  readonly state: RouterState;
  readonly found: Candidates;
  readonly route: RouteSpec;
  readonly slot: RequestSlot;
  readonly failure: FailureKind;
  readonly retryAfter: Duration | null;
  readonly seed: number;
}

/**
 * How long to wait before another attempt; null: there is none. An endpoint that has not been tried yet is tried at once, the same one again only after a pause of its
 * Retry-After or the jittered backoff, whichever is longer. A retry that is granted has been paid for out of the route's budget.
 */
export function retryWait({ state, found, route, slot, failure, retryAfter, seed }: RetryQuestion): Duration | null {
  if (!meaningOf(failure).retry || slot.attempts >= route.retry.attemptsMax) return null;
  findCandidates(found, state, route, slot);
  const fresh = anyFresh(found, slot.tried);
  const pause = Math.max(backoff(route.retry, seed, slot.request.serial, slot.attempts - 1), retryAfter ?? 0);
  const wait = micros(fresh ? 0 : pause);
  if (wait > route.retry.retryAfterMax || after(state.now, wait) >= slot.request.deadline) return null;
  const { retryBudget } = present(state.routes[route.id], "the route's state");
  return takeFromRetryBudget(retryBudget, route.retry, state.now) ? wait : null;
}
