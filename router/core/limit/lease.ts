/**
 * A replica's part of one shared limit or budget.
 *
 * What may be spent without asking is a lease: `granted` units, of which `spent` are gone. A reservation is spent when an attempt starts and corrected by its outcome,
 * so `spent` may pass `granted` (an estimate was short) or fall below zero (it was long, and the lease that it came from has gone back). At most one lease is held: when a new
 * one comes in, the old one goes back with what was used of it. A debt (what was spent beyond a lease) is carried into the next lease, or reported after 1 s and then
 * remembered until the store grants again: what comes back pays it first. More is asked for when a quarter is left, and when half of its life is over; it goes back after 1 s without
 * use, and after 7/8 of its life in any case, because the store takes what it has heard nothing of for wholly spent at its end.
 *
 * Where nothing is held and nothing is owed, one reservation may be spent on credit, so that the first request need not wait; no second one before the store has granted again.
 * Overshoot of all replicas together is therefore at most replicas x (largest lease + credit) + the sum over the attempts that each has in flight when its lease runs out
 * of (actual - reserved). A replica that crashes and comes back counts as one more: what it held is taken for spent, what it owed is lost.
 * A limit of attempts in flight is each replica's own: nothing is leased, `spent` is what is in flight.
 */
import type { LimitSpec } from "../compiled-config.ts";
import type { Duration, Instant } from "../machine.ts";
import { largeLater } from "../large-later.ts";
import type { LimitRefusal } from "../messages.ts";
import { after, earlier, instantAt, never, seconds, startOfTime } from "../time.ts";

export interface LeaseState {
  /** Below zero without a lease: a debt that the store has been told of since it last granted. */
  granted: number;
  spent: number;
  /** Of the lease that is held; -1: none. */
  nonce: number;
  grantedAt: Instant;
  until: Instant;
  /** Of the question that has no answer yet; -1: none. */
  askNonce: number;
  askUnits: number;
  /** The reservation behind it: `askUnits` without the debt. */
  askNeed: number;
  askedAt: Instant;
  asks: number;
  /** The store has said no to so many units, and is not asked for them before then: what comes back from others may free them before `retryAt`, which callers are told. */
  deniedUnits: number;
  deniedUntil: Instant;
  retryAt: Instant;
  /** It has said no to more than what is held: that is used up first. */
  refilledAfter: Instant;
  credit: boolean;
  /** The last reservation, and when something was last reserved or corrected. */
  reservation: number;
  usedAt: Instant;
  /** Attempts that started by then were reserved in an earlier period, or from a lease that is forfeited: nothing of them comes back. */
  forgottenAt: Instant;
  periodEnds: Instant;
  /** What all replicas had spent when the store last answered. */
  settled: number;
  noticed: "nothing" | "alert" | "spent";
  /** As long as no more than this is spent, nothing follows from spending: see `calmOf`. Below everything: not worked out since something else has changed. */
  calm: number;
}

const neverCalm = -Infinity;

const idleAfter: Duration = seconds(1);
const askAgainAfter: Duration = seconds(1);
/** What is spent or asked now makes nothing due sooner. */
export const dueSoonest: Duration = idleAfter;
/** Then the question is dropped; the next request puts it anew. */
const asksMax = 5;

const large = ["granted", "spent", "settled", "grantedAt", "askedAt", "deniedUntil", "retryAt", "refilledAfter", "usedAt", "forgottenAt"] as const;

export function noLease(): LeaseState {
  return largeLater<LeaseState>(
    {
      granted: 0,
      spent: 0,
      nonce: -1,
      grantedAt: startOfTime,
      until: never,
      askNonce: -1,
      askUnits: 0,
      askNeed: 0,
      askedAt: startOfTime,
      asks: 0,
      deniedUnits: 0,
      deniedUntil: startOfTime,
      retryAt: startOfTime,
      refilledAfter: startOfTime,
      credit: true,
      reservation: 0,
      usedAt: startOfTime,
      forgottenAt: instantAt(-1),
      periodEnds: never,
      settled: 0,
      noticed: "nothing",
      calm: neverCalm,
    },
    large,
  );
}

function available(lease: LeaseState): number {
  return lease.granted - lease.spent;
}

/** Why so many units cannot be spent now; null: they can. `lease-asked` wants a question to the store. */
export function leaseRefuses(lease: LeaseState, spec: LimitSpec, units: number, now: Instant, storeLost: boolean): LimitRefusal | null {
  if (units === 0) return null;
  if (spec.window.kind === "held") return lease.spent + units <= spec.amount ? null : "limit-in-flight";
  if (units > spec.amount) return "budget-spent";
  if (available(lease) >= units) return null;
  if (lease.deniedUntil > now && units >= lease.deniedUnits) return spec.window.kind === "rate" ? "rate-limited" : "budget-spent";
  if (lease.credit && lease.nonce < 0 && available(lease) >= 0) return null;
  return storeLost ? "limits-unknown" : "lease-asked";
}

export function spend(lease: LeaseState, units: number, now: Instant): void {
  if (available(lease) < units) lease.credit = false;
  lease.spent += units;
  lease.reservation = Math.max(1, units);
  lease.usedAt = now;
}

/** A limit that is far from reached costs a comparison and an addition. False: nothing has been spent, and what would follow from it has to be looked at. */
export function spendCalmly(lease: LeaseState, units: number, now: Instant): boolean {
  const spent = lease.spent + units;
  if (spent > lease.calm) return false;
  lease.spent = spent;
  lease.usedAt = now;
  return true;
}

/** No refill, no notice and no refusal, and it falls due by its idleness, at the latest, so that no deadline has to be set. */
export function calmOf(lease: LeaseState, { window, amount, alertPerMille }: LimitSpec): number {
  if (lease.nonce < 0 || lease.deniedUntil > startOfTime || lease.noticed !== "nothing") return neverCalm;
  const low = Math.floor((lease.granted * 3) / 4);
  // Two units early: the product may be rounded.
  return window.kind === "period" ? Math.min(low, Math.floor((Math.min(alertPerMille, 1000) * amount) / 1000) - 2 - lease.settled) : low;
}

/** Something that `calmOf` goes by has changed. */
export function noLongerCalm(lease: LeaseState): void {
  lease.calm = neverCalm;
}

/** What goes back to the store as used of the lease that is held; what was spent beyond it stays a debt. */
export function settleLease(lease: LeaseState): number {
  const used = Math.min(lease.spent, lease.granted);
  lease.nonce = -1;
  lease.granted = 0;
  lease.spent -= used;
  lease.settled += used;
  noLongerCalm(lease);
  return used;
}

/** What the store is told of without a lease: a debt, which is remembered until it grants again, or what has come back. */
export function settleDebt(lease: LeaseState): number {
  const used = lease.spent;
  lease.granted = Math.min(0, available(lease));
  lease.spent = 0;
  lease.settled += used;
  noLongerCalm(lease);
  return used;
}

/** The units that a question has to bring so that `units` can be spent: a debt is paid with what comes, what has come back counts. */
export function unitsToAsk(lease: LeaseState, spec: LimitSpec, units: number): number {
  const owed = lease.nonce < 0 ? Math.max(1, units + lease.spent) : units + Math.max(0, -available(lease));
  return spec.window.kind === "rate" ? Math.min(spec.amount, owed) : owed;
}

export function runsLow(lease: LeaseState): boolean {
  return available(lease) * 4 < lease.granted || (lease.nonce < 0 && available(lease) < 0);
}

export function mayRefill(lease: LeaseState, units: number, now: Instant): boolean {
  return lease.refilledAfter <= now && mayAsk(lease, units, now);
}

export function mayAsk(lease: LeaseState, units: number, now: Instant): boolean {
  return lease.askNonce < 0 && (lease.deniedUntil <= now || units < lease.deniedUnits);
}

export type LeaseDuty = "nothing" | "ask-again" | "drop-question" | "give-back" | "report" | "renew" | "denial-over";

/** What is to be done at `now`: one thing, until there is nothing. */
export function leaseDuty(lease: LeaseState, now: Instant): LeaseDuty {
  if (lease.deniedUntil > startOfTime && now >= lease.deniedUntil) return "denial-over";
  if (lease.askNonce >= 0 && now >= after(lease.askedAt, askAgainAfter)) return lease.asks >= asksMax ? "drop-question" : "ask-again";
  if (lease.nonce >= 0) {
    if (now >= idleAt(lease) || now >= givenBackAt(lease)) return "give-back";
    return now >= renewedAt(lease) && mayRefill(lease, lease.reservation, now) ? "renew" : "nothing";
  }
  return lease.spent !== 0 && lease.askNonce < 0 && now >= idleAt(lease) ? "report" : "nothing";
}

/** When the next duty falls due, were nothing to happen before. */
export function leaseDue(lease: LeaseState, now: Instant): Instant {
  let due = lease.deniedUntil > startOfTime ? lease.deniedUntil : never;
  if (lease.askNonce >= 0) due = earlier(due, after(lease.askedAt, askAgainAfter));
  if (lease.nonce >= 0) {
    due = earlier(due, earlier(idleAt(lease), givenBackAt(lease)));
    if (renewedAt(lease) > now) due = earlier(due, renewedAt(lease));
  } else if (lease.spent !== 0 && lease.askNonce < 0) due = earlier(due, idleAt(lease));
  return due;
}

const idleAt = (lease: LeaseState): Instant => after(lease.usedAt, idleAfter);
const shareOfLife = (lease: LeaseState, eighths: number): Instant =>
  lease.until === never ? never : instantAt(lease.grantedAt + Math.floor(((lease.until - lease.grantedAt) * eighths) / 8));
const renewedAt = (lease: LeaseState): Instant => shareOfLife(lease, 4);
const givenBackAt = (lease: LeaseState): Instant => shareOfLife(lease, 7);
