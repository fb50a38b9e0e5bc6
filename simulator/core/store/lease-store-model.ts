/**
 * A store of leases that replicas share, as they see it: every message takes its time (log-normal, one draw per message), a question or its answer may be lost, and
 * in an outage (for everybody) or a partition (for one replica) nothing passes. A settlement is sent again until it arrives, as a connection that is mended does;
 * a question is not: the replica asks again. Messages of one replica arrive in the order they were sent in. How leases are granted is the service's own rule (LeaseBook).
 */
import { present } from "../../../router/core/assert.ts";
import type { LimitSpec } from "../../../router/core/compiled-config.ts";
import { amendBook, askBook, type LeaseBook, openBook, settleBook, startBookPeriod } from "../../../router/core/limit/lease-book.ts";
import { askProbes, openProbeBook, type ProbeAnswer, type ProbeBook, returnProbes } from "../../../router/core/health/probe-lease.ts";
import type { Duration, Instant, Machine, Out } from "../../../router/core/machine.ts";
import type { EndpointId, LeaseKey } from "../../../router/core/messages.ts";
import { keyedUnit, purposeOf } from "../../../router/core/random.ts";
import { after, instantAt, later, never, startOfTime } from "../../../router/core/time.ts";
import type { LeaseStoreSpec } from "./lease-store-spec.ts";
import { drawLatency, type LogNormal, logNormalOf } from "../hosted/log-normal.ts";

export type StoreEvent =
  | { readonly kind: "lease-asked"; readonly replica: number; readonly lease: LeaseKey; readonly nonce: number; readonly units: number }
  | { readonly kind: "lease-returned"; readonly replica: number; readonly lease: LeaseKey; readonly nonce: number; readonly used: number }
  | { readonly kind: "probes-asked"; readonly replica: number; readonly endpoint: EndpointId; readonly nonce: number; readonly open: Duration }
  | { readonly kind: "probes-returned"; readonly replica: number; readonly endpoint: EndpointId; readonly nonce: number }
  | { readonly kind: "period-began"; readonly lease: LeaseKey; readonly endsAt: Instant }
  /** Other amounts, and limits that are new; one that is gone keeps its book. */
  | { readonly kind: "limits-amended"; readonly limits: readonly LimitSpec[] };

export type StoreCommand = LeaseAnswered | ProbesAnswered;

interface ProbesAnswered extends ProbeAnswer {
  readonly kind: "probes-answered";
  readonly replica: number;
  readonly endpoint: EndpointId;
  readonly nonce: number;
}

interface LeaseAnswered {
  readonly kind: "lease-answered";
  readonly replica: number;
  readonly lease: LeaseKey;
  readonly nonce: number;
  readonly units: number;
  readonly until: Instant;
  readonly settled: number;
}

type Message = Exclude<StoreEvent, { kind: "period-began" | "limits-amended" }> | StoreCommand;

interface UnderWay {
  readonly at: Instant;
  readonly message: Message;
}

const latencyOfMessage = purposeOf("lease-store-latency");
const lossOfMessage = purposeOf("lease-store-loss");

export class LeaseStoreModel implements Machine<StoreEvent, StoreCommand> {
  readonly #spec: LeaseStoreSpec;
  readonly #latency: LogNormal;
  readonly #seed: number;
  readonly #replicas: number;
  readonly #books: LeaseBook[];
  /** By EndpointId. */
  readonly #probes: ProbeBook[] = [];
  /** In order of arrival; of one instant, of sending. */
  readonly #underWay: UnderWay[] = [];
  /** By replica: no message arrives before the one that was sent before it; to the store, and from it. */
  readonly #lastTo: Instant[];
  readonly #lastFrom: Instant[];
  #sent = 0;

  constructor(limits: readonly LimitSpec[], spec: LeaseStoreSpec, options: { readonly seed: number; readonly replicas: number }) {
    this.#spec = spec;
    this.#latency = logNormalOf(spec.latency);
    this.#seed = options.seed;
    this.#replicas = options.replicas;
    this.#books = limits.map((limit) => openBook(limit, startOfTime));
    this.#lastTo = Array.from({ length: options.replicas }, () => startOfTime);
    this.#lastFrom = Array.from({ length: options.replicas }, () => startOfTime);
  }

  /** By LeaseKey. For figures and checks, never for decisions. */
  get books(): readonly LeaseBook[] {
    return this.#books;
  }

  nextDeadline(): Instant {
    return this.#underWay[0]?.at ?? never;
  }

  handle(event: StoreEvent, now: Instant, out: Out<StoreCommand>): void {
    while (this.nextDeadline() < now) this.#arrive(out);
    if (event.kind === "period-began") startBookPeriod(this.#book(event.lease), event.endsAt);
    else if (event.kind === "limits-amended") for (const limit of event.limits) amendBook(this.#books, limit, now);
    else this.#send(event, this.#lastTo, now);
  }

  wake(now: Instant, out: Out<StoreCommand>): void {
    while (this.nextDeadline() <= now) this.#arrive(out);
  }

  #book(lease: LeaseKey): LeaseBook {
    return present(this.#books[lease], "the limit's book");
  }

  #send(message: Message, last: Instant[], now: Instant): void {
    const { replica } = message;
    this.#sent += 1;
    const took = drawLatency(this.#latency, this.#seed, latencyOfMessage, this.#sent, 0);
    let at = later(after(now, took), present(last[replica], "the replica's link"));
    const mended = this.#cutUntil(replica, at);
    if (message.kind === "lease-returned" || message.kind === "probes-returned") at = later(at, mended);
    else if (mended > at || keyedUnit(this.#seed, lossOfMessage, this.#sent, 0) < this.#spec.loss) return;
    last[replica] = at;
    let place = this.#underWay.length;
    while (place > 0 && present(this.#underWay[place - 1], "a message").at > at) place -= 1;
    this.#underWay.splice(place, 0, { at, message });
  }

  /** When the fault that stands in the way of a message at `at` is over; `at` itself when none does. */
  #cutUntil(replica: number, at: Instant): Instant {
    let until: number = at;
    for (const fault of this.#spec.faults)
      if ((fault.replica === null || fault.replica === replica) && fault.at <= until && until < fault.until) until = fault.until;
    return instantAt(until);
  }

  #arrive(out: Out<StoreCommand>): void {
    const { at, message } = present(this.#underWay.shift(), "a message under way");
    switch (message.kind) {
      case "lease-returned":
        settleBook(this.#book(message.lease), message.replica, message.nonce, message.used, at);
        return;
      case "lease-asked": {
        const { replica, lease, nonce, units } = message;
        const answer = askBook(this.#book(lease), replica, nonce, units, this.#replicas, at);
        this.#send({ kind: "lease-answered", replica, lease, nonce, ...answer }, this.#lastFrom, at);
        return;
      }
      case "probes-asked": {
        const { replica, endpoint, nonce, open } = message;
        const answer = askProbes((this.#probes[endpoint] ??= openProbeBook()), replica, nonce, open, at);
        this.#send({ kind: "probes-answered", replica, endpoint, nonce, ...answer }, this.#lastFrom, at);
        return;
      }
      case "probes-returned":
        returnProbes((this.#probes[message.endpoint] ??= openProbeBook()), message.replica, message.nonce, at);
        return;
      case "probes-answered":
      case "lease-answered":
        out.emit(message, at);
    }
  }
}
