/**
 * I7 over a fleet whose replicas share the probes of a half-open breaker: nobody probes while the store has given them to another; no two replicas hold them at once; who has
 * no answer yet waits a second before it probes on its own, and then has one probe at a time.
 */
import { present } from "../../../router/core/assert.ts";
import { askPatience } from "../../../router/core/health/probe-lease.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type { AttemptId, BreakerPhase, EndpointId, RouterCommand, RouterEvent } from "../../../router/core/messages.ts";
import { after, never, startOfTime } from "../../../router/core/time.ts";
import type { Violation } from "./violation.ts";

interface SeenBreaker {
  phase: BreakerPhase;
  /** Of the question that was put last; null: no answer yet. */
  nonce: number;
  granted: boolean | null;
  until: Instant;
  askedAt: Instant;
  readonly probing: Set<AttemptId>;
}

function newSeen(): SeenBreaker {
  return { phase: "closed", nonce: -1, granted: null, until: startOfTime, askedAt: never, probing: new Set() };
}

export class ProbeInvariant {
  /** By replica and EndpointId. */
  readonly #seen: SeenBreaker[][];
  /** By replica: since the store is known to be lost; Infinity: it is not. */
  readonly #lostSince: Instant[];
  readonly violations: Violation[] = [];

  constructor(replicas: number) {
    this.#seen = Array.from({ length: replicas }, () => []);
    this.#lostSince = Array.from({ length: replicas }, () => never);
  }

  crashed(replica: number): void {
    this.#seen[replica] = [];
    this.#lostSince[replica] = never;
  }

  event(event: RouterEvent, now: Instant, replica: number): void {
    if (event.kind === "store-lost") this.#lostSince[replica] = now;
    else if (event.kind === "store-back") this.#lostSince[replica] = never;
    else if (event.kind === "attempt-ended" || event.kind === "attempt-first-token")
      for (const seen of this.#of(replica)) (seen as SeenBreaker | undefined)?.probing.delete(event.attempt);
    else if (event.kind === "probes-answered") this.#answered(event, now, replica);
  }

  #answered({ endpoint, nonce, granted, until }: Extract<RouterEvent, { kind: "probes-answered" }>, now: Instant, replica: number): void {
    const own = this.#breaker(replica, endpoint);
    if (own.nonce !== nonce || own.phase !== "half-open") return;
    own.granted = granted;
    own.until = until;
    if (!granted) return;
    for (const [other] of this.#seen.entries()) {
      const theirs = this.#breaker(other, endpoint);
      if (other !== replica && theirs.phase === "half-open" && theirs.granted === true && theirs.until > now)
        this.#violate(now, `replicas ${replica} and ${other} both hold the probes of endpoint ${endpoint}`);
    }
  }

  command(command: RouterCommand, at: Instant, replica: number): void {
    if (command.kind === "breaker-changed") {
      const own = this.#breaker(replica, command.endpoint);
      Object.assign(own, { phase: command.to, nonce: -1, granted: null, until: startOfTime, askedAt: never });
      own.probing.clear();
    } else if (command.kind === "ask-probes") {
      Object.assign(this.#breaker(replica, command.endpoint), { nonce: command.nonce, granted: null, until: startOfTime, askedAt: at });
    } else if (command.kind === "forget-endpoint") this.#of(replica)[command.endpoint] = newSeen();
    else if (command.kind === "start-attempt")
      this.#started(command.attempt, this.#breaker(replica, command.endpoint), { endpoint: command.endpoint, at, replica });
  }

  #started(
    attempt: AttemptId,
    own: SeenBreaker,
    { endpoint, at, replica }: { readonly endpoint: EndpointId; readonly at: Instant; readonly replica: number },
  ): void {
    // Nothing was asked for: they are not shared, or the store is known to be lost.
    if (own.phase !== "half-open" || own.askedAt === never) return;
    const cutOff = own.granted === null && at >= after(own.askedAt, askPatience);
    if (own.granted === false && at < own.until) this.#violate(at, `replica ${replica} probes endpoint ${endpoint}, whose probes another has`);
    if (own.granted === null && !cutOff) this.#violate(at, `replica ${replica} probes endpoint ${endpoint} without having been answered`);
    if (cutOff && own.probing.size > 0) this.#violate(at, `replica ${replica} has two probes at endpoint ${endpoint} without having been answered`);
    own.probing.add(attempt);
  }

  #breaker(replica: number, endpoint: EndpointId): SeenBreaker {
    return (this.#of(replica)[endpoint] ??= newSeen());
  }

  #of(replica: number): SeenBreaker[] {
    return present(this.#seen[replica], "the replica");
  }

  #violate(at: Instant, what: string): void {
    if (this.violations.length < 20) this.violations.push({ invariant: "I7", at, what });
  }
}
