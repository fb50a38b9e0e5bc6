import type { LimitSpec } from "../core/compiled-config.ts";
import type { Duration } from "../core/machine.ts";
import type { LeaseKey } from "../core/messages.ts";

/**
 * Where replicas lease their parts of limits and budgets. A lease is a number of whole units (requests, tokens, nano-dollars) that one replica may spend without asking again.
 * The rules of granting, and the bound on overshoot, are those of router/core/limit/lease-book.ts and lease.ts.
 */
export interface LeaseStore {
  /** Idempotent per (holder, nonce): asking again after a lost answer returns the first grant. */
  ask(lease: LeaseKey, holder: string, nonce: number, units: number): Promise<LeaseGrant>;
  /** Counts once per (holder, nonce), also for a nonce that was never asked with. */
  settle(lease: LeaseKey, holder: string, nonce: number, used: number): Promise<void>;
  /** The probes of a half-open endpoint, of the whole fleet: see core/health/probe-lease.ts. @param endpoint its identity */
  askProbes(endpoint: string, holder: string, nonce: number, open: Duration): Promise<ProbeGrant>;
  returnProbes(endpoint: string, holder: string, nonce: number): Promise<void>;
  /** Everything of the period before is forgotten. Of several replicas the first one's word counts. @param endsIn from now */
  startPeriod(lease: LeaseKey, endsIn: Duration): Promise<void>;
  /** The amounts that hold from now on, and limits that are new; what is leased stays leased. */
  amend(limits: readonly LimitSpec[]): Promise<void>;
  /** For people and metrics, never for decisions. */
  balance(lease: LeaseKey): Promise<LeaseBalance>;
  onState(listener: (state: "up" | "down") => void): () => void;
  close(): Promise<void>;
}

/** 0 units: denied, for `ttl`. `settled`: what all replicas are known to have spent. */
export interface LeaseGrant {
  readonly units: number;
  readonly ttl: Duration;
  readonly settled: number;
}

export interface ProbeGrant {
  readonly granted: boolean;
  /** Of the lease, or of its denial. */
  readonly ttl: Duration;
}

export interface LeaseBalance {
  readonly limit: number;
  readonly settled: number;
  readonly outstanding: number;
}
