/**
 * Requests started lately, per endpoint: each counts 1 when it starts and fades with a time constant of a minute. Kept by forward decay: a start adds exp(age of the
 * scale / tau) instead of everything else being multiplied down, so that counts of one instant compare as they are, and reading them costs nothing. Before the scale
 * grows beyond e^30 all counts are brought back to it.
 */
import { exp } from "../numeric.ts";
import type { EndpointId } from "../messages.ts";
import type { RouterState } from "../state.ts";

const recentTauUs = 60_000_000;
const scaleMax = 30;
/** Beyond it e^age is no number any more; whatever was counted so long ago is nothing either way. */
const ageMax = 700;

/** What a request that starts now weighs; divide a count by it to have requests. */
export function recentWeight(state: RouterState): number {
  return exp(Math.min(ageOf(state), ageMax));
}

/** A request starts. */
export function countRecent(state: RouterState, id: EndpointId): void {
  if (ageOf(state) > scaleMax) rescale(state);
  state.recent[id] = (state.recent[id] ?? 0) + recentWeight(state);
}

function rescale(state: RouterState): void {
  const shrink = exp(-ageOf(state));
  for (const [id, count] of state.recent.entries()) state.recent[id] = count * shrink;
  state.recentSince = state.now;
}

function ageOf(state: RouterState): number {
  return (state.now - state.recentSince) / recentTauUs;
}
