import { assert } from "../../../../router/core/assert.ts";
import type { Duration, Instant, Out } from "../../../../router/core/machine.ts";
import { never } from "../../../../router/core/time.ts";
import { emptyShape, isOutside, isUnlimited } from "../../step-time/step-range.ts";
import type { WanderingSpeed } from "../../step-time/wandering-speed.ts";
import type { EngineCommand, EngineEvent, EngineModel, EngineSignals, SequenceId, StepTimeModel } from "../engine.ts";
import { submissionOf } from "../submission.ts";
import { CommandWriter } from "./command-writer.ts";
import { idleLoop, noTotals } from "./engine-loop.ts";
import type { FastRules } from "./fast-rules.ts";
import { FastScheduler } from "./fast-scheduler.ts";
import { processCall } from "./process-call.ts";
import { certainEndsOf, onlyDecodes, scheduleCall, setCertainEndsAside } from "./schedule-call.ts";

/**
 * vLLM's engine loop in time, around the fast scheduler. An iteration of the loop takes in the oldest step in flight, arrivals and aborts, and schedules
 * the next step; synchronous one deep, asynchronous two. Iterations in which nothing can happen but one more token for everybody are `quiet`:
 * how many come next follows from the sums, their times from the step-time model, and they are carried out all at once, or as many as lie before an event.
 */
export class FastEngine implements EngineModel {
  readonly #rules: FastRules;
  readonly #wandering: WanderingSpeed | null;
  readonly #stepTime: StepTimeModel;
  readonly #all: boolean;
  readonly #depth: number;
  readonly #shape = emptyShape();
  readonly #stretch = { steps: 0, endsAt: never };
  readonly #writer: CommandWriter;
  #scheduler: FastScheduler;
  readonly #aborted: SequenceId[] = [];
  readonly #loop = idleLoop();
  #totals = noTotals();
  readonly #unlimited: boolean;

  constructor(rules: FastRules, stepTime: StepTimeModel, detail: "first-token" | "tokens", wandering: WanderingSpeed | null = null) {
    this.#rules = rules;
    this.#wandering = wandering;
    this.#stepTime = stepTime;
    this.#unlimited = isUnlimited(stepTime.range);
    this.#all = detail === "tokens";
    this.#depth = rules.asyncScheduling ? 2 : 1;
    this.#writer = new CommandWriter(this.#all);
    this.#scheduler = new FastScheduler(rules, this.#writer, stepTime.usesContextMax);
  }

  handle(event: EngineEvent, now: Instant, out: Out<EngineCommand>): void {
    const loop = this.#loop;
    this.#enter(out);
    while (loop.deadline < now) this.#carryOut();
    loop.settledTo = (loop.wokenAt === now ? now : now - 1) as Instant;
    this.#goQuietly(loop.settledTo);
    this.#writer.at = now;
    switch (event.kind) {
      case "sequence-submitted":
        this.#scheduler.submit(submissionOf(event, this.#rules.modelTokensMax));
        this.#interrupt(now);
        break;
      case "sequence-aborted":
        assert(this.#scheduler.sequenceOf(event.id).phase !== "ended" && !this.#aborted.includes(event.id), "abort of a sequence that is not running");
        this.#aborted.push(event.id);
        this.#interrupt(now);
        break;
      case "speed-changed":
        assert(event.factor > 0, "speed factor must be above 0");
        loop.slowdown = event.factor;
        this.#interrupt(never);
        break;
      case "engine-crashed":
        this.#crash(now);
        break;
    }
    this.#writer.out = null;
  }

  wake(now: Instant, out: Out<EngineCommand>): void {
    const loop = this.#loop;
    this.#enter(out);
    while (loop.deadline <= now) this.#carryOut();
    loop.wokenAt = now;
    loop.settledTo = now;
    this.#writer.out = null;
  }

  nextDeadline(): Instant {
    return this.#loop.deadline;
  }

  observe(now: Instant): EngineSignals {
    const loop = this.#loop;
    const totals = this.#totals;
    this.#goQuietly((loop.wokenAt === now ? now : now - 1) as Instant);
    const { state } = this.#scheduler;
    const blocks = this.#rules.blocks - 1;
    return {
      running: state.running.length,
      waiting: state.waiting.list.length,
      blocksUsed: blocks - state.memory.free,
      blocks,
      prefixQueries: state.prefix.queries,
      prefixHits: state.prefix.hits,
      preemptions: state.preemptions,
      busy: (totals.busy + (loop.endsAt === never ? 0 : Math.min(now, loop.endsAt) - totals.busySince)) as Duration,
      batchUse: totals.lastBatch / this.#rules.sequencesMax,
      steps: totals.steps,
      stepsOutsideRange: totals.stepsOutside,
      stepSequences: totals.stepSequences,
      stepTokens: totals.stepTokens,
    };
  }

  #enter(out: Out<EngineCommand>): void {
    assert(this.#writer.out === null, "an engine is never re-entered");
    this.#writer.out = out;
  }

  /** What came in must be looked at when the loop comes round. @param idleAt when, should it be idle */
  #interrupt(idleAt: Instant): void {
    const loop = this.#loop;
    loop.quiet = 0;
    if (loop.endsAt === never && loop.startsAt === never) loop.startsAt = idleAt;
    loop.deadline = loop.endsAt === never ? loop.startsAt : loop.endsAt;
  }

  #carryOut(): void {
    const loop = this.#loop;
    const totals = this.#totals;
    this.#skip(loop.quiet, loop.deadline);
    const at = loop.deadline;
    this.#writer.at = at;
    const { state } = this.#scheduler;
    if (state.call > state.processed) {
      if (this.#aborted.length > 0) this.#takeAborts(false);
      processCall(state, this.#all);
      loop.oldestTime = loop.nextTime;
    }
    loop.startsAt = never;
    this.#fillQueue();
    if (state.call > state.processed) {
      if (loop.endsAt === never) totals.busySince = at;
      loop.endsAt = (at + this.#scaled(loop.oldestTime, at)) as Instant;
    } else if (loop.endsAt !== never) {
      totals.busy += at - totals.busySince;
      loop.endsAt = never;
    }
    this.#plan();
  }

  #fillQueue(): void {
    const loop = this.#loop;
    const totals = this.#totals;
    const scheduler = this.#scheduler;
    const { state } = scheduler;
    for (;;) {
      if (this.#aborted.length > 0) this.#takeAborts(true);
      if (!scheduler.hasRequests) return;
      scheduleCall(state);
      const { shape } = state;
      const time = shape.tokens === 0 ? 0 : this.#stepTime.stepTime(shape);
      if (state.call - state.processed === 1) loop.oldestTime = time;
      else loop.nextTime = time;
      if (shape.tokens > 0) {
        totals.lastBatch = shape.sequences;
        totals.steps++;
        totals.stepSequences += shape.sequences;
        totals.stepTokens += shape.tokens;
        if (!this.#unlimited && isOutside(this.#stepTime.range, shape)) totals.stepsOutside++;
      }
      if (state.call - state.processed >= this.#depth || (shape.tokens === 0 && !scheduler.hasRequests)) return;
    }
  }

  /** @param arrived whether what was submitted since the last call is looked at: only then can it be aborted */
  #takeAborts(arrived: boolean): void {
    const { call } = this.#scheduler.state;
    let left = 0;
    for (const id of this.#aborted) {
      const sequence = this.#scheduler.sequenceOf(id);
      if (!arrived && sequence.submittedAfter === call) {
        this.#aborted[left++] = id;
        continue;
      }
      this.#scheduler.abort(sequence);
      this.#writer.ended(sequence, "abort");
    }
    this.#aborted.length = left;
  }

  #crash(now: Instant): void {
    for (const sequence of this.#scheduler.live()) {
      sequence.outputs = this.#scheduler.state.outputsOf(sequence);
      this.#writer.ended(sequence, "error");
    }
    this.#scheduler = new FastScheduler(this.#rules, this.#writer, this.#stepTime.usesContextMax);
    this.#aborted.length = 0;
    const loop = this.#loop;
    loop.endsAt = never;
    loop.startsAt = never;
    loop.deadline = never;
    loop.quiet = 0;
    this.#totals = noTotals();
    this.#totals.busySince = now;
  }

  outputTokensOf(id: SequenceId): number {
    this.#goQuietly(this.#loop.settledTo);
    const sequence = this.#scheduler.sequenceOf(id);
    return sequence.phase === "ended" ? 0 : this.#scheduler.state.outputsOf(sequence);
  }

  /** Of a step that starts at `start`, at the present speed. */
  #scaled(time: number, start: number): number {
    if ((this.#loop.slowdown === 1 && this.#wandering === null) || time === 0) return time;
    const slowdown = this.#loop.slowdown * (this.#wandering?.factorAt(start as Instant) ?? 1);
    return slowdown === 1 ? time : Math.max(1, Math.floor(time * slowdown + 0.5));
  }

  /** Finds the next iteration that is not quiet. */
  #plan(): void {
    const loop = this.#loop;
    loop.quiet = 0;
    if (loop.endsAt === never) {
      loop.deadline = loop.startsAt;
      return;
    }
    const quiet = this.#all ? 0 : this.#quietIterations();
    loop.quiet = Math.max(0, quiet);
    loop.deadline = loop.quiet === 0 ? loop.endsAt : this.#endAfter(loop.quiet, never).endsAt;
  }

  /**
   * Iterations from the end of the oldest step on that take in no first token and no end, schedule nothing but one token for each of the same sequences,
   * and find the blocks for it. The last of them may leave out those that are certain to end with the step before: they keep their places and blocks.
   * A head of the line that did not fit stays so: free blocks only get fewer, and so do its hits.
   */
  #quietIterations(): number {
    const { state } = this.#scheduler;
    const { decodes } = state;
    if (state.call - state.processed !== this.#depth || !onlyDecodes(state)) return 0;
    const oldest = state.processed + 1;
    const outputCall = state.outputs.earliestFrom(oldest);
    let quiet = outputCall - oldest;
    if (quiet === 0) return 0;
    const leaving = this.#rules.asyncScheduling ? certainEndsOf(state, outputCall) : 0;
    // A batch without anybody is another matter.
    if (leaving === decodes.count) quiet--;
    quiet = decodes.callsWithin(state.memory.free, state.call + 1, quiet);
    quiet = state.fills.callsWithout(state.call + 1, quiet);
    this.#loop.leaving = oldest + quiet === outputCall ? leaving : 0;
    return quiet;
  }

  /** Carries out the quiet iterations at and before `limit`. */
  #goQuietly(limit: Instant): void {
    const loop = this.#loop;
    if (loop.quiet === 0 || loop.endsAt > limit) return;
    const { steps, endsAt } = this.#endAfter(loop.quiet, limit);
    this.#skip(steps, endsAt);
    loop.quiet -= steps;
  }

  /**
   * When the oldest step in flight ends after `iterations`, or, when that is beyond `limit`, after the first so many that it ends behind `limit`.
   * An iteration starts the step behind the oldest: asynchronous, its time is known; else it is the step that the iteration schedules.
   */
  #endAfter(iterations: number, limit: Instant): { steps: number; endsAt: Instant } {
    const loop = this.#loop;
    const stretch = this.#stretch;
    const { call } = this.#scheduler.state;
    let done = 0;
    let endsAt: number = loop.endsAt;
    if (this.#rules.asyncScheduling) {
      endsAt += this.#scaled(loop.nextTime, endsAt);
      done = 1;
    }
    const first = call + 1;
    if (done < iterations && endsAt <= limit) {
      this.#decodesOf(first);
      this.#stretchOf(iterations - done, endsAt as Instant, limit);
      const { steps } = stretch;
      endsAt = stretch.endsAt;
      done += steps;
      if (done < iterations && endsAt <= limit) {
        this.#decodesOf(first + steps);
        endsAt += this.#scaled(this.#stepTime.stepTime(this.#shape), endsAt);
        done++;
      }
    }
    stretch.steps = done;
    stretch.endsAt = endsAt as Instant;
    return stretch;
  }

  #decodesOf(call: number): void {
    const { state } = this.#scheduler;
    state.decodes.fill(this.#shape, call, state.running.first);
  }

  /** As the model's decodeStretch, at the present speed. */
  #stretchOf(stepsMax: number, from: Instant, until: Instant): void {
    const stretch = this.#stretch;
    if (this.#loop.slowdown === 1 && this.#wandering === null) {
      this.#stepTime.decodeStretch(this.#shape, stepsMax, from, until, stretch);
      return;
    }
    const shape = this.#shape;
    stretch.steps = 0;
    stretch.endsAt = from;
    while (stretch.steps < stepsMax) {
      const endsAt = (stretch.endsAt + this.#scaled(this.#stepTime.stepTime(shape), stretch.endsAt)) as Instant;
      if (endsAt > until) return;
      stretch.endsAt = endsAt;
      stretch.steps++;
      shape.decodeContext += shape.decodes;
      shape.decodeContextMax++;
    }
  }

  /** Contexts only grow: from the last call back to the first that is inside. */
  #countOutside(first: number, calls: number): void {
    for (let call = first + calls - 1; call >= first; call--) {
      this.#decodesOf(call);
      if (!isOutside(this.#stepTime.range, this.#shape)) return;
      this.#totals.stepsOutside++;
    }
  }

  #skip(iterations: number, endsAt: Instant): void {
    if (iterations === 0) return;
    const loop = this.#loop;
    const { state } = this.#scheduler;
    if (loop.leaving > 0 && iterations === loop.quiet) {
      this.#decodeIn(iterations - 1);
      setCertainEndsAside(state, state.call);
      this.#decodeIn(1);
    } else this.#decodeIn(iterations);
    loop.endsAt = endsAt;
    if (!this.#rules.asyncScheduling) return;
    this.#decodesOf(state.call);
    loop.nextTime = this.#stepTime.stepTime(this.#shape);
  }

  /** So many calls in which all decoding sequences, and nobody else, get their token. */
  #decodeIn(calls: number): void {
    if (calls === 0) return;
    const totals = this.#totals;
    const { state } = this.#scheduler;
    const { decodes } = state;
    const blocks = decodes.blocksNeeded(state.call + 1, calls);
    if (blocks > 0) state.memory.take(blocks);
    totals.steps += calls;
    totals.stepSequences += calls * decodes.count;
    totals.stepTokens += calls * decodes.count;
    totals.lastBatch = decodes.count;
    if (!this.#unlimited) this.#countOutside(state.call + 1, calls);
    state.call += calls;
    state.processed += calls;
  }
}
