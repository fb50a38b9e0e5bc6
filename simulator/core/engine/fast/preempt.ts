import { assert } from "../../../../router/core/assert.ts";
import { blocksNeededIn } from "./decode-set.ts";
import { removeOutput } from "./output-wheel.ts";
import { lastRunner, removeRunner } from "./running-list.ts";
import type { SchedulerState } from "./scheduler-state.ts";
import type { Sequence } from "./sequence.ts";
import { without } from "./some-sequences.ts";
import { letWaitAgain } from "./waiting-line.ts";

/**
 * By recompute: a sequence gives up its place and blocks, and goes to the front of the line. Where only decodes run, in order of arrival, the last ones go until
 * the blocks reach for the others, as if the walk over all had found it out. Returns the blocks that are still to be taken for these.
 */
export function preemptLastOnes(state: SchedulerState): number {
  const { memory, call } = state;
  let taken = 0;
  for (;;) {
    const missing = blocksNeededIn(state, call) - taken;
    if (missing <= memory.free) return missing;
    // Those in front have got what there was.
    taken += memory.free;
    memory.take(memory.free);
    const last = lastRunner(state);
    assert(last !== null, "somebody runs");
    preempt(state, last);
  }
}

export function preempt(state: SchedulerState, victim: Sequence): void {
  const { call, memory } = state;
  const scheduled = victim.chunkCall === call;
  const before = computedBefore(state, victim);
  const owned = state.blocksFor(scheduled ? before + victim.chunk : before);
  const hashed = state.fullBlocks(scheduled ? knownWhenScheduled(state, victim) : state.knownOf(victim, state.computedOf(victim, call - 1), call - 1));
  const outputs = state.outputsOf(victim);
  if (hasOutputInFlight(state, victim)) state.affected[state.affectedCount++] = victim;
  if (victim.phase === "prefill") state.prefillCount = without(state.prefills, state.prefillCount, victim);
  else {
    if (victim.phase === "decode") state.leave(victim);
    removeOutput(state, victim);
  }
  if (scheduled) {
    state.bench.budget += victim.chunk;
    victim.chunkCall = 0;
  }
  memory.release(victim, owned, hashed, state.rules.prefixCaching);
  victim.outputs = outputs;
  victim.phase = "waiting";
  victim.preemptions++;
  removeRunner(state, victim);
  letWaitAgain(state, victim, state.rules.policy);
  state.bench.preempted.push(victim);
  state.preemptions++;
}

function hasOutputInFlight(state: SchedulerState, sequence: Sequence): boolean {
  const last = state.call - 1;
  return sequence.phase !== "prefill" && state.processed < last && sequence.starvedTo !== last;
}

export const computedBefore = (state: SchedulerState, sequence: Sequence): number =>
  sequence.phase === "prefill" ? sequence.computed : state.call + sequence.offset;

/** Tokens known at the allocation of the call being made. */
export function knownWhenScheduled(state: SchedulerState, sequence: Sequence): number {
  const before = computedBefore(state, sequence);
  if (sequence.phase === "prefill") return before + sequence.chunk;
  const nothingInFlight = !state.rules.asyncScheduling || sequence.starvedTo === state.call - 1;
  return nothingInFlight ? before + 1 : before;
}
