import { assert } from "../../../../router/core/assert.ts";
import { clearShape } from "./decode-set.ts";
import { fileOutput, removeOutput } from "./output-wheel.ts";
import { computedBefore, knownWhenScheduled, preempt } from "./preempt.ts";
import { lastRunner, runnerAt } from "./running-list.ts";
import type { SchedulerState } from "./scheduler-state.ts";
import type { Sequence } from "./sequence.ts";

/** The running part of a call in which not everybody gets what is due: sequence by sequence in running order, as vLLM does it in every step. */
export function walkRunning(state: SchedulerState): void {
  const { bench } = state;
  for (let place = state.runningFrom; place < state.runningTo && bench.budget > 0; place++) {
    const sequence = runnerAt(state, place);
    if (sequence === null) continue;
    const tokens = dueOf(state, sequence);
    if (tokens <= 0) continue;
    const before = computedBefore(state, sequence);
    const blocks = state.blocksFor(before + tokens) - state.blocksFor(before);
    if (blocks > 0) {
      if (!makeRoom(state, sequence, blocks)) break;
      state.memory.take(blocks);
    }
    bench.budget -= tokens;
    sequence.chunk = tokens;
    sequence.chunkCall = state.call;
    if (sequence.keys !== null) state.memory.publish(sequence, state.fullBlocks(knownWhenScheduled(state, sequence)));
  }
  carryOut(state);
}

function dueOf({ bench }: SchedulerState, sequence: Sequence): number {
  if (sequence.phase === "decode") return 1;
  return sequence.phase === "prefill" ? Math.min(sequence.prefillTo - sequence.computed, bench.chunkMax, bench.budget) : 0;
}

/** Preempts until `blocks` are free; false: the sequence itself had to go. */
function makeRoom(state: SchedulerState, sequence: Sequence, blocks: number): boolean {
  while (blocks > state.memory.free) {
    const victim = state.rules.policy === "priority" ? leastUrgent(state) : lastRunner(state);
    assert(victim !== null, "somebody runs");
    preempt(state, victim);
    if (victim === sequence) return false;
  }
  return true;
}

/** The highest (priority, arrival); the first of equals. */
function leastUrgent(state: SchedulerState): Sequence | null {
  let least = runnerAt(state, state.runningFrom);
  for (let place = state.runningFrom; place < state.runningTo && least !== null; place++) {
    const sequence = runnerAt(state, place);
    if (sequence === null) continue;
    if (sequence.priority > least.priority || (sequence.priority === least.priority && sequence.arrival > least.arrival)) least = sequence;
  }
  return least;
}

/** Who was reached goes on, who was not falls one call behind. */
function carryOut(state: SchedulerState): void {
  const { call } = state;
  clearShape(state.bench.shape);
  state.prefillCount = 0;
  for (let place = state.runningFrom; place < state.runningTo; place++) {
    const sequence = runnerAt(state, place);
    if (sequence === null) continue;
    const scheduled = sequence.chunkCall === call;
    if (sequence.phase === "decode") {
      if (scheduled) state.addChunk(call + sequence.offset, 1);
      else if (sequence.endCall < call) setAside(state, sequence);
      else starve(state, sequence);
    } else if (sequence.phase === "prefill") {
      if (scheduled) {
        state.addChunk(sequence.computed, sequence.chunk);
        sequence.computed += sequence.chunk;
      }
      if (sequence.computed === sequence.prefillTo) state.finishPrefill(sequence);
      else state.prefills[state.prefillCount++] = sequence;
    }
  }
}

/** Its last output is in flight, though the scheduler does not know it. */
function setAside(state: SchedulerState, sequence: Sequence): void {
  state.leave(sequence);
  sequence.phase = "ending";
}

function starve(state: SchedulerState, sequence: Sequence): void {
  const { call } = state;
  state.leave(sequence);
  sequence.offset--;
  sequence.endCall++;
  if (sequence.wheelCall > sequence.firstCall) {
    removeOutput(state, sequence);
    fileOutput(state, sequence, sequence.endCall);
  }
  if (sequence.starvedTo !== call - 1) sequence.starvedFrom = call;
  sequence.starvedTo = call;
  state.starvedCall = call;
  state.join(sequence);
}
