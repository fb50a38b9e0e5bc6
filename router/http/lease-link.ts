import type { BudgetPeriod } from "../config/service-spec.ts";
import type { CompiledConfig, LimitSpec } from "../core/compiled-config.ts";
import type { Instant } from "../core/machine.ts";
import type { RouterCommand, RouterEvent } from "../core/messages.ts";
import { after, hostTimerMaxMs, millis } from "../core/time.ts";
import type { LeaseStore } from "../stores/lease-store.ts";
import { periodEndsMs } from "./budget-calendar.ts";

const isSame = (one: BudgetPeriod, other: BudgetPeriod): boolean => one.lease === other.lease && one.per === other.per && one.timeZone === other.timeZone;

export interface LeaseLinkOptions {
  readonly store: LeaseStore;
  readonly periods: readonly BudgetPeriod[];
  /** Unique among the replicas, and among the lives of this one. */
  readonly holder: string;
  now(): Instant;
  submit(event: RouterEvent): void;
}

/** A budget's period that is under way, and the timer that looks for its end. */
interface RunningPeriod {
  readonly period: BudgetPeriod;
  timer: NodeJS.Timeout | null;
}

type AskLease = Extract<RouterCommand, { kind: "ask-lease" }>;
type AskProbes = Extract<RouterCommand, { kind: "ask-probes" }>;
type ReturnProbes = Extract<RouterCommand, { kind: "return-probes" }>;
type ReturnLease = Extract<RouterCommand, { kind: "return-lease" }>;

const againMs = 1000;

/** Between the core and the store of limits: nothing waits for it. Questions may be lost, the core asks again; settlements are sent until they have arrived. */
export class LeaseLink {
  readonly #options: LeaseLinkOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #forget: () => void;
  #running: readonly RunningPeriod[];
  #closed = false;

  constructor(options: LeaseLinkOptions) {
    this.#options = options;
    this.#running = options.periods.map((period) => ({ period, timer: null }));
    this.#forget = options.store.onState((state) => options.submit({ kind: state === "down" ? "store-lost" : "store-back" }));
  }

  /** Begins the budgets' first periods. */
  start(): void {
    for (const running of this.#running) this.#startPeriod(running);
  }

  /** Other limits and budgets: a period that is under way goes on. */
  amend(limits: readonly LimitSpec[], periods: readonly BudgetPeriod[]): void {
    this.#amendStore(limits);
    const before = this.#running;
    this.#running = periods.map((period) => before.find((known) => isSame(known.period, period)) ?? { period, timer: null });
    for (const running of before) if (!this.#running.includes(running)) this.#cancel(running.timer);
    for (const running of this.#running) if (!before.includes(running)) this.#startPeriod(running);
  }

  #amendStore(limits: readonly LimitSpec[]): void {
    this.#options.store.amend(limits).catch(() => this.#later(againMs, () => this.#amendStore(limits)));
  }

  carryOut(command: AskLease | ReturnLease | AskProbes | ReturnProbes, { endpoints }: CompiledConfig): void {
    if (command.kind === "ask-lease") this.ask(command);
    else if (command.kind === "return-lease") this.settle(command);
    else if (command.kind === "ask-probes") this.askProbes(command, endpoints[command.endpoint]?.identity ?? "");
    else this.returnProbes(command, endpoints[command.endpoint]?.identity ?? "");
  }

  ask({ lease, nonce, units }: AskLease): void {
    const options = this.#options;
    const askedAt = options.now();
    options.store.ask(lease, options.holder, nonce, units).then(
      // Counted from the question: the lease is over here before it is over there.
      (grant) => {
        if (!this.#closed)
          options.submit({ kind: "lease-answered", lease, nonce, units: grant.units, until: after(askedAt, grant.ttl), settled: grant.settled });
      },
      () => undefined,
    );
  }

  settle({ lease, nonce, used }: ReturnLease): void {
    this.#options.store.settle(lease, this.#options.holder, nonce, used).catch(() => {
      this.#later(againMs, () => this.settle({ kind: "return-lease", lease, nonce, used }));
    });
  }

  /** @param identity of the endpoint */
  askProbes({ endpoint, nonce, open }: AskProbes, identity: string): void {
    const options = this.#options;
    const askedAt = options.now();
    options.store.askProbes(identity, options.holder, nonce, open).then(
      ({ granted, ttl }) => {
        if (!this.#closed) options.submit({ kind: "probes-answered", endpoint, nonce, granted, until: after(askedAt, ttl) });
      },
      () => undefined,
    );
  }

  returnProbes(command: ReturnProbes, identity: string): void {
    this.#options.store.returnProbes(identity, this.#options.holder, command.nonce).catch(() => {
      this.#later(againMs, () => this.returnProbes(command, identity));
    });
  }

  close(): void {
    this.#closed = true;
    this.#forget();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #startPeriod(running: RunningPeriod): void {
    const { period } = running;
    const nowMs = Date.now();
    const endsMs = periodEndsMs(period, nowMs);
    const endsIn = millis(endsMs - nowMs);
    this.#options.store.startPeriod(period.lease, endsIn).catch(() => undefined);
    this.#options.submit({ kind: "period-started", budget: period.lease, endsAt: after(this.#options.now(), endsIn) });
    this.#awaitEnd(running, endsMs);
  }

  #awaitEnd(running: RunningPeriod, endsMs: number): void {
    running.timer = this.#later(Math.min(hostTimerMaxMs, endsMs - Date.now()), () => {
      if (Date.now() >= endsMs) this.#startPeriod(running);
      else this.#awaitEnd(running, endsMs);
    });
  }

  #cancel(timer: NodeJS.Timeout | null): void {
    if (timer === null) return;
    clearTimeout(timer);
    this.#timers.delete(timer);
  }

  #later(ms: number, act: () => void): NodeJS.Timeout {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        act();
      },
      Math.max(1, ms),
    );
    timer.unref();
    this.#timers.add(timer);
    return timer;
  }
}
