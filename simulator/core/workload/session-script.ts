/**
 * An agent's session as a closed loop: a list of steps that are carried out one after another. A call is sent its think time after the step before it ended, never at an
 * instant of the record, so that a slow answer delays everything that depends on it. A group of sub-agents starts when the step before it ended; the parent waits for all.
 */
export interface SessionScript {
  readonly id: string;
  readonly tenant: string | null;
  readonly route: string | null;
  /** Tokens per block id. Ids are local to the session: its sub-agents share them, other sessions do not. */
  readonly blockTokens: number;
  readonly steps: readonly SessionStep[];
}

export type SessionStep = SessionCall | SubAgents;

export interface SessionCall {
  readonly kind: "call";
  /** Microseconds between the end of the step before and this call. */
  readonly thinkUs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Runs of block ids: first id, number of ids, first id, number of ids, ... */
  readonly blockRuns: readonly number[];
  /** As recorded; null where the record lacks it. For comparison only. */
  readonly apiSeconds: number | null;
  readonly ttftSeconds: number | null;
}

/** Started together; done when the last of them is done. */
export interface SubAgents {
  readonly kind: "sub-agents";
  readonly agents: readonly (readonly SessionStep[])[];
}
