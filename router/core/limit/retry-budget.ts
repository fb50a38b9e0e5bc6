/**
 * Retry budget of one route and replica: a retry storm is impossible because retries are paid for by requests.
 *
 * A balance in thousandths of a retry. Every arrived request pays in `budgetPerMille`; `budgetFloorPerSecond` retries a second come on top, so that a quiet route
 * can still retry; a retry takes 1,000. The balance never exceeds ten retries. Whole numbers only: what a time span earns is
 * elapsed x rate + remainder, in units of a millionth of a thousandth, and the remainder is kept.
 */
import type { RetrySpec } from "../compiled-config.ts";
import type { Instant } from "../machine.ts";
import { startOfTime } from "../time.ts";

export interface RetryBudgetState {
  /** Thousandths of a retry. */
  balance: number;
  /** Below 1,000,000. */
  remainder: number;
  filledAt: Instant;
}

const perRetry = 1000;
const balanceMax = 10 * perRetry;

export function fullRetryBudget(): RetryBudgetState {
  return { balance: balanceMax, remainder: 0, filledAt: startOfTime };
}

export function payIntoRetryBudget(budget: RetryBudgetState, spec: RetrySpec): void {
  budget.balance = Math.min(balanceMax, budget.balance + spec.budgetPerMille);
}

/** True: one retry may start, and has been paid for. */
export function takeFromRetryBudget(budget: RetryBudgetState, spec: RetrySpec, now: Instant): boolean {
  const gain = (now - budget.filledAt) * spec.budgetFloorPerSecond * perRetry + budget.remainder;
  budget.filledAt = now;
  budget.remainder = gain % 1_000_000;
  budget.balance = Math.min(balanceMax, budget.balance + Math.floor(gain / 1_000_000));
  if (budget.balance < perRetry) return false;
  budget.balance -= perRetry;
  return true;
}
