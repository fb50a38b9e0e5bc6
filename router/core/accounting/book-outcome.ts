import { broken, missing } from "../assert.ts";
import type { View } from "../core.ts";
import { breakerEnds, type BreakerVerdict } from "../health/breaker.ts";
import type { AttemptOutcome, DeploymentId } from "../messages.ts";
import { coolDefault, meaningOf } from "../retry.ts";
import type { AttemptSlot, RequestSlot, RouterState } from "../state.ts";
import { after } from "../time.ts";
import { countVolume, ratesFor } from "./price-now.ts";
import { addUsage, costOf, type Spent, spentWith } from "./ledger.ts";

/** The one place where an endpoint's slot, money, the breaker's verdict and cooling are booked: when the attempt's only outcome comes in. @returns what it cost, pico-dollars; null: nothing, or not known */
export function bookOutcome(
  view: View,
  state: RouterState,
  slot: RequestSlot,
  attempt: AttemptSlot,
  outcome: AttemptOutcome,
  verdict: BreakerVerdict,
): number | null {
  const endpoint = state.endpoints[attempt.endpoint] ?? missing("the endpoint's state");
  const deployment = view.deploymentAt[attempt.endpoint] ?? missing("the endpoint's deployment");
  endpoint.inFlight -= 1;
  if (endpoint.inFlight < 0) broken("an endpoint has fewer than no attempts in flight");
  const cost = bookUsage(state, deployment.id, slot, attempt, outcome);
  if (outcome.kind === "succeeded") endpoint.answered = true;
  breakerEnds(endpoint.breaker, deployment.breaker, attempt, verdict, state.now);
  if (outcome.failure === "rate-limited" || outcome.failure === "draining") {
    const until = after(state.now, outcome.retryAfter ?? coolDefault);
    if (until > endpoint.coolUntil && until > state.now) endpoint.coolUntil = until;
  }
  return cost;
}

/** @returns what it cost; null: nothing, or not known */
function bookUsage(state: RouterState, deployment: DeploymentId, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome): number | null {
  const total = state.ledger[deployment] ?? missing("the deployment's total");
  total.attempts += 1;
  const { usage, billed } = outcome;
  if (usage === null || billed === "no") return null;
  const rates = ratesFor(attempt.card, usage.tier ?? attempt.tier);
  const cost = rates === null ? null : costOf(usage, rates, slot.request.pictures);
  addUsage(total, usage, cost, isEstimated(outcome));
  countVolume(state.volumes, deployment, usage);
  return cost;
}

/** What the request has spent, this attempt included. @param cost what `bookOutcome` returned */
export function spentAfter({ spent }: RequestSlot, outcome: AttemptOutcome, cost: number | null): Spent {
  const { usage, billed } = outcome;
  return usage === null || billed === "no" ? spent : spentWith(spent, usage, cost, isEstimated(outcome));
}

function isEstimated({ usageEstimated, billed }: AttemptOutcome): boolean {
  return usageEstimated || billed === "maybe";
}

export function verdictOn(attempt: AttemptSlot, outcome: AttemptOutcome): BreakerVerdict {
  if (outcome.lagged) return "says-nothing";
  if (attempt.timeout !== null) return meaningOf(attempt.timeout).verdict;
  if (attempt.aborted !== null) return "says-nothing";
  if (outcome.kind === "succeeded") return "success";
  return outcome.failure === null ? "says-nothing" : meaningOf(outcome.failure).verdict;
}
