import type { RouteSpec } from "../core/compiled-config.ts";
import type { EndpointId, Explanation, RequestId, RouteRequest } from "../core/messages.ts";
import type { CallerRequest } from "../providers/provider-adapter.ts";
import type { Attempt, AttemptEnding } from "../upstream/attempt.ts";
import type { CallerAnswer } from "./caller-answer.ts";

/** The one state object of a request, from its admission to its finish-request. */
export interface RequestInFlight {
  readonly id: RequestId;
  /** What callers and logs know it by. */
  readonly name: string;
  readonly route: RouteSpec;
  readonly caller: CallerRequest;
  readonly routed: RouteRequest;
  readonly answer: CallerAnswer;
  /** On performance.now(): the body has been read. */
  readonly arrivedMs: number;
  attempt: Attempt | null;
  attempts: number;
  readonly endpointsTried: EndpointId[];
  ending: AttemptEnding | null;
  /** On performance.now(): when the answer of a plain request had been read; NaN: not yet. */
  answeredMs: number;
  ttftMs: number;
  explanation: Explanation | null;
  left: boolean;
}
