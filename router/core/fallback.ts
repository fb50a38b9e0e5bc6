/**
 * Where a request goes when its route has failed it: to another route, by cause, and through the same placement as any request there, so that limits, budgets, context,
 * tags, residency and breakers are asked again. No route is visited twice, and there are at most `hopsMax` of them. Attempts are counted through: a hop grants one more
 * than the route's own, never a fresh set, and after a failure it is paid for out of the retry budgets. A prompt that fits nowhere in the route has its own list and then the general one; so has a
 * spent budget; what a content filter refused goes only where the route's owner has said so.
 */
import type { CompiledConfig, FallbackCause, FallbackSpec } from "./compiled-config.ts";
import type { FailureKind, RejectReason, RouteId } from "./messages.ts";
import type { RequestSlot } from "./state.ts";

/** Null: nowhere else would it do better. */
const causesOfFailures: Readonly<Record<FailureKind, FallbackCause | null>> = {
  "bad-request": null,
  "context-exceeded": "contextWindow",
  "content-filtered": "contentPolicy",
  "rate-limited": "general",
  overloaded: "general",
  draining: "general",
  "server-error": "general",
  "connect-failed": "general",
  cut: "general",
  "timed-out-first-token": "general",
  "timed-out-idle": "general",
  "timed-out-total": "general",
  unauthorised: "general",
  "not-found": "general",
};
const causesOfRejections: Readonly<Record<RejectReason, FallbackCause | null>> = {
  "no-candidate": "general",
  "too-long": "contextWindow",
  "too-dear": "budget",
  "too-plain": "general",
  "price-unknown": "general",
  "tags-unmet": "general",
  "residency-unmet": "general",
  "queue-full": "general",
  "deadline-unreachable": "general",
  "deadline-passed": null,
  "rate-limited": "general",
  "budget-spent": "budget",
  "limits-unknown": "general",
  draining: null,
};

export const causeOfFailure = (failure: FailureKind): FallbackCause | null => causesOfFailures[failure];
export const causeOfRejection = (why: RejectReason): FallbackCause | null => causesOfRejections[why];

/** The next route not yet visited: of the list of the route it is at, then of those it came from. */
export function nextHop(config: CompiledConfig, slot: RequestSlot, cause: FallbackCause): RouteId | null {
  const { path } = slot;
  const first = config.routes[path[0] ?? -1];
  if (first === undefined || path.length > first.fallbacks.hopsMax) return null;
  for (let place = path.length - 1; place >= 0; place -= 1) {
    const fallbacks = config.routes[path[place] ?? -1]?.fallbacks;
    if (fallbacks === undefined) continue;
    const next = unvisited(fallbacks, cause, path);
    if (next !== null) return next;
  }
  return null;
}

function unvisited(fallbacks: FallbackSpec, cause: FallbackCause, path: readonly RouteId[]): RouteId | null {
  for (const route of fallbacks[cause]) if (!path.includes(route)) return route;
  return cause === "contextWindow" || cause === "budget" ? unvisited(fallbacks, "general", path) : null;
}
