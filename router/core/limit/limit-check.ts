/** May this request have an attempt at this deployment now? Asked for every deployment of every decision: no allocation, no names. */
import { costOf } from "../accounting/ledger.ts";
import { priceNow } from "../accounting/price-now.ts";
import { present } from "../assert.ts";
import type { Candidates } from "../candidates.ts";
import type { DeploymentSpec, LimitSpec, RouteSpec } from "../compiled-config.ts";
import type { Rates } from "../accounting/rates.ts";
import type { LeaseKey, LimitRefusal, RouteRequest } from "../messages.ts";
import type { RequestSlot, RouterState } from "../state.ts";
import { earlier, instantAt, never, startOfTime } from "../time.ts";
import { leaseRefuses, type LeaseState } from "./lease.ts";
import { outputToReserve } from "./output-estimate.ts";

/** Nano-dollars, rounded up; 0 where the price is unknown. */
export function expectedNano(rates: Rates | null, { inputTokens, pictures }: Pick<RouteRequest, "inputTokens" | "pictures">, outputTokens: number): number {
  if (rates === null) return 0;
  return Math.ceil(costOf({ input: inputTokens, cachedRead: 0, cacheWrite: 0, output: outputTokens, reasoning: 0 }, rates, pictures) / 1000);
}

/** What an attempt takes of a limit. One larger than a whole bucket takes the whole bucket: refusing it for ever would be worse. */
export function unitsOf({ unit, window, amount }: LimitSpec, tokens: number, nano: number, requestCounted: boolean): number {
  if (unit === "requests") return requestCounted ? 0 : 1;
  if (unit === "attempts-in-flight") return 1;
  const units = unit === "tokens" ? tokens : nano;
  return units > amount && window.kind === "rate" ? amount : units;
}

/** The graver, the later in the list. */
const gravity: Readonly<Record<LimitRefusal, number>> = {
  "limit-in-flight": 1,
  "lease-asked": 2,
  "limits-unknown": 3,
  "rate-limited": 4,
  "budget-mode": 5,
  "price-unknown": 6,
  "budget-spent": 7,
};

/** The gravest reason; null: none. What it would take is left in `found`: leases to ask for, and when a rate allows it again. */
export function limitsRefuse(found: Candidates, state: RouterState, route: RouteSpec, slot: RequestSlot, deployment: DeploymentSpec): LimitRefusal | null {
  const { limits } = found;
  if (!limits.some) return null;
  const { request } = slot;
  const output = outputToReserve(present(state.routes[route.id], "the route's state").output, request.outputTokensMax);
  const tokens = request.inputTokens + output;
  const nano = expectedNano(priceNow(state, deployment.id, request), request, output);
  const question: Question = { found, state, route, slot, deployment, tokens, nano, gravest: null, until: startOfTime, asked: found.wantedKeys.length };
  visit(question, limits.total, true);
  visit(question, limits.ofTenant[request.tenant] ?? none, true);
  // A fallback is bound by the limits of the route it was asked for, and of the one it has come to.
  visit(question, limits.ofRoute[request.route] ?? none, true);
  if (route.id !== request.route) visit(question, limits.ofRoute[route.id] ?? none, true);
  visit(question, limits.ofDeployment[deployment.id] ?? none, false);
  conclude(question);
  return question.gravest;
}

const none: readonly LimitSpec[] = [];

interface Question {
  readonly found: Candidates;
  readonly state: RouterState;
  readonly route: RouteSpec;
  readonly slot: RequestSlot;
  readonly deployment: DeploymentSpec;
  readonly tokens: number;
  readonly nano: number;
  gravest: LimitRefusal | null;
  /** Until when the last of those that refuse does so. */
  until: number;
  readonly asked: number;
}

function visit(question: Question, specs: readonly LimitSpec[], ofCaller: boolean): void {
  const { state, deployment, slot, found } = question;
  const selfHosted = found.limits.selfHosted[deployment.id] === true;
  for (const spec of specs) {
    if (selfHosted && spec.atLimit === "self-hosted") continue;
    const lease = present(state.leases[spec.id], "the lease's state");
    const units = unitsOf(spec, question.tokens, question.nano, ofCaller && slot.attempts > 0);
    const refusal = modeRefuses(question, spec, lease.noticed !== "nothing", selfHosted) ?? leaseRefuses(lease, spec, units, state.now, state.storeLost);
    if (refusal === null) continue;
    note(question, spec, lease, refusal, units, ofCaller);
  }
}

function note(question: Question, spec: LimitSpec, lease: LeaseState, refusal: LimitRefusal, units: number, ofCaller: boolean): void {
  const { found, state } = question;
  if (refusal === "lease-asked") want(found, spec.id, units);
  if (refusal === "rate-limited") {
    question.until = Math.max(question.until, lease.retryAt);
    // A deployment's rate is waited for; a caller's own is told to the caller.
    if (!ofCaller) found.reopensAt = earlier(found.reopensAt, lease.retryAt);
  }
  if (refusal === "budget-spent" && units <= spec.amount)
    question.until = Math.max(question.until, lease.retryAt > state.now ? lease.retryAt : lease.periodEnds);
  if (question.gravest === null || gravity[refusal] > gravity[question.gravest]) question.gravest = refusal;
}

function modeRefuses(question: Question, spec: LimitSpec, alerted: boolean, selfHosted: boolean): LimitRefusal | null {
  if (spec.unit !== "nano-dollars") return null;
  if (question.found.limits.config.unknownPrice === "refuse" && priceNow(question.state, question.deployment.id, question.slot.request) === null)
    return "price-unknown";
  if (!alerted || spec.atAlert === "notify") return null;
  if (spec.atAlert === "self-hosted") return selfHosted ? null : "budget-mode";
  return question.nano > cheapest(question) ? "budget-mode" : null;
}

/** What the cheapest deployment of the route would cost for this request. */
function cheapest({ state, route, slot, tokens }: Question): number {
  let least = Infinity;
  for (const id of route.deployments) {
    const rates = priceNow(state, id, slot.request);
    if (rates !== null) least = Math.min(least, expectedNano(rates, slot.request, tokens - slot.request.inputTokens));
  }
  return least;
}

function want(found: Candidates, key: LeaseKey, units: number): void {
  const place = found.wantedKeys.indexOf(key);
  if (place < 0) {
    found.wantedKeys.push(key);
    found.wantedUnits.push(units);
  } else found.wantedUnits[place] = Math.min(found.wantedUnits[place] ?? units, units);
}

function conclude(question: Question): void {
  const { found, gravest } = question;
  if (gravest === null) return;
  // Nothing is asked for a deployment that another limit closes anyway.
  if (gravity[gravest] > gravity["lease-asked"]) {
    found.wantedKeys.length = question.asked;
    found.wantedUnits.length = question.asked;
  }
  if (gravest === "limit-in-flight") found.full = true;
  const until = question.until > 0 ? instantAt(question.until) : never;
  if (found.refusal !== null && until >= found.refusedUntil && gravity[gravest] >= gravity[found.refusal]) return;
  found.refusal = gravest;
  found.refusedUntil = until;
}
