import { assert } from "../../../../router/core/assert.ts";
import type { Duration, Instant, Out } from "../../../../router/core/machine.ts";
import { never } from "../../../../router/core/time.ts";
import { emptyShape, isOutside } from "../../step-time/step-range.ts";
import type { EngineCommand, EngineEvent, EngineModel, EngineSignals, SequenceId, StepShape, StepTimeModel } from "../engine.ts";
import { submissionOf } from "../submission.ts";
import { createPlainRequest } from "./plain-request.ts";
import type { PlainRequest } from "./plain-request.ts";
import { PlainScheduler } from "./plain-scheduler.ts";
import type { Acceptance, Batch, SchedulerRules } from "./plain-scheduler.ts";

interface Flight {
  readonly batch: Batch;
  readonly scheduledAt: Instant;
  /** Null until it has started. */
  endsAt: Instant | null;
}

export interface PlainEngineOptions {
  readonly rules: SchedulerRules;
  readonly stepTime: StepTimeModel;
  readonly detail: "first-token" | "tokens";
  readonly acceptance: Acceptance;
}

/**
 * vLLM's engine loop in time, around the plain scheduler. One thread schedules, then waits for the oldest step in flight:
 * synchronous one step deep, asynchronous two (the next step is scheduled before the output of the last is known), with pipeline stages one per stage.
 * Arrivals and aborts wait until the thread comes round; tokens leave at the end of the step that made them.
 */
export class PlainEngine implements EngineModel {
  readonly #options: PlainEngineOptions;
  readonly #depth: number;
  readonly #shape: StepShape = emptyShape();
  readonly #sequences = new Map<SequenceId, PlainRequest>();
  #scheduler: PlainScheduler;
  #arrived: PlainRequest[] = [];
  #aborted: SequenceId[] = [];
  #inFlight: Flight[] = [];
  /** When the device has room for the next step. */
  #deviceFree = 0 as Instant;
  /** Steps end in the order in which they started. */
  #lastEnd = 0 as Instant;
  /** When an idle thread looks at its queue. */
  #startsAt: Instant = never;
  #slowdown = 1;
  #busy = 0;
  #preemptions = 0;
  #lastBatch = 0;
  #steps = 0;
  #stepsOutside = 0;
  #stepSequences = 0;
  #stepTokens = 0;
  #inside = false;

  constructor(options: PlainEngineOptions) {
    this.#options = options;
    const { pipelineStages, asyncScheduling } = options.rules;
    this.#depth = (pipelineStages > 1 ? pipelineStages : 1) + (asyncScheduling ? 1 : 0);
    this.#scheduler = new PlainScheduler(options.rules);
  }

  handle(event: EngineEvent, now: Instant, out: Out<EngineCommand>): void {
    this.#enter();
    while (this.nextDeadline() < now) this.#carryOut(out);
    switch (event.kind) {
      case "sequence-submitted":
        this.#submit(event, now);
        break;
      case "sequence-aborted":
        assert(this.#sequences.has(event.id) && !this.#aborted.includes(event.id), "abort of a sequence that is not running");
        this.#aborted.push(event.id);
        break;
      case "speed-changed":
        assert(event.factor > 0, "speed factor must be above 0");
        this.#slowdown = event.factor;
        break;
      case "engine-crashed":
        this.#crash(now, out);
        break;
    }
    this.#inside = false;
  }

  wake(now: Instant, out: Out<EngineCommand>): void {
    this.#enter();
    while (this.nextDeadline() <= now) this.#carryOut(out);
    this.#inside = false;
  }

  nextDeadline(): Instant {
    return this.#inFlight[0]?.endsAt ?? this.#startsAt;
  }

  observe(now: Instant): EngineSignals {
    const { pool } = this.#scheduler.cache;
    const blocks = this.#options.rules.blocks - 1;
    const running = this.#inFlight[0]?.endsAt ?? null;
    const { prefix } = this.#scheduler;
    return {
      running: this.#scheduler.running.length,
      waiting: this.#scheduler.waiting.length + this.#arrived.length,
      blocksUsed: blocks - pool.free,
      blocks,
      prefixQueries: prefix.queries,
      prefixHits: prefix.hits,
      preemptions: this.#preemptions,
      busy: (this.#busy - (running === null ? 0 : Math.max(0, running - now))) as Duration,
      batchUse: this.#lastBatch / this.#options.rules.sequencesMax,
      steps: this.#steps,
      stepsOutsideRange: this.#stepsOutside,
      stepSequences: this.#stepSequences,
      stepTokens: this.#stepTokens,
    };
  }

  outputTokensOf(id: SequenceId): number {
    return this.#sequences.get(id)?.outputs ?? 0;
  }

  #enter(): void {
    assert(!this.#inside, "an engine is never re-entered");
    this.#inside = true;
  }

  #submit(event: Extract<EngineEvent, { kind: "sequence-submitted" }>, now: Instant): void {
    assert(!this.#sequences.has(event.id), "sequence id is in use");
    const request = createPlainRequest(submissionOf(event, this.#options.rules.modelTokensMax));
    this.#sequences.set(event.id, request);
    this.#arrived.push(request);
    if (this.#inFlight.length === 0) this.#startsAt = now;
  }

  #crash(now: Instant, out: Out<EngineCommand>): void {
    for (const request of [...this.#sequences.values()].toSorted((one, other) => one.id - other.id)) {
      out.emit({ kind: "end-sequence", id: request.id as SequenceId, reason: "error", outputTokens: request.outputs, preemptions: request.preemptions }, now);
    }
    this.#sequences.clear();
    this.#scheduler = new PlainScheduler(this.#options.rules);
    this.#arrived = [];
    this.#aborted = [];
    this.#inFlight = [];
    this.#deviceFree = now;
    this.#lastEnd = now;
    this.#startsAt = never;
    this.#lastBatch = 0;
    this.#steps = 0;
    this.#stepsOutside = 0;
    this.#stepSequences = 0;
    this.#stepTokens = 0;
    this.#busy = 0;
    this.#preemptions = 0;
  }

  /** What is due next, as of its own instant. */
  #carryOut(out: Out<EngineCommand>): void {
    const at = this.nextDeadline();
    const oldest = this.#inFlight.shift();
    this.#startsAt = never;
    if (oldest !== undefined) {
      this.#takeAborts(at, out, false);
      this.#update(oldest.batch, at, out);
    }
    this.#fillQueue(at, out);
    this.#startOldest();
  }

  #fillQueue(at: Instant, out: Out<EngineCommand>): void {
    for (;;) {
      for (const request of this.#arrived) this.#scheduler.add(request);
      this.#arrived = [];
      this.#takeAborts(at, out, true);
      if (!this.#scheduler.hasRequests) return;
      const batch = this.#scheduler.schedule();
      this.#preemptions += batch.preempted.length;
      if (batch.entries.length > 0) this.#count(batch);
      for (const entry of batch.entries) {
        if (entry.admitted !== "new") continue;
        out.emit({ kind: "start-sequence", id: entry.request.id as SequenceId, cachedTokens: entry.computedBefore }, at);
      }
      this.#inFlight.push({ batch, scheduledAt: at, endsAt: null });
      if (this.#inFlight.length >= this.#depth || (batch.entries.length === 0 && !this.#scheduler.hasRequests)) return;
    }
  }

  #count(batch: Batch): void {
    this.#lastBatch = batch.entries.length;
    this.#steps++;
    fillShape(this.#shape, batch);
    this.#stepSequences += this.#shape.sequences;
    this.#stepTokens += this.#shape.tokens;
    if (isOutside(this.#options.stepTime.range, this.#shape)) this.#stepsOutside++;
  }

  /** Steps start in order, each when it was scheduled and the device has room; its speed is that of its start. */
  #startOldest(): void {
    const { pipelineStages } = this.#options.rules;
    for (const [place, flight] of this.#inFlight.entries()) {
      if (place >= pipelineStages) return;
      if (flight.endsAt !== null) continue;
      const start = Math.max(flight.scheduledAt, this.#deviceFree);
      const time = this.#timeOf(flight.batch);
      this.#busy += Math.ceil(time / pipelineStages);
      this.#deviceFree = (start + Math.ceil(time / pipelineStages)) as Instant;
      this.#lastEnd = Math.max(this.#lastEnd, start + time) as Instant;
      flight.endsAt = this.#lastEnd;
    }
  }

  #timeOf(batch: Batch): number {
    if (batch.entries.length === 0) return 0;
    fillShape(this.#shape, batch);
    const time = this.#options.stepTime.stepTime(this.#shape);
    return this.#slowdown === 1 ? time : Math.max(1, Math.floor(time * this.#slowdown + 0.5));
  }

  /** @param arrived whether what has arrived is in the scheduler: only then can it be aborted there */
  #takeAborts(at: Instant, out: Out<EngineCommand>, arrived: boolean): void {
    if (this.#aborted.length === 0) return;
    const left: SequenceId[] = [];
    for (const id of this.#aborted) {
      const request = this.#sequences.get(id);
      assert(request !== undefined, "aborted sequence is known");
      if (!arrived && this.#arrived.includes(request)) {
        left.push(id);
        continue;
      }
      this.#scheduler.abort(request);
      this.#sequences.delete(id);
      out.emit({ kind: "end-sequence", id, reason: "abort", outputTokens: request.outputs, preemptions: request.preemptions }, at);
    }
    this.#aborted = left;
  }

  #update(batch: Batch, at: Instant, out: Out<EngineCommand>): void {
    this.#scheduler.update(batch, this.#options.acceptance, {
      output: (request, count) => {
        const from = request.outputs - count;
        if (from > 0 && this.#options.detail === "first-token") return;
        out.emit({ kind: "emit-tokens", id: request.id as SequenceId, from, count }, at);
      },
      finished: (request, reason) => {
        const id = request.id as SequenceId;
        this.#sequences.delete(id);
        out.emit({ kind: "end-sequence", id, reason, outputTokens: request.outputs, preemptions: request.preemptions }, at);
      },
    });
  }
}

/** A sequence with one token beside its drafts is a decode, whatever it is to the scheduler: the device does the same work. */
function fillShape(shape: StepShape, batch: Batch): void {
  Object.assign(shape, emptyShape());
  for (const { tokens, drafts, computedBefore } of batch.entries) {
    shape.sequences++;
    shape.tokens += tokens;
    shape.draftTokens += drafts;
    if (tokens - drafts === 1) {
      shape.decodes++;
      shape.decodeContext += computedBefore + tokens;
      shape.decodeContextMax = Math.max(shape.decodeContextMax, computedBefore + tokens);
    } else {
      shape.chunkAttention += tokens * (computedBefore + tokens / 2);
      shape.prefillPast += computedBefore;
    }
  }
}
