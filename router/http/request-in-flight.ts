import type { RouteSpec } from "../core/compiled-config.ts";
import type { AttemptId, EndpointId, Explanation, RequestId, RouteRequest } from "../core/messages.ts";
import type { CallerRequest } from "../providers/provider-adapter.ts";
import type { AttemptEnding } from "../upstream/attempt.ts";
import { type AnswerFlow, CallerAnswer } from "./caller-answer.ts";
import { errorDialect } from "./error-dialect.ts";
import type { Exchange } from "./ingress/exchange.ts";
import type { Asks } from "./read-asks.ts";
import type { AdmittedCall } from "./route-request.ts";
import type { RunningAttempt } from "./running-attempt.ts";

/** Who hears of a request's caller. */
export interface RequestOwner {
  /** The caller reads too slowly. */
  hold(request: RequestInFlight, attempt: AttemptId): void;
  release(request: RequestInFlight, attempt: AttemptId): void;
  left(request: RequestInFlight): void;
}

/** The one state object of a request, from its admission to its finish-request. */
export class RequestInFlight implements AnswerFlow {
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
  readonly #owner: RequestOwner;
  /** Attempts that have not ended, and all there were. */
  underWay = 0;
  attempts = 0;
  endpointsTried: readonly EndpointId[] = noIds;
  attemptIds: readonly AttemptId[] = noIds;
  /** How each has ended, in the order of their endings. */
  readonly attemptsEnded: { readonly endpoint: EndpointId; readonly outcome: string; readonly status: number }[] = [];
  /** Fields that the last attempt's provider has no place for. */
  dropped: readonly string[] = nothing;
  /** The attempt that the caller is answered with; null: none is committed (yet). */
  answering: RunningAttempt | null = null;
  /** Of the last attempt that ended, those left out that lost to another. */
  ending: AttemptEnding | null = null;
  endedLast: AttemptId | null = null;
  /** On performance.now(): when the answer of a plain request had been read; NaN: not yet. */
  answeredMs = Number.NaN;
  ttftMs = Number.NaN;
  explanation: Explanation | null = null;
  hasLeft = false;

  /** @param name what callers and logs know it by */
  constructor(name: string, { route, caller, asks }: AdmittedCall, routed: RouteRequest, exchange: Exchange, arrivedMs: number, owner: RequestOwner) {
    this.id = routed.id;
    this.name = name;
    this.route = route;
    this.caller = caller;
    this.asks = asks;
    this.routed = routed;
    this.arrivedMs = arrivedMs;
    this.#owner = owner;
    this.answer = new CallerAnswer(exchange, this, errorDialect(caller.dialect));
  }

  attemptBegins(attempt: AttemptId, endpoint: EndpointId): void {
    const isFirst = this.attempts === 0;
    this.underWay += 1;
    this.attempts += 1;
    this.endpointsTried = isFirst ? [endpoint] : [...this.endpointsTried, endpoint];
    this.attemptIds = isFirst ? [attempt] : [...this.attemptIds, attempt];
  }

  hold(attempt: AttemptId): void {
    this.#owner.hold(this, attempt);
  }

  release(attempt: AttemptId): void {
    this.#owner.release(this, attempt);
  }

  left(): void {
    if (this.answer.ended) return;
    this.hasLeft = true;
    this.#owner.left(this);
  }
}

const nothing: readonly string[] = [];
const noIds: readonly never[] = [];
