import { assert, broken } from "../../../../router/core/assert.ts";
import type { Duration, Instant, Out } from "../../../../router/core/machine.ts";
import { never } from "../../../../router/core/time.ts";
import type { EngineCommand, EngineEvent, EngineModel, EngineSignals, SequenceId } from "../engine.ts";
import { submissionOf } from "../submission.ts";
import { carryOut } from "./carry-out.ts";
import { EngineLoop } from "./engine-loop.ts";
import type { Sequence } from "./sequence.ts";
import { goQuietly } from "./quiet-iterations.ts";

/**
 * vLLM's engine loop in time, around the fast scheduler. An iteration of the loop takes in the oldest step in flight, arrivals and aborts, and schedules
 * the next step; synchronous one deep, asynchronous two. Those in which nothing happens are skipped (see quiet-iterations).
 */
export class FastEngine extends EngineLoop implements EngineModel {
  handle(event: EngineEvent, now: Instant, out: Out<EngineCommand>): void {
    enter(this, out);
    while (this.deadline < now) carryOut(this);
    this.settledTo = (this.settledTo === now ? now : now - 1) as Instant;
    goQuietly(this, this.settledTo);
    this.bench.writer.at = now;
    switch (event.kind) {
      case "sequence-submitted":
        this.submit(submissionOf(event, this.rules.modelTokensMax, this.bench.submission));
        interrupt(this, now);
        break;
      case "sequence-aborted":
        this.aborted = [...this.aborted, toAbort(this, event.id)];
        interrupt(this, now);
        break;
      case "speed-changed":
        assert(event.factor > 0, "speed factor must be above 0");
        this.slowdown = event.factor;
        interrupt(this, never);
        break;
      case "engine-crashed":
        crash(this, now);
        break;
    }
    this.bench.writer.out = null;
  }

  wake(now: Instant, out: Out<EngineCommand>): void {
    enter(this, out);
    while (this.deadline <= now) carryOut(this);
    this.settledTo = now;
    this.bench.writer.out = null;
  }

  nextDeadline(): Instant {
    return this.deadline;
  }

  observe(now: Instant): EngineSignals {
    goQuietly(this, (this.settledTo === now ? now : now - 1) as Instant);
    const blocks = this.rules.blocks - 1;
    return {
      running: this.running,
      waiting: this.waiting,
      blocksUsed: blocks - this.memory.free,
      blocks,
      prefixQueries: this.prefix.queries,
      prefixHits: this.prefix.hits,
      preemptions: this.preemptions,
      busy: (this.busy + (this.endsAt === never ? 0 : Math.min(now, this.endsAt) - this.busySince)) as Duration,
      batchUse: this.lastBatch / this.rules.sequencesMax,
      steps: this.steps,
      stepsOutsideRange: this.stepsOutside,
      stepSequences: this.stepSequences,
      stepTokens: this.stepTokens,
    };
  }

  outputTokensOf(id: SequenceId): number {
    goQuietly(this, this.settledTo);
    const sequence = this.sequenceOf(id);
    return sequence === null ? 0 : this.outputsOf(sequence);
  }

  liveSequences(): readonly SequenceId[] {
    return this.live().map(({ id }) => id as SequenceId);
  }
}

function toAbort(loop: EngineLoop, id: SequenceId): Sequence {
  const sequence = loop.sequenceOf(id);
  if (sequence === null || loop.aborted.includes(sequence)) broken("abort of a sequence that is not running");
  return sequence;
}

function enter({ bench }: EngineLoop, out: Out<EngineCommand>): void {
  const { writer } = bench;
  if (writer.out !== null) broken("an engine is never re-entered");
  writer.out = out;
}

/** What came in must be looked at when the loop comes round. @param idleAt when, should it be idle */
function interrupt(loop: EngineLoop, idleAt: Instant): void {
  loop.quiet = 0;
  if (loop.endsAt === never && loop.startsAt === never) loop.startsAt = idleAt;
  loop.deadline = loop.endsAt === never ? loop.startsAt : loop.endsAt;
}

function crash(loop: EngineLoop, now: Instant): void {
  for (const sequence of loop.live().toSorted((one, other) => one.id - other.id)) {
    sequence.outputs = loop.outputsOf(sequence);
    loop.bench.writer.ended(sequence, "error");
  }
  loop.startAnew(now);
}
