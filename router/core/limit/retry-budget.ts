/**
 * Retry budget of a route, and one more of all routes together: a retry storm is impossible because retries are paid for by requests.
 *
 * Two purses, in thousandths of a retry. Every arrived request pays `perMille` into the first; what it holds is from this second and the one before, older savings are
 * void, so that a long quiet time does not save up for a storm. `floorPerSecond` flows into the second, which holds at most two seconds of it: it is there for the route whose traffic
 * earns nothing, and pays only where a retry is hopeful (somewhere that has not just failed) and something has been answered since it last paid. A retry takes 1,000 out of one of them.
 * Over any time T: retries <= perMille/1000 x (arrivals in T and the two seconds before) + min(floorPerSecond x (T + 2 s), 1 + answers in T). So with everything failing,
 * whatever the traffic: one retry more than the requests have earned, until something is answered again. Whole numbers only: what a time span earns is
 * elapsed x rate + remainder, in units of a millionth of a thousandth, and the remainder is kept.
 */
import type { RetryBudgetSpec } from "../compiled-config.ts";
import type { Instant } from "../machine.ts";
import { startOfTime } from "../time.ts";

export interface RetryBudgetState {
  /** Thousandths of a retry earned by the requests of this second, and of the one before. */
  earning: number;
  earned: number;
  /** Whole seconds since the start of time. */
  second: number;
  /** Thousandths of a retry that time has given. */
  given: number;
  /** Below 1,000,000. */
  remainder: number;
  filledAt: Instant;
  /** Something has been answered since time last paid for a retry. */
  answered: boolean;
}

export type Purse = "earned" | "given";

const perRetry = 1000;
const perSecond = 1_000_000;
const givenSeconds = 2;

export function fullRetryBudget(spec: RetryBudgetSpec): RetryBudgetState {
  return { earning: 0, earned: 0, second: 0, given: givenSeconds * spec.budgetFloorPerSecond * perRetry, remainder: 0, filledAt: startOfTime, answered: true };
}

/** Up to now, with so many requests that have just arrived. */
export function retryBudgetMovesOn(budget: RetryBudgetState, spec: RetryBudgetSpec, arrived: number, now: Instant): void {
  const second = Math.floor(now / perSecond);
  if (second > budget.second) {
    budget.earned = second === budget.second + 1 ? budget.earning : 0;
    budget.earning = 0;
    budget.second = second;
  }
  budget.earning += arrived * spec.budgetPerMille;
  const perTime = spec.budgetFloorPerSecond * perRetry;
  const gain = Math.min(now - budget.filledAt, givenSeconds * perSecond) * perTime + budget.remainder;
  budget.filledAt = now;
  const whole = Math.floor(gain / perSecond);
  budget.remainder = gain - whole * perSecond;
  budget.given = Math.min(givenSeconds * perTime, budget.given + whole);
}

/** Out of which purse one retry could be paid; null: out of none. */
export function retryPurse(budget: RetryBudgetState, spec: RetryBudgetSpec, hopeful: boolean, now: Instant): Purse | null {
  retryBudgetMovesOn(budget, spec, 0, now);
  if (budget.earning + budget.earned >= perRetry) return "earned";
  return hopeful && budget.answered && budget.given >= perRetry ? "given" : null;
}

export function takeRetry(budget: RetryBudgetState, purse: Purse): void {
  if (purse === "given") {
    budget.given -= perRetry;
    budget.answered = false;
    return;
  }
  const old = Math.min(budget.earned, perRetry);
  budget.earned -= old;
  budget.earning -= perRetry - old;
}
