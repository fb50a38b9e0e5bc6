/**
 * Circuit breaker of one endpoint.
 *
 * closed --(`failures` in a row, or a failure rate)--> open --(open time passed)--> half-open --(`probes` successes)--> closed
 *                                                       ^------------(one failure)-------'
 *
 * While open nothing is let through; while half-open at most `probesAtOnce` attempts are out at the same time, and no more than are wanting of `probes` successes: an endpoint
 * that is not well again costs one caller's first try, not several. An attempt counts only in the phase it was started in (`epoch`): what was under way when the breaker
 * opened neither closes it nor keeps it open. A probe that streams has succeeded with its first token (its end may be minutes away), and can still fail after it. Client
 * faults, rate limits, aborts for the client's sake and attempts that overlapped a stall of our own say nothing and only give their place back.
 * The open time is a deadline of the router's, so that a queue behind a closed door is served the moment it opens.
 * An opening that follows another without `stable` closed time between lasts `growth` times as long as that one, up to `openMax`.
 * Numbers: failures 5, open 60 s, probes 3 (the guide's circuit_breaker section), one after the other.
 */
import type { BreakerSpec } from "../compiled-config.ts";
import type { Duration, Instant } from "../machine.ts";
import type { BreakerPhase, BreakerReason, PeerReport } from "../messages.ts";
import { after, never, startOfTime } from "../time.ts";
import { failureRateHears, type FailureRateState, forgetFailureRate, noFailureRate } from "./failure-rate.ts";

export interface BreakerState {
  phase: BreakerPhase;
  /** In a row, while closed. */
  failures: number;
  /** Infinity unless open. */
  openUntil: Instant;
  /** Probes in flight and succeeded, while half-open. */
  probing: number;
  succeeded: number;
  /** Counts changes of phase. */
  epoch: number;
  /** Why it is in this phase. */
  reason: BreakerReason;
  /** Openings without `stable` closed time between them; that since which it is closed. */
  openings: number;
  /** It was opened for its failure rate alone: part of what it is sent succeeds. */
  partial: boolean;
  closedSince: Instant;
  rate: FailureRateState;
}

/** What an attempt keeps of the breaker it started under. */
export interface BreakerTicket {
  readonly breakerEpoch: number;
  /** Its first token has already counted as a probe's success. */
  readonly probeCredited: boolean;
}

export type BreakerVerdict = "success" | "failure" | "says-nothing";

export function closedBreaker(spec: BreakerSpec): BreakerState {
  return {
    // What every attempt looks at comes first: it lies together in memory.
    phase: "closed",
    epoch: 0,
    failures: 0,
    openUntil: never,
    probing: 0,
    succeeded: 0,
    reason: "new",
    openings: 0,
    partial: false,
    closedSince: startOfTime,
    rate: noFailureRate(spec.rate),
  };
}

export function breakerRefuses(breaker: BreakerState, spec: BreakerSpec): "breaker-open" | "half-open-full" | null {
  if (breaker.phase === "closed") return null;
  if (breaker.phase === "open") return "breaker-open";
  return breaker.probing < Math.min(spec.probesAtOnce, spec.probes - breaker.succeeded) ? null : "half-open-full";
}

/** Called for every attempt that starts; the attempt remembers the epoch that it returns. */
export function breakerStarts(breaker: BreakerState): number {
  if (breaker.phase === "half-open") breaker.probing += 1;
  return breaker.epoch;
}

/** A probe's first token has come: it counts as a success now, and its outcome, under the epoch that is returned, only if it is a failure. */
export function breakerHears(breaker: BreakerState, spec: BreakerSpec, epoch: number, now: Instant): { readonly epoch: number; readonly credited: boolean } {
  if (breaker.phase !== "half-open" || epoch !== breaker.epoch) return { epoch, credited: false };
  succeedProbe(breaker, spec, now);
  return { epoch: breaker.epoch, credited: true };
}

/** Called for every attempt that ends. */
export function breakerEnds(breaker: BreakerState, spec: BreakerSpec, attempt: BreakerTicket, verdict: BreakerVerdict, now: Instant): void {
  if (attempt.breakerEpoch !== breaker.epoch) return;
  if (breaker.phase === "half-open") {
    if (spec.enabled) endProbe(breaker, spec, attempt, verdict, now);
  } else if (verdict !== "says-nothing") {
    // One that is switched off never opens, and one that is open has attempts only from its pool's floor: what a retry may hope for is counted all the same.
    if (spec.enabled && breaker.phase === "closed") countOutcome(breaker, spec, verdict === "failure", now);
    else breaker.failures = verdict === "failure" ? breaker.failures + 1 : 0;
    if (breaker.phase === "open" && breaker.failures >= spec.failures) breaker.partial = false;
  }
}

function endProbe(breaker: BreakerState, spec: BreakerSpec, { probeCredited }: BreakerTicket, verdict: BreakerVerdict, now: Instant): void {
  if (verdict === "failure") openBreaker(breaker, spec, breaker.partial ? "failure-rate" : "probe-failed", now);
  else if (probeCredited) return;
  else if (verdict === "success") succeedProbe(breaker, spec, now);
  else breaker.probing -= 1;
}

function countOutcome(breaker: BreakerState, spec: BreakerSpec, failed: boolean, now: Instant): void {
  breaker.failures = failed ? breaker.failures + 1 : 0;
  const tooOften = spec.rate !== null && failureRateHears(breaker.rate, spec.rate, failed, now);
  if (breaker.failures >= spec.failures) openBreaker(breaker, spec, "failures-in-a-row", now);
  else if (tooOften) openBreaker(breaker, spec, "failure-rate", now);
}

function succeedProbe(breaker: BreakerState, spec: BreakerSpec, now: Instant): void {
  breaker.probing -= 1;
  breaker.succeeded += 1;
  if (breaker.succeeded < spec.probes) return;
  breaker.closedSince = now;
  breaker.partial = false;
  change(breaker, "closed", "probes-succeeded", never);
}

/** The open time has passed, or its probes find the endpoint well again. */
export function breakerHalfOpens(breaker: BreakerState, reason: "open-time-passed" | "health-returned"): void {
  change(breaker, "half-open", reason, never);
}

/** Its rule has changed: it keeps its phase as far as the new one knows it. */
export function breakerRefits(breaker: BreakerState, spec: BreakerSpec, now: Instant): void {
  if (breaker.rate.sums.length !== (spec.rate?.tests.length ?? 0)) breaker.rate = noFailureRate(spec.rate);
  const closes = !spec.enabled || (breaker.phase === "half-open" && breaker.succeeded >= spec.probes);
  if (!closes || breaker.phase === "closed") return;
  breaker.closedSince = now;
  breaker.partial = false;
  change(breaker, "closed", "rule-changed", never);
}

/**
 * What another replica found, `since` its own instant. An opening opens a closed one for what is left of the open time, so that one replica's failures spare the
 * others theirs; an open one keeps its own time. A closing lets this one's own probes through at once: a peer is believed in what it fears, and checked in what it hopes.
 */
export function breakerHearsPeer(breaker: BreakerState, spec: BreakerSpec, { breaker: told, why, since }: PeerReport, now: Instant): void {
  if (!spec.enabled) return;
  if (spec.shared && breaker.phase !== "closed" && breaker.probing === 0 && since >= breaker.closedSince) {
    hearProber(breaker, spec, told, since, now);
    return;
  }
  if (told === "closed") {
    if (breaker.phase === "open") change(breaker, "half-open", "peer-reported", never);
    return;
  }
  if (breaker.phase !== "closed" || since < breaker.closedSince) return;
  const openings = since - breaker.closedSince >= spec.stable ? 0 : breaker.openings;
  const until = after(since, openTime(spec, openings));
  if (until <= now) return;
  breaker.partial = why === "failure-rate";
  change(breaker, "open", "peer-reported", until);
  breaker.openings = openings + 1;
}

/** The peer's probes were the whole fleet's: what they have found holds here too. */
function hearProber(breaker: BreakerState, spec: BreakerSpec, told: "open" | "closed", since: Instant, now: Instant): void {
  if (told === "closed") {
    breaker.closedSince = now;
    breaker.partial = false;
    change(breaker, "closed", "peer-reported", never);
  } else if (breaker.phase === "half-open" && after(since, spec.open) > now) change(breaker, "open", "peer-reported", after(since, spec.open));
}

function openBreaker(breaker: BreakerState, spec: BreakerSpec, reason: BreakerReason, now: Instant): void {
  breaker.partial = reason === "failure-rate";
  if (breaker.phase === "closed" && now - breaker.closedSince >= spec.stable) breaker.openings = 0;
  change(breaker, "open", reason, after(now, openTime(spec, breaker.openings)));
  breaker.openings += 1;
}

/** @param openings those before it */
export function openTime(spec: BreakerSpec, openings: number): Duration {
  let open: number = spec.open;
  for (let grown = 0; grown < openings && open < spec.openMax; grown += 1) open = Math.floor((open * spec.growthPercent) / 100);
  return Math.max(spec.open, Math.min(open, spec.openMax)) as Duration;
}

function change(breaker: BreakerState, phase: BreakerPhase, reason: BreakerReason, openUntil: Instant): void {
  breaker.phase = phase;
  breaker.reason = reason;
  breaker.openUntil = openUntil;
  breaker.failures = 0;
  breaker.probing = 0;
  breaker.succeeded = 0;
  breaker.epoch += 1;
  forgetFailureRate(breaker.rate);
}
