import { performance } from "node:perf_hooks";
import type { CompiledConfig } from "../core/compiled-config.ts";
import type { AttemptId, RouterCommand, RouterEvent } from "../core/messages.ts";
import type { RealtimeDriver } from "../drivers/realtime-driver.ts";
import type { DecisionLog } from "../telemetry/decision-log.ts";
import type { RouterMetrics } from "../telemetry/router-metrics.ts";
import type { AttemptEnding } from "../upstream/attempt.ts";
import type { UpstreamLane } from "../upstream/upstream-lane.ts";
import type { UpstreamTransport } from "../upstream/upstream-transport.ts";
import { attemptHeaders } from "./answer-request.ts";
import type { RequestInFlight } from "./request-in-flight.ts";
import type { RequestMemory } from "./request-memory.ts";
import { type AttemptOwner, RunningAttempt } from "./running-attempt.ts";

type StartAttempt = Extract<RouterCommand, { kind: "start-attempt" }>;

interface AttemptsContext {
  readonly driver: Pick<RealtimeDriver<RouterEvent, RouterCommand>, "now" | "submit" | "stalledSince">;
  readonly transport: UpstreamTransport;
  readonly metrics: RouterMetrics;
  readonly memory: RequestMemory;
  readonly log: DecisionLog;
  /** The newest version. */
  readonly config: () => CompiledConfig;
}

/** Attempts as the core commands them. Every start-attempt gets exactly one attempt-ended. */
export class AttemptsUnderWay implements AttemptOwner {
  readonly #context: AttemptsContext;
  /** By AttemptId, from start-attempt until the request is finished: a commit may come after the ending. */
  readonly #attempts: (RunningAttempt | null)[] = [];

  constructor(context: AttemptsContext) {
    this.#context = context;
  }

  start({ attempt: id, endpoint, limits }: StartAttempt, request: RequestInFlight, lane: UpstreamLane): void {
    const { driver, transport } = this.#context;
    const running = new RunningAttempt(id, endpoint, request, driver.now(), lane, limits, this);
    this.#attempts[id] = running;
    request.attemptBegins(id, endpoint);
    if (request.attempts > 1) request.answer.forgetHeld(id);
    running.attempt.start(transport);
    request.dropped = running.attempt.dropped;
  }

  commit(id: AttemptId): void {
    const { config, metrics } = this.#context;
    const running = this.#attempts[id] ?? null;
    if (running === null) throw new Error(`assertion: attempt ${id} is committed, and was never started`);
    const { request, attempt } = running;
    request.answering = running;
    // It has ended meanwhile: what it sent is handed over when the request is finished.
    if (running.ending !== null) return;
    request.ttftMs = performance.now() - request.arrivedMs;
    request.answer.commit(id, attemptHeaders(request, config()));
    if (!Number.isNaN(attempt.firstContentMs)) metrics.latencyAdded(performance.now() - attempt.firstContentMs);
  }

  abort(id: AttemptId, lost: boolean): void {
    const running = this.#attempts[id] ?? null;
    if (running === null) return;
    running.lost = lost;
    running.attempt.abort();
  }

  abortAll(): void {
    for (const running of this.#attempts) running?.attempt.abort();
  }

  /** The request is finished. */
  forget(request: RequestInFlight): void {
    for (const id of request.attemptIds) if (this.#attempts[id]?.request === request) this.#attempts[id] = null;
  }

  pause(request: RequestInFlight, id: AttemptId): void {
    this.#runningOf(request, id)?.attempt.pause();
  }

  resume(request: RequestInFlight, id: AttemptId): void {
    this.#runningOf(request, id)?.attempt.resume();
  }

  #runningOf(request: RequestInFlight, id: AttemptId): RunningAttempt | null {
    const running = this.#attempts[id] ?? null;
    return running?.request === request ? running : null;
  }

  bytesCame(running: RunningAttempt, chunk: Uint8Array): void {
    if (running.unread) this.#context.memory.noteIds(running, chunk);
    running.request.answer.bytes(running.id, chunk);
  }

  contentBegan({ id }: RunningAttempt): void {
    this.#context.driver.submit({ kind: "attempt-first-token", attempt: id });
  }

  attemptEnded(running: RunningAttempt, ending: AttemptEnding): void {
    const { driver, memory } = this.#context;
    this.#noteEnding(running, memory.shown(running.request, ending));
    const { outcome } = ending;
    const lagged = driver.stalledSince(running.startedAt);
    driver.submit({ kind: "attempt-ended", attempt: running.id, outcome: lagged ? { ...outcome, lagged } : outcome });
  }

  #noteEnding(running: RunningAttempt, ending: AttemptEnding): void {
    const { memory, metrics } = this.#context;
    const { request, endpoint } = running;
    running.ending = ending;
    request.underWay -= 1;
    if (!running.lost) {
      request.ending = ending;
      request.endedLast = running.id;
      request.answeredMs = performance.now();
    }
    if (ending.outcome.kind !== "succeeded") request.answer.forgetHeld(running.id);
    request.attemptsEnded.push({ endpoint, outcome: ending.outcome.failure ?? ending.outcome.kind, status: ending.status });
    if (ending.outcome.kind === "succeeded" && ending.answer !== null) memory.noteIds(running, ending.answer.body);
    metrics.attemptEnded(request.route.id, endpoint, ending.outcome);
    if (ending.outcome.kind === "failed") this.#logFailure(running, ending);
  }

  #logFailure({ request, endpoint }: RunningAttempt, { outcome, message }: AttemptEnding): void {
    const { config, log } = this.#context;
    const { origin } = config().endpoints[endpoint] ?? {};
    log.logger.debug({ request_id: request.name, endpoint: origin, failure: outcome.failure, said: message }, "attempt_failed");
  }
}
