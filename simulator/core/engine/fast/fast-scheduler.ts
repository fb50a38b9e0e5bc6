import type { SequenceId } from "../engine.ts";
import type { Submission } from "../submission.ts";
import { removeOutput } from "./output-wheel.ts";
import { removeRunner, runnerAt, runnersOf } from "./running-list.ts";
import { SchedulerState } from "./scheduler-state.ts";
import { Sequence } from "./sequence.ts";
import { without } from "./some-sequences.ts";
import { leaveLine, letWait } from "./waiting-line.ts";

/**
 * The plain scheduler's rules at the cost of a step's events instead of its sequences: equal to it in every batch, block count, statistic and time.
 * Speculation and pipeline stages are left to the plain form.
 */
export class FastScheduler extends SchedulerState {
  /** Null: it has ended, or is not known. Rare, so that it is looked for: a list by id would be written in at every start and every end. */
  sequenceOf(id: SequenceId): Sequence | null {
    for (let place = this.runningFrom; place < this.runningTo; place++) {
      const sequence = runnerAt(this, place);
      if (sequence !== null && sequence.id === id) return sequence;
    }
    let waiting = this.firstWaiting;
    while (waiting !== null && waiting.id !== id) waiting = waiting.behind;
    return waiting;
  }

  /** Every sequence that has not ended: who runs, then who waits. */
  live(): readonly Sequence[] {
    const live = runnersOf(this);
    for (let waiting = this.firstWaiting; waiting !== null; waiting = waiting.behind) live.push(waiting);
    return live;
  }

  submit(submission: Readonly<Submission>): void {
    const { rules } = this;
    const sequence = this.bench.spareSequences.pop() ?? new Sequence();
    sequence.id = submission.id;
    const byLength = Math.min(submission.outputTokensMax, rules.modelTokensMax - submission.promptTokens);
    sequence.phase = "waiting";
    sequence.promptTokens = submission.promptTokens;
    sequence.outputsEnd = Math.min(submission.stopAfter, byLength);
    sequence.stops = submission.stopAfter <= byLength;
    sequence.surprising = rules.asyncScheduling && submission.stopAfter < byLength;
    sequence.priority = submission.priority;
    if (rules.policy === "priority") sequence.arrival = submission.arrival;
    sequence.keys = rules.prefixCaching ? submission.keys : null;
    sequence.held = null;
    sequence.heldBlocks = 0;
    sequence.kept = null;
    sequence.preemptions = 0;
    sequence.outputs = 0;
    sequence.chunkCall = 0;
    sequence.submittedAfter = this.call;
    letWait(this, sequence, rules.policy);
  }

  /** The object is told of once more: it is used again with the next submission at the earliest. */
  abort(sequence: Sequence): void {
    const outputs = this.outputsOf(sequence);
    this.affectedCount = without(this.affected, this.affectedCount, sequence);
    if (sequence.phase === "waiting") {
      leaveLine(this, sequence);
      this.memory.forgetKept(sequence);
    } else {
      const computed = this.computedOf(sequence);
      const owned = this.blocksFor(computed);
      const hashed = this.fullBlocks(this.knownOf(sequence, computed));
      if (sequence.phase === "prefill") this.prefillCount = without(this.prefills, this.prefillCount, sequence);
      else {
        if (sequence.phase === "decode") this.leave(sequence);
        removeOutput(this, sequence);
      }
      removeRunner(this, sequence);
      this.memory.release(sequence, owned, hashed, false);
    }
    sequence.outputs = outputs;
    this.letGo(sequence);
  }
}
