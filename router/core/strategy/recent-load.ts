/**
 * Requests started lately, per endpoint: how many in about the last minute. Two counts per endpoint, of this minute and of the one before, of which that part counts that
 * is not yet a minute ago as if its requests had come evenly. Nothing has to be done for time to pass, and reading changes nothing.
 *
 * And whether these are all the requests that the endpoints have: of the requests that endpoints have signalled, which part was this replica's. Both sums fade with the
 * signals. Their age does not matter, since how many requests there are in all changes slowly. Without signals, nothing is known of others.
 */
import type { EndpointId } from "../messages.ts";
import type { RouterState } from "../state.ts";

export interface RecentStarts {
  /** Which minute `current` counts; -1 before the first. */
  minute: number;
  /** By EndpointId. */
  readonly current: number[];
  readonly before: number[];
  /** Requests in flight over the last signals: this replica's own, and as signalled. */
  own: number;
  signalled: number;
}

/** What a request of each of the two counts is worth now. */
export interface RecentWeights {
  readonly current: number;
  readonly before: number;
}

const minuteUs = 60_000_000;
/** What a signal keeps of those before it: 500 signals count. */
const fading = 0.998;
/** Less than this part of the requests, and there are others. */
const partMin = 0.75;
/** Fewer requests than this say nothing. */
const signalledMin = 50;

export function noStarts(endpoints: number): RecentStarts {
  return { minute: -1, current: Array.from({ length: endpoints }, () => 0), before: Array.from({ length: endpoints }, () => 0), own: 0, signalled: 0 };
}

/** A newcomer in a slot that another may have had. */
export function beginStarts(recent: RecentStarts, id: EndpointId): void {
  recent.current[id] = 0;
  recent.before[id] = 0;
}

export function countStart({ recent, now }: RouterState, id: EndpointId): void {
  const minute = Math.floor(now / minuteUs);
  if (minute !== recent.minute) turnTo(recent, minute);
  recent.current[id] = (recent.current[id] ?? 0) + 1;
}

function turnTo(recent: RecentStarts, minute: number): void {
  const follows = minute === recent.minute + 1;
  for (let id = 0; id < recent.current.length; id += 1) {
    recent.before[id] = follows ? (recent.current[id] as number) : 0;
    recent.current[id] = 0;
  }
  recent.minute = minute;
}

export function recentWeights({ recent, now }: RouterState): RecentWeights {
  const since = now / minuteUs - recent.minute;
  if (since < 1) return { current: 1, before: 1 - since };
  return { current: Math.max(0, 2 - since), before: 0 };
}

export function recentStarts({ recent }: RouterState, id: EndpointId, weights: RecentWeights): number {
  return (recent.current[id] ?? 0) * weights.current + (recent.before[id] ?? 0) * weights.before;
}

export function countSignal({ recent }: RouterState, own: number, signalled: number): void {
  recent.own = recent.own * fading + own;
  recent.signalled = recent.signalled * fading + signalled;
}

export function seesAll({ recent }: RouterState): boolean {
  return recent.signalled < signalledMin || recent.own >= partMin * recent.signalled;
}
