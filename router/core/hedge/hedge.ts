/**
 * Hedging of streams: when an attempt has shown no first token for as long as the slowest of such attempts usually take, a second one starts at another endpoint; the
 * first token decides, the other attempt is aborted and paid for.
 *
 * The delay is a quantile of the route's first-token times, as learned from the latest some thousand; an attempt that lost counts with the time it had been waited for, so that
 * hedging does not make the slow ones unseen. Hedges are paid for by requests, in thousandths: each arrival earns `budgetPerMille`, one hedge costs 1,000, at most ten
 * are saved up and none is there at the start. Over a route's life: hedges <= budgetPerMille / 1000 x arrivals; within any window at most ten more.
 */
import type { HedgeSpec } from "../compiled-config.ts";
import { type QuantileSketch, sketchQuantile } from "../estimate/quantile-sketch.ts";
import type { Instant } from "../machine.ts";
import { after, later, micros, never } from "../time.ts";

export interface HedgeBudget {
  /** Thousandths of a hedge. */
  balance: number;
}

const perHedge = 1000;
const balanceMax = 10 * perHedge;

export function emptyHedgeBudget(): HedgeBudget {
  return { balance: 0 };
}

export function payIntoHedgeBudget(budget: HedgeBudget, spec: HedgeSpec): void {
  budget.balance = Math.min(balanceMax, budget.balance + spec.budgetPerMille);
}

export const canHedge = (budget: HedgeBudget): boolean => budget.balance >= perHedge;

export function takeHedge(budget: HedgeBudget): void {
  budget.balance -= perHedge;
}

/** When a stream that starts now is to be doubled; Infinity: not enough is known. */
export function hedgeInstant(spec: HedgeSpec, firstTokenTimes: QuantileSketch, now: Instant): Instant {
  const usual = sketchQuantile(firstTokenTimes, spec.quantile);
  return usual === null ? never : later(after(now, usual), after(now, micros(spec.delayMin)));
}
