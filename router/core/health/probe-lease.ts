/**
 * The probes of a half-open breaker as a lease of the whole fleet (`breaker.shared`): over any `open` time at most `probes` probes start at an endpoint that keeps failing,
 * however many replicas there are, not `probes` for each.
 *
 * Who half-opens asks the store for the endpoint's probes, all of them or none. One replica at a time has them, for `open` at most: it probes, and gives them back when its
 * breaker closes; when a probe fails they stay taken until their time is over, so that nobody else tries in vain. Who is denied lets nothing through until the holder's time is
 * over; the next request that could go there then asks again; where replicas tell each other what they find, it closes or opens with the holder. Where the store is lost, or has not answered after a second, a replica
 * probes on its own, one at a time: so many probes more as there are replicas that are cut off. A replica that has crashed counts as one more.
 */
import type { Duration, Instant } from "../machine.ts";
import { after, never, seconds, startOfTime } from "../time.ts";

export interface ProbeLease {
  /** `free`: nothing is to be asked. `alone`: the store says nothing. `lapsed`: the next request that could use it asks anew. */
  state: "free" | "asked" | "held" | "denied" | "alone" | "lapsed";
  /** Of the question, and of what it was granted. */
  nonce: number;
  /** When something else is to be done; Infinity: never. */
  until: Instant;
}

export const askPatience: Duration = seconds(1);

export function noProbeLease(): ProbeLease {
  return { state: "free", nonce: -1, until: never };
}

export function mayProbe({ state }: ProbeLease, probing: number): boolean {
  return state === "free" || state === "held" || (state === "alone" && probing === 0);
}

/** What the store keeps of one endpoint. */
export interface ProbeBook {
  holder: number;
  nonce: number;
  until: Instant;
}

export interface ProbeAnswer {
  readonly granted: boolean;
  /** Of the lease, or of its denial. */
  readonly until: Instant;
}

export function openProbeBook(): ProbeBook {
  return { holder: -1, nonce: -1, until: startOfTime };
}

/** The same question again gets the same answer. */
export function askProbes(book: ProbeBook, holder: number, nonce: number, open: Duration, now: Instant): ProbeAnswer {
  const again = book.holder === holder && book.nonce === nonce;
  if (!again && book.until > now && book.holder !== holder) return { granted: false, until: book.until };
  if (!again) Object.assign(book, { holder, nonce, until: after(now, open) });
  return { granted: book.until > now, until: book.until };
}

export function returnProbes(book: ProbeBook, holder: number, nonce: number, now: Instant): void {
  if (book.holder === holder && book.nonce === nonce && book.until > now) book.until = now;
}
