import type { RouteSpec } from "../compiled-config.ts";
import type { Instant } from "../machine.ts";
import type { FailureKind, RouteRequest } from "../messages.ts";
import type { AttemptSlot } from "../state.ts";
import { after, earlier } from "../time.ts";

/** When the attempt is given up. A stream has to show its first token in time; a plain answer has only its end. */
export function attemptDeadline(route: RouteSpec, request: RouteRequest, attempt: AttemptSlot): Instant {
  const { firstToken, total } = route.limits;
  const longest = request.stream && !attempt.committed && firstToken < total ? firstToken : total;
  return earlier(after(attempt.startedAt, longest), request.deadline);
}

/** Which of the route's limits has been reached at `now`; null: only the caller's deadline. */
export function limitReached(route: RouteSpec, request: RouteRequest, attempt: AttemptSlot, now: Instant): FailureKind | null {
  const waited = now - attempt.startedAt;
  if (request.stream && !attempt.committed && waited >= route.limits.firstToken) return "timed-out-first-token";
  return waited >= route.limits.total ? "timed-out-total" : null;
}
