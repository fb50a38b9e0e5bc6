import { assert, present } from "../assert.ts";
import type { CompiledConfig } from "../compiled-config.ts";
import { breakerEnds, type BreakerVerdict } from "../health/breaker.ts";
import type { AttemptOutcome } from "../messages.ts";
import { coolDefault, meaningOf } from "../retry.ts";
import type { AttemptSlot, RequestSlot, RouterState } from "../state.ts";
import { after } from "../time.ts";
import { countVolume, ratesFor } from "./price-now.ts";
import { addUsage, costOf, sumOfUsage } from "./ledger.ts";

/** The one place where an endpoint's slot, money, the breaker's verdict and cooling are booked: when the attempt's only outcome comes in. @returns what it cost, pico-dollars; null: nothing, or not known */
export function bookOutcome(config: CompiledConfig, state: RouterState, slot: RequestSlot, attempt: AttemptSlot, outcome: AttemptOutcome): number | null {
  const endpoint = present(state.endpoints[attempt.endpoint], "the endpoint's state");
  const deployment = present(config.deployments[present(config.endpoints[attempt.endpoint], "the endpoint").deployment], "its deployment");
  endpoint.inFlight -= 1;
  assert(endpoint.inFlight >= 0, "an endpoint has fewer than no attempts in flight");
  const total = present(state.ledger[deployment.id], "the deployment's total");
  total.attempts += 1;
  const { usage } = outcome;
  let cost: number | null = null;
  if (usage !== null && outcome.billed !== "no") {
    const rates = ratesFor(attempt.card, usage.tier ?? attempt.tier);
    cost = rates === null ? null : costOf(usage, rates, slot.request.pictures);
    const estimated = outcome.usageEstimated || outcome.billed === "maybe";
    addUsage(total, usage, cost, estimated);
    countVolume(state.volumes, deployment.id, usage);
    slot.picoDollars += cost ?? 0;
    slot.priced &&= cost !== null;
    slot.estimated ||= estimated;
    slot.usage = sumOfUsage(slot.usage, usage);
  }
  if (outcome.kind === "succeeded") endpoint.health.answered = true;
  breakerEnds(endpoint.breaker, deployment.breaker, attempt, verdictOn(attempt, outcome), state.now);
  if (outcome.failure === "rate-limited" || outcome.failure === "draining") {
    const until = after(state.now, outcome.retryAfter ?? coolDefault);
    if (until > endpoint.coolUntil && until > state.now) endpoint.coolUntil = until;
  }
  return cost;
}

export function verdictOn(attempt: AttemptSlot, outcome: AttemptOutcome): BreakerVerdict {
  if (outcome.lagged) return "says-nothing";
  if (attempt.timeout !== null) return meaningOf(attempt.timeout).verdict;
  if (attempt.aborted !== null) return "says-nothing";
  if (outcome.kind === "succeeded") return "success";
  return outcome.failure === null ? "says-nothing" : meaningOf(outcome.failure).verdict;
}
