/** The one place where strategies learn: from attempts that start, have their first token and end, and from signals. */
import { missing } from "../assert.ts";
import type { BreakerVerdict } from "../health/breaker.ts";
import { sketchHears } from "../estimate/quantile-sketch.ts";
import { learnHigh } from "../limit/output-estimate.ts";
import type { Duration, Instant } from "../machine.ts";
import type { AttemptOutcome, EndpointId, EndpointLoad, RouteRequest } from "../messages.ts";
import type { AttemptSlot, RouterState, RouteState } from "../state.ts";
import { between } from "../time.ts";
import { countSignal, countStart } from "./recent-load.ts";
import { type LearnedEndpoint, type LearnedRoute, minuteOf, notePeak } from "./learned.ts";

/** Weight of the newest sample in means over requests. */
const newestWeight = 0.05;

export function learnStart(state: RouterState, route: RouteState, request: RouteRequest, attempt: AttemptSlot): void {
  const { learned } = state.endpoints[attempt.endpoint] ?? missing("the endpoint's state");
  const minute = minuteOf(state.now);
  if (learned.minute !== minute) {
    learned.minute = minute;
    learned.requests = 0;
    learned.tokens = 0;
  }
  attempt.expectedTokens = request.inputTokens + expectedOutput(route.learned, request);
  learned.requests += 1;
  countStart(state, attempt.endpoint);
  learned.tokens += attempt.expectedTokens;
}

export function learnFirstToken(learned: LearnedEndpoint, waited: Duration, now: Instant): void {
  notePeak(learned.firstToken, waited, now);
  learned.firstTokens += 1;
  learned.waitedUs += waited;
}

export function learnEnd(
  state: RouterState,
  route: RouteState,
  request: RouteRequest,
  attempt: AttemptSlot,
  outcome: AttemptOutcome,
  verdict: BreakerVerdict,
): void {
  const { learned } = state.endpoints[attempt.endpoint] ?? missing("the endpoint's state");
  const waited = between(attempt.startedAt, state.now);
  // What a stream that has begun takes depends on what it says.
  if (!outcome.lagged && !(request.stream && attempt.committed)) learnTime(learned, request.stream, waited, attempt, outcome, state.now);
  if (outcome.kind === "succeeded" && attempt.aborted === null) sketchHears(route.totalTimes, waited);
  if (verdict !== "says-nothing") learned.ended += 1;
  if (verdict === "failure") learned.faults += 1;
  const { usage } = outcome;
  if (usage === null) return;
  if (learned.minute === minuteOf(attempt.startedAt)) learned.tokens = Math.max(0, learned.tokens + usage.input + usage.output - attempt.expectedTokens);
  if (outcome.kind !== "succeeded") return;
  if (usage.input > 0) learned.cachedShare += newestWeight * (usage.cachedRead / usage.input - learned.cachedShare);
  learnHigh(route.output, usage.output);
  const { learned: mean } = route;
  mean.outputTokens += (mean.outputTokens === 0 ? 1 : newestWeight) * (usage.output - mean.outputTokens);
}

/** A plain answer's time, or the time that was waited in vain: a failure that comes fast is not a fast endpoint. */
function learnTime(learned: LearnedEndpoint, stream: boolean, waited: Duration, attempt: AttemptSlot, outcome: AttemptOutcome, now: Instant): void {
  const timedOut = attempt.timeout !== null || outcome.failure === "timed-out-idle";
  if (timedOut || (!stream && outcome.kind === "succeeded")) notePeak(stream ? learned.firstToken : learned.wholeAnswer, waited, now);
}

/** Tokens: the mean of the route, never above the caller's cap; the cap itself before anything is known. */
export function expectedOutput(route: LearnedRoute, request: RouteRequest): number {
  if (route.outputTokens === 0) return request.outputTokensMax;
  return Math.min(request.outputTokensMax, Math.ceil(route.outputTokens));
}

/** A signal counts all callers of the endpoint; this replica's own part is known better here, so only the rest is kept. */
export function learnSignal(state: RouterState, id: EndpointId, signals: EndpointLoad, sampledAt: Instant): void {
  const endpoint = state.endpoints[id];
  // Asked before it was there.
  if (endpoint === undefined) return;
  const { learned } = endpoint;
  if (sampledAt < learned.sampledAt) return;
  const signalled = signals.running + signals.waiting;
  countSignal(state, endpoint.inFlight, signalled);
  learned.others = Math.max(0, signalled - endpoint.inFlight);
  learned.kvUsed = signals.kvUsed;
  learned.sampledAt = sampledAt;
}
