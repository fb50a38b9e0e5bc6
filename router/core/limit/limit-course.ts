/**
 * Limits and budgets on a request's way: what is set aside when an attempt starts, corrected when it ends, asked of the store and given back to it. Every attempt passes
 * here, whatever it is (first, retry, hedge, fallback): there is no other way to start one.
 */
import { ratesFor } from "../accounting/price-now.ts";
import { missing, present } from "../assert.ts";
import type { LimitSpec } from "../compiled-config.ts";
import type { Candidates } from "../candidates.ts";
import type { Core, View } from "../core.ts";
import { askForProbes } from "../health/probe-course.ts";
import { keyOf, removeKey, setKey } from "../tournament.ts";
import type { Instant } from "../machine.ts";
import type { AttemptOutcome, LeaseKey, RouterEvent } from "../messages.ts";
import type { AttemptSlot, RequestSlot } from "../state.ts";
import { after, earlier, later, millis, seconds, startOfTime } from "../time.ts";
import { expectedNano, unitsOf } from "./limit-check.ts";
import {
  calmOf,
  dueSoonest,
  type LeaseState,
  leaseDue,
  leaseDuty,
  mayAsk,
  mayRefill,
  noLease,
  noLongerCalm,
  runsLow,
  settleDebt,
  settleLease,
  spend,
  spendCalmly,
  unitsToAsk,
} from "./lease.ts";
import { callerLimits } from "./limit-index.ts";
import { outputToReserve } from "./output-estimate.ts";

/** After a denial the store is asked again no sooner, and no later. */
const pauseMin = millis(1);
const pauseMax = seconds(1);

const none: readonly LimitSpec[] = [];

type Answer = Extract<RouterEvent, { kind: "lease-answered" }>;

// --- reserve, reconcile ---

/** Where there are limits. */
export function reserve(core: Core, view: View, slot: RequestSlot, attempt: AttemptSlot): void {
  const { limits } = view.found;
  const { request, route } = slot;
  const { output: estimate } = core.state.routes[route] ?? missing("the route's state");
  const output = outputToReserve(estimate, request.outputTokensMax);
  attempt.reservedTokens = request.inputTokens + output;
  attempt.reservedNano = expectedNano(ratesFor(attempt.card, attempt.tier), request, output);
  const { id: deployment } = view.deploymentAt[attempt.endpoint] ?? missing("the endpoint's deployment");
  const selfHosted = limits.selfHosted[deployment] === true;
  reserveEach(core, attempt, callerLimits(limits, request, route), selfHosted, slot.attempts > 0);
  const own = limits.ofDeployment[deployment] ?? none;
  if (own.length > 0) reserveEach(core, attempt, own, selfHosted, false);
}

function reserveEach(core: Core, attempt: AttemptSlot, specs: readonly LimitSpec[], selfHosted: boolean, requestCounted: boolean): void {
  const { leases, now } = core.state;
  for (let place = 0; place < specs.length; place += 1) {
    const spec = specs[place] as LimitSpec;
    // Nothing is counted where the deployment is its owner's own, and the limit says so.
    if (selfHosted && spec.atLimit === "self-hosted") continue;
    const lease = leases[spec.id] ?? missing("the lease's state");
    const units = unitsOf(spec, attempt.reservedTokens, attempt.reservedNano, requestCounted);
    if (spec.window.kind === "held") lease.spent += units;
    else if (units === 0) continue;
    else if (spendCalmly(lease, units, now)) lease.reservation = units;
    else spendWatchfully(core, spec, lease, units);
  }
}

function spendWatchfully(core: Core, spec: LimitSpec, lease: LeaseState, units: number): void {
  spend(lease, units, core.state.now);
  if (runsLow(lease)) refill(core, spec, lease, units);
  hasSpent(core, spec, lease);
}

function hasSpent(core: Core, spec: LimitSpec, lease: LeaseState): void {
  noteSpending(core, spec, lease);
  scheduleUsed(core, spec.id, lease);
  lease.calm = calmOf(lease, spec);
}

/** @param picoDollars what it cost; null: nothing, or not known */
export function reconcile(core: Core, view: View, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome, picoDollars: number | null): void {
  const { limits } = view.found;
  const { id: deployment } = view.deploymentAt[attempt.endpoint] ?? missing("the endpoint's deployment");
  const selfHosted = limits.selfHosted[deployment] === true;
  reconcileEach(core, attempt, callerLimits(limits, slot.request, slot.route), selfHosted, outcome, picoDollars);
  const own = limits.ofDeployment[deployment] ?? none;
  if (own.length > 0) reconcileEach(core, attempt, own, selfHosted, outcome, picoDollars);
}

/** Null: it is billed without a figure, and keeps its reservation. */
function usedOf({ unit }: LimitSpec, { billed, usage }: AttemptOutcome, picoDollars: number | null): number | null {
  if (billed === "no") return 0;
  if (usage === null) return null;
  if (unit === "tokens") return usage.input + usage.output;
  return picoDollars === null ? 0 : Math.ceil(picoDollars / 1000);
}

function reconcileEach(
  core: Core,
  attempt: AttemptSlot,
  specs: readonly LimitSpec[],
  selfHosted: boolean,
  outcome: AttemptOutcome,
  picoDollars: number | null,
): void {
  const { leases, now } = core.state;
  for (let place = 0; place < specs.length; place += 1) {
    const spec = specs[place] as LimitSpec;
    if (selfHosted && spec.atLimit === "self-hosted") continue;
    const lease = leases[spec.id] ?? missing("the lease's state");
    if (spec.window.kind === "held") lease.spent -= 1;
    if (spec.window.kind === "held" || spec.unit === "requests") continue;
    const used = usedOf(spec, outcome, picoDollars);
    if (used === null) continue;
    const change = used - unitsOf(spec, attempt.reservedTokens, attempt.reservedNano, false);
    const counted = attempt.startedAt <= lease.forgottenAt ? Math.max(0, change) : change;
    if (counted !== 0 && !spendCalmly(lease, counted, now)) correctWatchfully(core, spec, lease, counted);
  }
}

function correctWatchfully(core: Core, spec: LimitSpec, lease: LeaseState, change: number): void {
  lease.spent += change;
  // With what comes back here, the store may have enough.
  if (change < 0) lease.deniedUntil = startOfTime;
  lease.usedAt = core.state.now;
  if (runsLow(lease)) refill(core, spec, lease, lease.reservation);
  hasSpent(core, spec, lease);
}

// --- the store ---

/** Nothing could be dispatched for want of leases: ask for them. What is left of a lease that is too small goes back first, so that it is not missing there. */
export function askWanted(core: Core, { wantedKeys, wantedUnits }: Candidates): void {
  wantedKeys.forEach((key, place) => {
    const lease = leaseOf(core, key);
    const units = present(wantedUnits[place], "the units wanted");
    if (!mayAsk(lease, units, core.state.now)) return;
    giveBack(core, key, lease);
    ask(core, specOf(core, key), lease, units);
    schedule(core, key, lease);
  });
}

export function hearAnswer(core: Core, { lease: key, nonce, units, until, settled }: Answer): void {
  if (core.config.limits[key] === undefined) {
    // Asked for a limit that only a retired version had.
    if (units > 0) core.emit({ kind: "return-lease", lease: key, nonce, used: 0 });
    return;
  }
  const lease = leaseOf(core, key);
  const spec = specOf(core, key);
  const late = units > 0 && until <= core.state.now;
  if (nonce !== lease.askNonce || late) {
    if (units > 0 && nonce !== lease.nonce) core.emit({ kind: "return-lease", lease: key, nonce, used: 0 });
    if (nonce === lease.askNonce) lease.askNonce = -1;
    return;
  }
  lease.askNonce = -1;
  lease.settled = settled;
  noLongerCalm(lease);
  if (units > 0) {
    giveBack(core, key, lease);
    lease.granted = units;
    lease.nonce = nonce;
    lease.grantedAt = core.state.now;
    lease.until = earlier(until, lease.periodEnds);
    // A smaller one says nothing about the larger one that was denied.
    if (units >= lease.deniedUnits) lease.deniedUntil = startOfTime;
    lease.credit = true;
  } else {
    noteDenial(lease, until, core.state.now);
  }
  noteSpending(core, spec, lease);
  schedule(core, key, lease);
}

function noteDenial(lease: LeaseState, until: Instant, now: Instant): void {
  const retryAt = later(until, after(now, pauseMin));
  const askedAgain = earlier(retryAt, after(now, pauseMax));
  if (lease.nonce >= 0) {
    lease.refilledAfter = askedAgain;
    return;
  }
  lease.credit = false;
  lease.deniedUnits = lease.askNeed;
  lease.deniedUntil = askedAgain;
  lease.retryAt = retryAt;
}

export function loseStore(core: Core): void {
  core.state.storeLost = true;
}

export function regainStore(core: Core): void {
  core.state.storeLost = false;
  for (const spec of core.config.limits) {
    if (spec.window.kind === "held") continue;
    const lease = leaseOf(core, spec.id);
    if (lease.askNonce >= 0) putQuestion(core, spec.id, lease);
    else if (runsLow(lease)) refill(core, spec, lease, lease.reservation);
    schedule(core, spec.id, lease);
  }
}

/** Leases of the old period go back; what is still reserved in it stays there. */
export function startPeriod(core: Core, key: LeaseKey, endsAt: Instant): void {
  if (core.config.limits[key] === undefined) return;
  const lease = leaseOf(core, key);
  giveBack(core, key, lease);
  Object.assign(lease, noLease(), { forgottenAt: core.state.now, periodEnds: endsAt, reservation: lease.reservation });
  schedule(core, key, lease);
}

/** Nothing of what a snapshot held is spent again; the store takes it for spent when its life is over. */
export function forfeitLeases(core: Core, nonce: number): void {
  core.state.leaseNonce = Math.max(core.state.leaseNonce, nonce);
  for (const { id } of core.config.endpoints) if (core.state.endpoints[id]?.probes.state !== "free") askForProbes(core, id);
  for (const spec of core.config.limits) {
    const lease = leaseOf(core, spec.id);
    if (spec.window.kind === "held") continue;
    const { periodEnds, noticed, settled } = lease;
    Object.assign(lease, noLease(), { forgottenAt: core.state.now, periodEnds, noticed, settled, credit: false });
    schedule(core, spec.id, lease);
  }
}

/** Its amount may be another: what was denied is asked again, and what was set aside under the old one does not come back. */
export function amendLimit(core: Core, spec: LimitSpec, before: LimitSpec | undefined): void {
  if (before === undefined || (before.amount === spec.amount && before.alertPerMille === spec.alertPerMille) || spec.window.kind === "held") return;
  const lease = leaseOf(core, spec.id);
  lease.forgottenAt = core.state.now;
  lease.deniedUntil = startOfTime;
  lease.noticed = "nothing";
  noLongerCalm(lease);
  noteSpending(core, spec, lease);
  schedule(core, spec.id, lease);
}

/** No live version has the limit any more. */
export function dropLease(core: Core, key: LeaseKey): void {
  const lease = leaseOf(core, key);
  giveBack(core, key, lease);
  if (lease.spent !== 0) core.emit({ kind: "return-lease", lease: key, nonce: nextNonce(core), used: lease.spent });
  core.state.leases[key] = noLease();
  removeKey(core.state.leaseDeadlines, key);
}

/** True: what waits may go on. */
export function leaseFallsDue(core: Core, key: LeaseKey): boolean {
  const lease = leaseOf(core, key);
  const { now } = core.state;
  let freed = false;
  for (let duty = leaseDuty(lease, now); duty !== "nothing"; duty = leaseDuty(lease, now)) {
    switch (duty) {
      case "denial-over":
        lease.deniedUntil = startOfTime;
        freed = true;
        break;
      case "ask-again":
        lease.asks += 1;
        putQuestion(core, key, lease);
        break;
      case "drop-question":
        lease.askNonce = -1;
        freed = true;
        break;
      case "give-back":
        giveBack(core, key, lease);
        break;
      case "report":
        report(core, key, lease);
        break;
      case "renew":
        ask(core, specOf(core, key), lease, lease.reservation);
        if (lease.askNonce < 0) {
          setKey(core.state.leaseDeadlines, key, leaseDue(lease, now));
          return freed;
        }
    }
  }
  setKey(core.state.leaseDeadlines, key, leaseDue(lease, now));
  return freed;
}

function refill(core: Core, spec: LimitSpec, lease: LeaseState, units: number): void {
  if (mayRefill(lease, units, core.state.now)) ask(core, spec, lease, units);
}

function ask(core: Core, spec: LimitSpec, lease: LeaseState, units: number): void {
  if (core.state.storeLost || !mayAsk(lease, units, core.state.now)) return;
  lease.askNonce = nextNonce(core);
  lease.askNeed = units;
  lease.askUnits = unitsToAsk(lease, spec, units);
  lease.asks = 1;
  putQuestion(core, spec.id, lease);
}

function putQuestion(core: Core, key: LeaseKey, lease: LeaseState): void {
  lease.askedAt = core.state.now;
  core.emit({ kind: "ask-lease", lease: key, nonce: lease.askNonce, units: lease.askUnits });
}

function giveBack(core: Core, key: LeaseKey, lease: LeaseState): void {
  if (lease.nonce < 0) return;
  const { nonce } = lease;
  core.emit({ kind: "return-lease", lease: key, nonce, used: settleLease(lease) });
}

function report(core: Core, key: LeaseKey, lease: LeaseState): void {
  core.emit({ kind: "return-lease", lease: key, nonce: nextNonce(core), used: settleDebt(lease) });
}

/** Said once per period: the alert, and that nothing is left. */
function noteSpending(core: Core, spec: LimitSpec, lease: LeaseState): void {
  if (spec.window.kind !== "period" || lease.noticed === "spent") return;
  const spent = lease.settled + lease.spent;
  if (lease.noticed === "nothing" && spent * 1000 >= spec.amount * spec.alertPerMille) {
    lease.noticed = "alert";
    core.emit({ kind: "budget-noticed", budget: spec.id, level: "alert", spent });
  }
  if (spent < spec.amount && (lease.deniedUntil <= core.state.now || lease.noticed === "nothing")) return;
  lease.noticed = "spent";
  core.emit({ kind: "budget-noticed", budget: spec.id, level: "spent", spent });
}

/** An earlier deadline than needed finds nothing to do and is set again: cheaper than moving it for every request. */
function schedule(core: Core, key: LeaseKey, lease: LeaseState): void {
  const { leaseDeadlines, now } = core.state;
  const due = later(leaseDue(lease, now), now);
  if (due < keyOf(leaseDeadlines, key)) setKey(leaseDeadlines, key, due);
}

/** After it was used: where something falls due soon anyway, nothing has become due before that. */
function scheduleUsed(core: Core, key: LeaseKey, lease: LeaseState): void {
  const { leaseDeadlines, now } = core.state;
  if (keyOf(leaseDeadlines, key) > now + dueSoonest) schedule(core, key, lease);
}

function nextNonce(core: Core): number {
  core.state.leaseNonce += 1;
  return core.state.leaseNonce;
}

const leaseOf = (core: Core, key: LeaseKey): LeaseState => present(core.state.leases[key], "the lease's state");
const specOf = (core: Core, key: LeaseKey): LimitSpec => present(core.config.limits[key], "the limit");
