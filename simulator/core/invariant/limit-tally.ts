import { present } from "../../../router/core/assert.ts";
import type { LimitSpec } from "../../../router/core/compiled-config.ts";
import type { Instant } from "../../../router/core/machine.ts";
import { OverrunPeak } from "./overrun-peak.ts";

/** What an attempt means to one of the limits that bind it. */
export interface BoundAttempt {
  readonly tally: LimitTally;
  readonly period: number;
  readonly reserved: number;
  /** In its replica's OverrunPeak; -1: nothing is corrected. */
  readonly start: number;
}

/** One limit, seen from outside. */
export class LimitTally {
  readonly spec: LimitSpec;
  readonly #violate: (what: string, at: Instant) => void;
  /** In force in some live version of some replica, the largest; and of the period. */
  #amount: number;
  #amountMost: number;
  #period = 0;
  #spent = 0;
  /** Of a rate: what is left in the bucket. */
  #level: number;
  #filledAt: Instant;
  /** Beyond the amount, at the worst of this period (of a rate: ever), and when. */
  #excess = 0;
  #excessAt: Instant;
  #largestLease = 0;
  #largestReservation = 0;
  /** By replica. */
  readonly #overruns: OverrunPeak[];
  #overrunOfCrashed = 0;
  readonly #inFlightOf: number[];

  constructor(spec: LimitSpec, replicas: number, now: Instant, violate: (what: string, at: Instant) => void) {
    this.spec = spec;
    this.#violate = violate;
    this.#amount = spec.amount;
    this.#amountMost = spec.amount;
    this.#level = spec.amount;
    this.#filledAt = now;
    this.#excessAt = now;
    this.#overruns = Array.from({ length: replicas }, () => new OverrunPeak());
    this.#inFlightOf = Array.from({ length: replicas }, () => 0);
  }

  get amount(): number {
    return this.#amount;
  }

  /** @param amounts of all versions of all replicas that have it */
  amountsAre(amounts: readonly number[], now: Instant): void {
    this.#fill(now);
    if (amounts.length > 0) this.#amount = Math.max(...amounts);
    this.#amountMost = Math.max(this.#amountMost, this.#amount);
  }

  leased(units: number): void {
    this.#largestLease = Math.max(this.#largestLease, units);
  }

  /** Every replica is told; the first word counts. */
  periodStarted(endsAt: Instant, incarnations: number): void {
    if (this.#filledAt === endsAt) return;
    this.judge(incarnations);
    this.#period += 1;
    this.#spent = 0;
    this.#excess = 0;
    this.#amountMost = this.#amount;
    this.#filledAt = endsAt;
  }

  attemptStarted(replica: number, reserved: number, now: Instant): BoundAttempt {
    const { window, unit } = this.spec;
    if (window.kind === "held") this.#hold(replica, now);
    else this.#book(reserved, now);
    this.#largestReservation = Math.max(this.#largestReservation, reserved);
    const corrected = window.kind !== "held" && unit !== "requests";
    return { tally: this, period: this.#period, reserved, start: corrected ? this.#overrunsOf(replica).started() : -1 };
  }

  /** @param used called where what was set aside is corrected by it */
  attemptEnded({ period, reserved, start }: BoundAttempt, used: () => number, replica: number, now: Instant): void {
    const { window } = this.spec;
    if (window.kind === "held") this.#inFlightOf[replica] = (this.#inFlightOf[replica] ?? 0) - 1;
    if (start < 0) return;
    const change = used() - reserved;
    this.#overrunsOf(replica).ended(start, Math.max(0, change));
    if (window.kind === "rate" || period === this.#period) this.#book(change, now);
  }

  crashed(replica: number): void {
    this.#inFlightOf[replica] = 0;
    this.#overrunOfCrashed += this.#overruns[replica]?.peak ?? 0;
    this.#overruns[replica] = new OverrunPeak();
  }

  /** @param incarnations replicas that there are, and those that there were */
  judge(incarnations: number): void {
    const { name, amount } = this.spec;
    const overrun = this.#overruns.reduce((sum, { peak }) => sum + peak, this.#overrunOfCrashed);
    const bound = incarnations * (this.#largestLease + this.#largestReservation) + overrun;
    if (this.#excess > bound) this.#violate(`${name}: ${Math.ceil(this.#excess)} beyond the ${amount} that are allowed, the bound is ${bound}`, this.#excessAt);
  }

  #overrunsOf(replica: number): OverrunPeak {
    return present(this.#overruns[replica], "the replica's overruns");
  }

  #hold(replica: number, now: Instant): void {
    const inFlight = (this.#inFlightOf[replica] ?? 0) + 1;
    this.#inFlightOf[replica] = inFlight;
    if (inFlight > this.#amount) this.#violate(`${this.spec.name}: ${inFlight} attempts in flight, ${this.#amount} are allowed`, now);
  }

  #book(units: number, now: Instant): void {
    const isRate = this.spec.window.kind === "rate";
    this.#fill(now);
    if (isRate) this.#level = Math.min(this.#amount, this.#level - units);
    else this.#spent += units;
    const excess = isRate ? -this.#level : this.#spent - this.#amountMost;
    if (excess <= this.#excess) return;
    this.#excess = excess;
    this.#excessAt = now;
  }

  /** The bucket of a rate. */
  #fill(now: Instant): void {
    const { window } = this.spec;
    if (window.kind !== "rate") return;
    this.#level = Math.min(this.#amount, this.#level + ((now - this.#filledAt) * this.#amount) / window.per);
    this.#filledAt = now;
  }
}
