import { missing } from "./assert.ts";
import { type Candidates, findCandidates } from "./candidates.ts";
import type { RouteSpec } from "./compiled-config.ts";
import type { Way } from "./core.ts";
import type { Duration, Instant } from "./machine.ts";
import type { EndpointId, ExclusionReason, LimitRefusal, RejectReason, RouteRequest } from "./messages.ts";
import type { RequestSlot, RouterState } from "./state.ts";
import type { Choice } from "./strategy/choice.ts";
import { strategies, strategyOf } from "./strategy/strategy.ts";
import { after, between, earlier, never } from "./time.ts";

/** Where it goes now, or what else becomes of it. */
export type Decision =
  | EndpointId
  /** A place may come free in time. */
  | { readonly kind: "wait"; readonly until: Instant }
  | { readonly kind: "reject"; readonly why: RejectReason; readonly retryAfter: Duration | null };

/** Filter, pick; where nothing can be picked, whether waiting has a chance. `found` is left filled, for the explanation. */
export function decide(state: RouterState, { route, view: { found, config } }: Way, slot: RequestSlot): Decision {
  findCandidates(found, state, route, slot);
  const { request } = slot;
  const { eligible, tied, busy, loads, hashes } = found;
  if (eligible.count === 0) return waitOrReject(found, state, route, request);
  const strategy = strategies[strategyOf(route, request)];
  const turns = found.turns[route.id] ?? missing("the route's turns");
  const choice: Choice = { config, state, route, request, eligible, tied, busy, loads, turns, hashes };
  if (found.scores !== null) strategy.judge(choice, found.scores);
  return strategy.pick(choice);
}

function waitOrReject(found: Candidates, state: RouterState, route: RouteSpec, { deadline }: RouteRequest): Exclude<Decision, EndpointId> {
  const until = earlier(after(state.now, route.queue.wait), deadline);
  const opensInTime = found.reopensAt < until;
  if (until > state.now && (found.full || opensInTime || found.wantedKeys.length > 0)) return { kind: "wait", until };
  const opensAt = earlier(found.reopensAt, found.refusal === null ? never : found.refusedUntil);
  const retryAfter = opensAt === never ? null : between(state.now, opensAt);
  const why = found.refusal === null || found.refusal === "price-unknown" ? whyNone(found) : rejectionOf(found.refusal);
  return { kind: "reject", why, retryAfter };
}

/**
 * What no time puts right, and what the caller is told where it is true of all: what is the caller's to change comes first, its floor before its money and its prompt. Tags and
 * residency say which deployments are meant at all: they are told where none is left, and the tags first, which are the easier to change. What cannot serve the request at all
 * has no part in it.
 */
const lasting: readonly (readonly [ExclusionReason, RejectReason])[] = [
  ["too-plain", "too-plain"],
  ["too-dear", "too-dear"],
  ["context-too-small", "too-long"],
  ["price-unknown", "price-unknown"],
  ["tags", "tags-unmet"],
  ["residency", "residency-unmet"],
];

function whyNone({ excluded, reasons }: Candidates): RejectReason {
  let first = lasting.length;
  for (let index = 0; index < excluded.count; index += 1) {
    if (reasons[index] === "barred") continue;
    const place = lasting.findIndex(([reason]) => reason === reasons[index]);
    if (place === -1) return "no-candidate";
    first = Math.min(first, place);
  }
  return lasting[first]?.[1] ?? "no-candidate";
}

function rejectionOf(refusal: Exclude<LimitRefusal, "price-unknown">): RejectReason {
  switch (refusal) {
    case "rate-limited":
    case "limit-in-flight":
      return "rate-limited";
    case "budget-spent":
    case "budget-mode":
      return "budget-spent";
    case "lease-asked":
    case "limits-unknown":
      return "limits-unknown";
  }
}
