import { assert } from "../../../../router/core/assert.ts";
import type { SchedulerState } from "./scheduler-state.ts";
import type { Sequence } from "./sequence.ts";
import { letWaitAgain } from "./waiting-line.ts";

/**
 * By recompute: a sequence gives up its place and blocks, and goes to the front of the line. Where only decodes run, in order of arrival, the last ones go until
 * the blocks reach for the others, as if the walk over all had found it out. Returns the blocks that are still to be taken for these.
 */
export function preemptLastOnes(state: SchedulerState): number {
  const { decodes, memory, running, call } = state;
  let taken = 0;
  for (;;) {
    const missing = decodes.blocksNeededIn(call) - taken;
    if (missing <= memory.free) return missing;
    // Those in front have got what there was.
    taken += memory.free;
    memory.take(memory.free);
    assert(running.last !== null, "somebody runs");
    preempt(state, running.last);
  }
}

export function preempt(state: SchedulerState, victim: Sequence): void {
  const { call, memory } = state;
  const scheduled = victim.chunkCall === call;
  const before = computedBefore(state, victim);
  const owned = state.blocksFor(scheduled ? before + victim.chunk : before);
  const hashed = state.fullBlocks(scheduled ? knownWhenScheduled(state, victim) : state.knownOf(victim, state.computedOf(victim, call - 1), call - 1));
  const outputs = state.outputsOf(victim);
  if (hasOutputInFlight(state, victim)) state.affected.add(victim);
  if (victim.phase === "prefill") state.prefills.remove(victim);
  else {
    if (victim.phase === "decode") state.leave(victim);
    state.outputs.remove(victim);
  }
  if (scheduled) {
    state.budget += victim.chunk;
    victim.chunkCall = 0;
  }
  memory.release(victim, owned, hashed, state.rules.prefixCaching);
  victim.outputs = outputs;
  victim.phase = "waiting";
  victim.preemptions++;
  state.running.remove(victim);
  letWaitAgain(state.waiting, victim, state.rules.policy);
  state.preempted.add(victim);
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
