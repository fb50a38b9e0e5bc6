import type { LimitSpec } from "../../core/compiled-config.ts";
import { amendBook, askBook, type LeaseBook, openBook, settleBook, startBookPeriod } from "../../core/limit/lease-book.ts";
import type { Duration, Instant } from "../../core/machine.ts";
import type { LeaseKey } from "../../core/messages.ts";
import { after, between } from "../../core/time.ts";
import { askProbes, openProbeBook, type ProbeBook, returnProbes } from "../../core/health/probe-lease.ts";
import type { LeaseBalance, LeaseGrant, LeaseStore, ProbeGrant } from "../lease-store.ts";

/** Within one process: for a single replica, and for tests. What was spent is forgotten when the process ends. */
export class MemoryLeaseStore implements LeaseStore {
  readonly #books: LeaseBook[];
  /** By an endpoint's identity. */
  readonly #probes = new Map<string, ProbeBook>();
  readonly #clock: () => Instant;
  readonly #holders: string[] = [];

  /** @param clock monotonic */
  constructor(limits: readonly LimitSpec[], clock: () => Instant) {
    this.#clock = clock;
    this.#books = limits.map((spec) => openBook(spec, clock()));
  }

  async ask(lease: LeaseKey, holder: string, nonce: number, units: number): Promise<LeaseGrant> {
    const now = this.#clock();
    const number = this.#numberOf(holder);
    const { units: granted, until, settled } = askBook(this.#book(lease), number, nonce, units, this.#holders.length, now);
    return { units: granted, ttl: between(now, until), settled };
  }

  async settle(lease: LeaseKey, holder: string, nonce: number, used: number): Promise<void> {
    settleBook(this.#book(lease), this.#numberOf(holder), nonce, used, this.#clock());
  }

  async askProbes(endpoint: string, holder: string, nonce: number, open: Duration): Promise<ProbeGrant> {
    const now = this.#clock();
    const { granted, until } = askProbes(this.#probesOf(endpoint), this.#numberOf(holder), nonce, open, now);
    return { granted, ttl: between(now, until) };
  }

  async returnProbes(endpoint: string, holder: string, nonce: number): Promise<void> {
    returnProbes(this.#probesOf(endpoint), this.#numberOf(holder), nonce, this.#clock());
  }

  async startPeriod(lease: LeaseKey, endsIn: Duration): Promise<void> {
    startBookPeriod(this.#book(lease), after(this.#clock(), endsIn));
  }

  async amend(limits: readonly LimitSpec[]): Promise<void> {
    for (const spec of limits) amendBook(this.#books, spec, this.#clock());
  }

  async balance(lease: LeaseKey): Promise<LeaseBalance> {
    const { spec, settled, outstanding } = this.#book(lease);
    return { limit: spec.amount, settled, outstanding };
  }

  /** It is never down. */
  onState(): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {}

  #probesOf(endpoint: string): ProbeBook {
    let book = this.#probes.get(endpoint);
    if (book === undefined) this.#probes.set(endpoint, (book = openProbeBook()));
    return book;
  }

  #numberOf(holder: string): number {
    const known = this.#holders.indexOf(holder);
    return known >= 0 ? known : this.#holders.push(holder) - 1;
  }

  #book(lease: LeaseKey): LeaseBook {
    const book = this.#books[lease];
    if (book === undefined) throw new Error(`assertion: there is no limit ${lease}`);
    return book;
  }
}
