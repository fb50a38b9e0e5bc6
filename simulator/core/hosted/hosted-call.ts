import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { Usage } from "../../../router/core/messages.ts";

/**
 * A call's work is measured in microseconds at full speed: token k is due at `first + k x perToken` of work. A slowdown changes the pace from its instant on;
 * instants are found from the same work whether every token is told or only the first, so both end calls alike.
 */
export interface HostedCall {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** `cut`: its connection breaks after the last of them. */
  readonly ends: "stop" | "length" | "cut";
  /** Microseconds of work. */
  readonly first: Duration;
  readonly perToken: Duration;
  emitted: number;
  /** Work done at `pacedAt`; from then on one microsecond of work takes the provider's slowdown. */
  worked: number;
  pacedAt: Instant;
}

/** @param token from 0 */
export function tokenDueAt(call: HostedCall, token: number, slowdown: number): Instant {
  const work = call.first + token * call.perToken - call.worked;
  return (call.pacedAt + Math.max(0, Math.ceil(work * slowdown))) as Instant;
}

/** Tokens that left before `now`, whether or not they were reported. */
export function tokensBefore(call: HostedCall, now: Instant, slowdown: number): number {
  const worked = call.worked + (now - call.pacedAt) / slowdown;
  let tokens = Math.max(0, Math.min(call.outputTokens, Math.floor((worked - call.first) / call.perToken)));
  while (tokens < call.outputTokens && tokenDueAt(call, tokens, slowdown) < now) tokens += 1;
  return tokens;
}

export function changePace(call: HostedCall, now: Instant, slowdownBefore: number): void {
  call.worked += (now - call.pacedAt) / slowdownBefore;
  call.pacedAt = now;
}

/** A prompt is billed with its first token. */
export function usageOf(call: HostedCall, output: number): Usage {
  return { input: output === 0 ? 0 : call.inputTokens, cachedRead: 0, cacheWrite: 0, output, reasoning: 0 };
}
