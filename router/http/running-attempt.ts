import type { Instant } from "../core/machine.ts";
import type { AttemptId, AttemptLimits, EndpointId } from "../core/messages.ts";
import { Attempt, type AttemptEnding, type AttemptListener } from "../upstream/attempt.ts";
import type { UpstreamLane } from "../upstream/upstream-lane.ts";
import { inSlices } from "./in-slices.ts";
import type { RequestInFlight } from "./request-in-flight.ts";

/** Who hears of an attempt's provider. */
export interface AttemptOwner {
  bytesCame(running: RunningAttempt, chunk: Uint8Array): void;
  contentBegan(running: RunningAttempt): void;
  attemptEnded(running: RunningAttempt, ending: AttemptEnding): void;
}

/** From its start-attempt to the end of its request. */
export class RunningAttempt implements AttemptListener {
  readonly id: AttemptId;
  readonly endpoint: EndpointId;
  readonly request: RequestInFlight;
  readonly startedAt: Instant;
  readonly attempt: Attempt;
  readonly #owner: AttemptOwner;
  ending: AttemptEnding | null = null;
  /** Another attempt of the request was first. */
  lost = false;
  /** Nothing of its answer has been looked at for ids. */
  unread = true;

  constructor(
    id: AttemptId,
    endpoint: EndpointId,
    request: RequestInFlight,
    startedAt: Instant,
    lane: UpstreamLane,
    limits: AttemptLimits,
    owner: AttemptOwner,
  ) {
    this.id = id;
    this.endpoint = endpoint;
    this.request = request;
    this.startedAt = startedAt;
    this.#owner = owner;
    this.attempt = new Attempt({ lane, request: request.caller, limits, inputTokens: request.routed.inputTokens }, this);
  }

  onBytes(chunk: Uint8Array): void {
    this.#owner.bytesCame(this, chunk);
  }

  onFirstContent(): void {
    this.#owner.contentBegan(this);
  }

  onReadOver(): void {
    this.request.answer.flush();
  }

  /** Callers often leave together: the connections to the providers of all of them are closed before anything is booked or logged. */
  onEnded(ending: AttemptEnding): void {
    if (this.request.hasLeft && ending.outcome.kind === "aborted") inSlices(() => this.#owner.attemptEnded(this, ending));
    else this.#owner.attemptEnded(this, ending);
  }
}
