import { assert, present } from "../../../../router/core/assert.ts";
import type { Duration, Instant, Out } from "../../../../router/core/machine.ts";
import { earlier, never } from "../../../../router/core/time.ts";
import { emptyShape, isOutside } from "../../step-time/step-range.ts";
import type { WanderingSpeed } from "../../step-time/wandering-speed.ts";
import type { EngineCommand, EngineEvent, EngineModel, EngineSignals, SequenceId, StepShape, StepTimeModel } from "../engine.ts";
import { RankBalancer } from "../rank-balancer.ts";
import { submissionOf } from "../submission.ts";
import { createPlainRequest } from "./plain-request.ts";
import type { KvRole, PlainRequest } from "./plain-request.ts";
import { PlainScheduler } from "./plain-scheduler.ts";
import type { Acceptance, Batch, SchedulerRules } from "./plain-scheduler.ts";

interface Flight {
  /** By rank; null: it had nothing to schedule. */
  readonly batches: readonly (Batch | null)[];
  readonly scheduledAt: Instant;
  /** Null until it has started. */
  endsAt: Instant | null;
}

export interface PlainEngineOptions {
  readonly rules: SchedulerRules;
  readonly stepTime: StepTimeModel;
  readonly detail: "first-token" | "tokens";
  readonly acceptance: Acceptance;
  /** Schedulers whose steps go together; 1: one alone. */
  readonly lockstepRanks: number;
  /** What drafting adds to a step, microseconds. */
  readonly draftTime: (shape: Readonly<StepShape>) => number;
  readonly wandering: WanderingSpeed | null;
  /** Blocks stand ready for so many tokens of a sequence's KV, made by another engine: `kvArrived` is to follow. */
  readonly kvWanted?: (id: SequenceId, tokens: number, at: Instant) => void;
}

/**
 * vLLM's engine loop in time, around the plain scheduler. One thread schedules, then waits for the oldest step in flight:
 * synchronous one step deep, asynchronous two (the next step is scheduled before the output of the last is known), with pipeline stages one per stage.
 * Arrivals and aborts wait until the thread comes round; tokens leave at the end of the step that made them.
 * Ranks in lockstep (data parallel, mixture of experts) are several schedulers whose steps start and end together: a step takes as long as its longest rank, a rank without
 * work runs a dummy one of a single token, and after the last request they go on until their step count is a multiple of 32, where they next ask each other.
 */
export class PlainEngine implements EngineModel {
  readonly #options: PlainEngineOptions;
  readonly #depth: number;
  readonly #shape: StepShape = emptyShape();
  readonly #sequences = new Map<SequenceId, PlainRequest>();
  readonly #lockstep: boolean;
  readonly #balancer: RankBalancer;
  #ranks: readonly PlainScheduler[];
  /** Steps since the ranks in lockstep were last idle. */
  #waveSteps = 0;
  /** Ended, and their KV still here for another engine. */
  readonly #left = new Map<SequenceId, PlainRequest>();
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
    this.#lockstep = options.lockstepRanks > 1;
    this.#balancer = new RankBalancer(options.lockstepRanks, this.#lockstep);
    this.#ranks = this.#makeRanks();
  }

  #makeRanks(): readonly PlainScheduler[] {
    return Array.from({ length: this.#options.lockstepRanks }, () => new PlainScheduler(this.#options.rules));
  }

  #rankOf({ rank }: PlainRequest): PlainScheduler {
    return present(this.#ranks[rank], "the request's rank");
  }

  handle(event: EngineEvent, now: Instant, out: Out<EngineCommand>): void {
    this.#enter();
    while (this.nextDeadline() < now) this.#carryOut(out);
    switch (event.kind) {
      case "sequence-submitted":
        this.#submit(event, now, "here");
        break;
      case "sequence-aborted":
        assert(this.#sequences.has(event.id) && !this.#aborted.includes(event.id), "abort of a sequence that is not running");
        this.#aborted.push(event.id);
        this.#startIdle(now);
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

  /** A sequence of which this engine computes only one part. */
  submitPart(event: Extract<EngineEvent, { kind: "sequence-submitted" }>, kv: KvRole, now: Instant, out: Out<EngineCommand>): void {
    this.#enter();
    while (this.nextDeadline() < now) this.#carryOut(out);
    this.#submit(event, now, kv);
    this.#inside = false;
  }

  /** What `kvWanted` asked for is there; nothing, if the sequence has gone meanwhile. */
  kvArrived(id: SequenceId, now: Instant, out: Out<EngineCommand>): void {
    this.#enter();
    while (this.nextDeadline() < now) this.#carryOut(out);
    const request = this.#sequences.get(id);
    if (request?.status === "loading") this.#rankOf(request).load(request);
    this.#startIdle(now);
    this.#inside = false;
  }

  /** Another engine has the KV that an ended sequence left here, or needs it no more. */
  kvLeft(id: SequenceId, now: Instant, out: Out<EngineCommand>): void {
    this.#enter();
    while (this.nextDeadline() < now) this.#carryOut(out);
    const request = this.#left.get(id);
    if (request !== undefined) this.#rankOf(request).letGo(request);
    this.#left.delete(id);
    this.#startIdle(now);
    this.#inside = false;
  }

  #startIdle(now: Instant): void {
    if (this.#inFlight.length === 0 && this.#startsAt === never) this.#startsAt = now;
  }

  wake(now: Instant, out: Out<EngineCommand>): void {
    this.#enter();
    while (this.nextDeadline() <= now) this.#carryOut(out);
    this.#inside = false;
  }

  nextDeadline(): Instant {
    return earlier(this.#comesRoundAt(), this.#balancer.publishesAt);
  }

  #comesRoundAt(): Instant {
    return this.#inFlight[0]?.endsAt ?? this.#startsAt;
  }

  observe(now: Instant): EngineSignals {
    const ends = this.#inFlight[0]?.endsAt ?? null;
    const sum = (of: (rank: PlainScheduler) => number): number => this.#ranks.reduce((total, rank) => total + of(rank), 0);
    const blocks = (this.#options.rules.blocks - 1) * this.#ranks.length;
    return {
      running: sum(({ running }) => running.length),
      waiting: sum(({ waiting }) => waiting.length) + this.#arrived.length,
      blocksUsed: blocks - sum(({ cache }) => cache.pool.free),
      blocks,
      prefixQueries: sum(({ prefix }) => prefix.queries),
      prefixHits: sum(({ prefix }) => prefix.hits),
      preemptions: this.#preemptions,
      busy: (this.#busy - (ends === null ? 0 : Math.max(0, ends - now))) as Duration,
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

  liveSequences(): readonly SequenceId[] {
    return [...this.#sequences.keys()];
  }

  #enter(): void {
    assert(!this.#inside, "an engine is never re-entered");
    this.#inside = true;
  }

  #submit(event: Extract<EngineEvent, { kind: "sequence-submitted" }>, now: Instant, kv: KvRole): void {
    assert(!this.#sequences.has(event.id), "sequence id is in use");
    const request = createPlainRequest(submissionOf(event, this.#options.rules.modelTokensMax), kv, this.#balancer.choose());
    this.#balancer.changed(now);
    this.#sequences.set(event.id, request);
    this.#arrived.push(request);
    this.#startIdle(now);
  }

  #crash(now: Instant, out: Out<EngineCommand>): void {
    for (const request of [...this.#sequences.values()].toSorted((one, other) => one.id - other.id)) {
      out.emit({ kind: "end-sequence", id: request.id as SequenceId, reason: "error", outputTokens: request.outputs, preemptions: request.preemptions }, now);
    }
    this.#sequences.clear();
    this.#left.clear();
    this.#ranks = this.#makeRanks();
    this.#waveSteps = 0;
    this.#balancer.publish(this.#ranks.map(() => ({ waiting: 0, running: 0 })));
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
    if (this.#comesRoundAt() > at) {
      this.#balancer.publish(this.#ranks.map(({ waiting, running }) => ({ waiting: waiting.length, running: running.length })));
      return;
    }
    const oldest = this.#inFlight.shift();
    this.#startsAt = never;
    if (oldest !== undefined) {
      this.#takeAborts(at, out, false);
      for (const [rank, batch] of oldest.batches.entries()) if (batch !== null) this.#update(present(this.#ranks[rank], "a rank"), batch, at, out);
    }
    this.#fillQueue(at, out);
    this.#startOldest();
  }

  #fillQueue(at: Instant, out: Out<EngineCommand>): void {
    for (;;) {
      for (const request of this.#arrived) this.#rankOf(request).add(request);
      this.#arrived = [];
      this.#takeAborts(at, out, true);
      if (!this.#hasRequests && (!this.#lockstep || this.#waveSteps % 32 === 0)) {
        this.#waveSteps = 0;
        return;
      }
      const batches = this.#ranks.map((rank) => (rank.hasRequests ? this.#schedule(rank, at, out) : null));
      const empty = isEmpty(batches);
      // All that wait do so for another engine: this one sleeps until something comes.
      if (empty && this.#inFlight.every((flight) => isEmpty(flight.batches)) && this.#ranks.some((rank) => rank.isStuck)) return;
      this.#inFlight.push({ batches, scheduledAt: at, endsAt: null });
      this.#waveSteps++;
      if (this.#inFlight.length >= this.#depth || (empty && !this.#hasRequests)) return;
    }
  }

  get #hasRequests(): boolean {
    return this.#ranks.some((rank) => rank.hasRequests);
  }

  #schedule(rank: PlainScheduler, at: Instant, out: Out<EngineCommand>): Batch {
    const batch = rank.schedule();
    this.#preemptions += batch.preempted.length;
    if (batch.entries.length > 0) this.#count(batch);
    for (const entry of batch.entries) {
      if (entry.admitted !== "new") continue;
      out.emit({ kind: "start-sequence", id: entry.request.id as SequenceId, cachedTokens: entry.computedBefore }, at);
    }
    for (const { id, remoteTokens, computed } of batch.loads) this.#options.kvWanted?.(id as SequenceId, remoteTokens - computed, at);
    return batch;
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
    const { pipelineStages, pipelineHopUs } = this.#options.rules;
    for (const [place, flight] of this.#inFlight.entries()) {
      if (place >= pipelineStages) return;
      if (flight.endsAt !== null) continue;
      const start = Math.max(flight.scheduledAt, this.#deviceFree);
      const time = this.#timeOf(flight, start as Instant);
      this.#busy += Math.ceil(time / pipelineStages);
      this.#deviceFree = (start + Math.ceil(time / pipelineStages)) as Instant;
      const hops = time === 0 ? 0 : Math.floor((pipelineStages - 1) * pipelineHopUs + 0.5);
      this.#lastEnd = Math.max(this.#lastEnd, start + time + hops) as Instant;
      flight.endsAt = this.#lastEnd;
    }
  }

  /** That of its longest rank, since all wait for each other. */
  #timeOf(flight: Flight, start: Instant): number {
    let longest = 0;
    for (const batch of flight.batches) {
      const idle = batch === null || batch.entries.length === 0;
      if (idle && !this.#lockstep) continue;
      if (idle) Object.assign(this.#shape, dummyShape);
      else fillShape(this.#shape, batch);
      const { stepTime, draftTime } = this.#options;
      longest = Math.max(longest, stepTime.stepTime(this.#shape) + draftTime(this.#shape));
    }
    if (longest === 0) return 0;
    const slowdown = this.#slowdown * (this.#options.wandering?.factorAt(start) ?? 1);
    return slowdown === 1 ? longest : Math.max(1, Math.floor(longest * slowdown + 0.5));
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
      this.#rankOf(request).abort(request);
      this.#balancer.changed(at);
      this.#sequences.delete(id);
      out.emit({ kind: "end-sequence", id, reason: "abort", outputTokens: request.outputs, preemptions: request.preemptions }, at);
    }
    this.#aborted = left;
  }

  #update(rank: PlainScheduler, batch: Batch, at: Instant, out: Out<EngineCommand>): void {
    rank.update(batch, this.#options.acceptance, {
      output: (request, count) => {
        const from = request.outputs - count;
        if (from > 0 && this.#options.detail === "first-token") return;
        out.emit({ kind: "emit-tokens", id: request.id as SequenceId, from, count }, at);
      },
      finished: (request, reason) => {
        const id = request.id as SequenceId;
        this.#sequences.delete(id);
        this.#balancer.changed(at);
        if (request.keepsKv) this.#left.set(id, request);
        out.emit({ kind: "end-sequence", id, reason, outputTokens: request.outputs, preemptions: request.preemptions }, at);
      },
    });
  }
}

const isEmpty = (batches: Flight["batches"]): boolean => batches.every((batch) => batch === null || batch.entries.length === 0);

/** What a rank without work computes beside the others. */
const dummyShape: StepShape = { ...emptyShape(), sequences: 1, decodes: 1, tokens: 1, decodeContext: 1, decodeContextMax: 1 };

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
