import type { Branded, Duration, Instant, Machine } from "../../router/core/machine.ts";
import type { FailureKind, Usage } from "../../router/core/messages.ts";
import type { QuotaState } from "./hosted/hosted-quota.ts";

/**
 * What stands behind one endpoint of the configuration: a vLLM replica or a hosted API, as a machine. The simulator's world drives it in virtual time,
 * the mock server on the wall clock; both see the same events, commands and faults.
 */
export type CallId = Branded<"call">;

export type EndpointEvent =
  | {
      readonly kind: "call-received";
      /** A slot of the driver's, used again after the call's last command. */
      readonly call: CallId;
      /** The request's arrival number: what draws that belong to it are keyed by. */
      readonly serial: number;
      readonly inputTokens: number;
      readonly blocks: Int32Array | null;
      readonly outputTokens: number;
      readonly outputTokensMax: number;
      readonly priority: number;
      /** So many to its prompt, side by side, each as long and capped as the one that is told of; absent: one. */
      readonly answers?: number;
      /** It asks for the tier that may be delayed; absent: not. */
      readonly batch?: boolean;
      /** How long the caller's side waits for a connection, and for a byte once there was one; absent: it looks after that itself (the mock's callers do). */
      readonly patience?: CallPatience;
    }
  | { readonly kind: "call-aborted"; readonly call: CallId }
  /** The faults that are active from now on, all of them. */
  | { readonly kind: "fault-changed"; readonly fault: FaultState };

/** Exactly one of refuse-call, end-call and cut-call per call received. An aborted call is answered with cut-call at once. */
export type EndpointCommand =
  /** Answered with an error before any byte of an answer (`connect-failed`: no answer at all). */
  | { readonly kind: "refuse-call"; readonly call: CallId; readonly failure: FailureKind; readonly retryAfter: Duration | null }
  /** The first token always; later ones only with detail "tokens" (the mock). `from` counts from 0. */
  | { readonly kind: "emit-tokens"; readonly call: CallId; readonly from: number; readonly count: number }
  | { readonly kind: "end-call"; readonly call: CallId; readonly reason: "stop" | "length"; readonly usage: Usage }
  /** The connection breaks, or has been broken by the caller; `usage` is what had been worked off until then. `idle`: the caller's patience with a silent line is over. */
  | { readonly kind: "cut-call"; readonly call: CallId; readonly usage: Usage; readonly idle?: boolean };

export interface CallPatience {
  readonly connect: Duration;
  readonly idle: Duration;
}

/** No fault: `healthy`. */
export interface FaultState {
  /** Refuses connections; running calls were cut when it began. */
  readonly down: boolean;
  /** Share of new calls answered with 500, 0..1. */
  readonly errorRate: number;
  /** Share of new calls answered with 503, 0..1. */
  readonly overloadRate: number;
  /** Work takes so many times as long. */
  readonly slowdown: number;
  /** Share of new calls whose answer breaks off, after a token drawn evenly from all of them. */
  readonly cutRate: number;
  /** The line to it (network/linked-endpoint.ts): nothing comes back; no call reaches it; every message takes longer, each way; messages lost, 0..1. */
  readonly silent: boolean;
  readonly unreachable: boolean;
  readonly delay: Duration;
  readonly loss: number;
}
export const healthy: FaultState = {
  down: false,
  errorRate: 0,
  overloadRate: 0,
  slowdown: 1,
  cutRate: 0,
  silent: false,
  unreachable: false,
  delay: 0 as Duration,
  loss: 0,
};

export interface EndpointSignals {
  readonly running: number;
  readonly waiting: number;
  /** 0..1. */
  readonly kvUsed: number;
  readonly preemptions: number;
  /** Time in which a step was running. */
  readonly busy: Duration;
  /** Of hosted APIs: what their rate-limit headers say; null or absent: nothing. */
  readonly quota?: QuotaState | null;
  /** Engine steps since the start, and those of them for which the step-time model was not made; 0 of a hosted API. */
  readonly steps: number;
  readonly stepsOutsideRange: number;
  /** Over all steps: the sequences and the tokens in each. */
  readonly stepSequences: number;
  readonly stepTokens: number;
}

export const idleSignals: EndpointSignals = {
  running: 0,
  waiting: 0,
  kvUsed: 0,
  preemptions: 0,
  busy: 0 as Duration,
  steps: 0,
  stepsOutsideRange: 0,
  stepSequences: 0,
  stepTokens: 0,
};

export interface EndpointModel extends Machine<EndpointEvent, EndpointCommand> {
  observe(now: Instant): EndpointSignals;
}
