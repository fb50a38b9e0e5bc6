import type { SequenceId } from "../engine.ts";
import type { Submission } from "../submission.ts";
import type { SequenceListener } from "./command-writer.ts";
import type { FastRules } from "./fast-rules.ts";
import { broken } from "../../../../router/core/assert.ts";
import { SchedulerState } from "./scheduler-state.ts";
import { Sequence } from "./sequence.ts";
import { letWait } from "./waiting-line.ts";
import { newWorkbench } from "./workbench.ts";

/**
 * The plain scheduler's rules at the cost of a step's events instead of its sequences: equal to it in every batch, block count, statistic and time.
 * Speculation and pipeline stages are left to the plain form.
 */
export class FastScheduler {
  readonly state: SchedulerState;
  readonly #sequences: Sequence[] = [];

  constructor(rules: FastRules, listener: SequenceListener, bench = newWorkbench(), tracksContextMax = true) {
    this.state = new SchedulerState(rules, listener, bench, tracksContextMax);
  }

  /** The object of an id, made when it is first used. */
  sequenceOf(id: SequenceId): Sequence {
    while (this.#sequences.length <= id) this.#sequences.push(new Sequence(this.#sequences.length));
    return this.#sequences[id] as Sequence;
  }

  /** Every sequence that has not ended. */
  *live(): Generator<Sequence> {
    for (const sequence of this.#sequences) if (sequence.phase !== "ended") yield sequence;
  }

  submit(submission: Submission): void {
    const { state } = this;
    const { rules } = state;
    const sequence = this.sequenceOf(submission.id);
    if (sequence.phase !== "ended") broken("sequence id is in use");
    const byLength = Math.min(submission.outputTokensMax, rules.modelTokensMax - submission.promptTokens);
    sequence.phase = "waiting";
    sequence.promptTokens = submission.promptTokens;
    sequence.outputsEnd = Math.min(submission.stopAfter, byLength);
    sequence.stops = submission.stopAfter <= byLength;
    sequence.surprising = rules.asyncScheduling && submission.stopAfter < byLength;
    sequence.priority = submission.priority;
    sequence.arrival = submission.arrival;
    sequence.keys = rules.prefixCaching ? submission.keys : null;
    sequence.held = null;
    sequence.heldBlocks = 0;
    sequence.kept = null;
    sequence.preemptions = 0;
    sequence.outputs = 0;
    sequence.chunkCall = 0;
    sequence.submittedAfter = state.call;
    letWait(state.waiting, sequence, rules.policy);
  }

  abort(sequence: Sequence): void {
    const { state } = this;
    const outputs = state.outputsOf(sequence);
    state.affected.remove(sequence);
    if (sequence.phase === "waiting") {
      state.waiting.remove(sequence);
      state.memory.forgetKept(sequence);
    } else {
      const computed = state.computedOf(sequence);
      const owned = state.blocksFor(computed);
      const hashed = state.fullBlocks(state.knownOf(sequence, computed));
      if (sequence.phase === "prefill") state.prefills.remove(sequence);
      else {
        if (sequence.phase === "decode") state.leave(sequence);
        state.outputs.remove(sequence);
      }
      state.running.remove(sequence);
      state.memory.release(sequence, owned, hashed, false);
    }
    sequence.outputs = outputs;
    sequence.phase = "ended";
    state.endedSinceCall = true;
  }
}
