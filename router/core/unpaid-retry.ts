/**
 * How long a retry waits that would go somewhere healthy and cannot be paid for yet. Many attempts fail at once where an endpoint dies or hangs; their retries are paid for one by
 * one, as the others' answers come in (retry-budget.ts). It asks again every 50 ms for a second. Then every 250 ms, as long as something is under way at an endpoint that it
 * would go to: that is answered, and pays, or fails, and then there is nowhere to go. Never for longer than an attempt of its own might have gone without an answer.
 */
import type { Candidates } from "./candidates.ts";
import type { CompiledConfig, RouteSpec } from "./compiled-config.ts";
import type { Duration } from "./machine.ts";
import type { FailureKind } from "./messages.ts";
import { hasHope } from "./retry-wait.ts";
import type { RequestSlot, RouterState, UnpaidRetry } from "./state.ts";
import { between, millis } from "./time.ts";

const asksAtFirst = 20;
const askAtFirstAfter = millis(50);
const askLaterAfter = millis(250);

/** @param found what it could go to, of whichever route that is @returns null: it is given up */
export function nextAsk(config: CompiledConfig, found: Candidates, state: RouterState, route: RouteSpec, slot: RequestSlot): Duration | null {
  if (!answersPay(config, route)) return null;
  const { asked, since } = slot.unpaid ?? { asked: 0, since: state.now };
  if (asked < asksAtFirst) return askAtFirstAfter;
  const longest = slot.request.stream ? route.limits.firstToken : route.limits.total;
  return between(since, state.now) < longest && hasHope(found, state, slot, true) ? askLaterAfter : null;
}

export function askedOnce(state: RouterState, slot: RequestSlot, failure: FailureKind, retryAfter: Duration | null): UnpaidRetry {
  const { asked, since } = slot.unpaid ?? { asked: 0, since: state.now };
  return { failure, retryAfter, asked: asked + 1, since };
}

/** Without a floor only requests pay, and those that have come already have not. */
function answersPay({ retryBudget }: CompiledConfig, { retry }: RouteSpec): boolean {
  return retry.budgetFloorPerSecond > 0 && retryBudget.budgetFloorPerSecond > 0;
}
