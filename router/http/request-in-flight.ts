import type { RouteSpec } from "../core/compiled-config.ts";
import type { AttemptId, EndpointId, Explanation, RequestId, RouteRequest } from "../core/messages.ts";
import type { CallerRequest } from "../providers/provider-adapter.ts";
import type { Attempt, AttemptEnding } from "../upstream/attempt.ts";
import type { CallerAnswer } from "./caller-answer.ts";
import type { Asks } from "./read-asks.ts";

/** From its start-attempt to the end of its request. */
export interface RunningAttempt {
  readonly id: AttemptId;
  readonly endpoint: EndpointId;
  readonly attempt: Attempt;
  readonly request: RequestInFlight;
  ending: AttemptEnding | null;
  /** Another attempt of the request was first. */
  lost: boolean;
  /** Nothing of its answer has been looked at for ids. */
  unread: boolean;
}

/** The one state object of a request, from its admission to its finish-request. */
export interface RequestInFlight {
  readonly id: RequestId;
  /** What callers and logs know it by. */
  readonly name: string;
  readonly route: RouteSpec;
  readonly caller: CallerRequest;
  readonly routed: RouteRequest;
  readonly answer: CallerAnswer;
  readonly asks: Asks;
  /** On performance.now(): the body has been read. */
  readonly arrivedMs: number;
  /** Attempts that have not ended, and all there were. */
  underWay: number;
  attempts: number;
  readonly endpointsTried: EndpointId[];
  readonly attemptIds: AttemptId[];
  /** How each has ended, in the order of their endings. */
  readonly attemptsEnded: { readonly endpoint: EndpointId; readonly outcome: string; readonly status: number }[];
  /** Fields that the last attempt's provider has no place for. */
  dropped: readonly string[];
  /** The attempt that the caller is answered with; null: none is committed (yet). */
  answering: RunningAttempt | null;
  /** Of the last attempt that ended, those left out that lost to another. */
  ending: AttemptEnding | null;
  endedLast: AttemptId | null;
  /** On performance.now(): when the answer of a plain request had been read; NaN: not yet. */
  answeredMs: number;
  ttftMs: number;
  explanation: Explanation | null;
  left: boolean;
}

/** At its admission. */
export function requestInFlight(
  known: Pick<RequestInFlight, "id" | "name" | "route" | "caller" | "asks" | "routed" | "answer" | "arrivedMs">,
): RequestInFlight {
  return {
    ...known,
    underWay: 0,
    attempts: 0,
    endpointsTried: [],
    attemptIds: [],
    attemptsEnded: [],
    dropped: [],
    answering: null,
    ending: null,
    endedLast: null,
    answeredMs: Number.NaN,
    ttftMs: Number.NaN,
    explanation: null,
    left: false,
  };
}
