import { bucketOf, fileOutput, removeOutput } from "./output-wheel.ts";
import { removeRunner, runnerAt } from "./running-list.ts";
import type { SchedulerState } from "./scheduler-state.ts";
import type { Sequence } from "./sequence.ts";
import { sortByOrder } from "./some-sequences.ts";
import { leaveLine } from "./waiting-line.ts";

/**
 * Takes in the output of the oldest call in flight, in scheduling order. Without `all`, only the sequences to which something happens are looked at:
 * a first token, an end, an output that comes after a preemption.
 */
export function processCall(state: SchedulerState, all: boolean): void {
  const call = ++state.processed;
  const bucket = bucketOf(state, call);
  if (all || state.starvedCall > call) addEverySampled(state, call);
  else if (state.affectedCount > 0 || (bucket !== null && bucket.wheelBehind !== null)) addThoseOf(state, bucket, call);
  else {
    // Nearly always: nobody, or one.
    if (bucket !== null && bucket.wheelCall === call) takeOutput(state, bucket, call);
    return;
  }
  const { affected, affectedCount } = state;
  if (affectedCount > 1) sortByOrder(affected, affectedCount);
  for (let index = 0; index < affectedCount; index++) takeOutput(state, affected[index] as Sequence, call);
  state.affectedCount = 0;
}

function addThoseOf(state: SchedulerState, bucket: Sequence | null, call: number): void {
  for (let sequence = bucket; sequence !== null; sequence = sequence.wheelBehind)
    if (sequence.wheelCall === call) state.affected[state.affectedCount++] = sequence;
}

function addEverySampled(state: SchedulerState, call: number): void {
  for (let place = state.runningFrom; place < state.runningTo; place++) {
    const sequence = runnerAt(state, place);
    if (sequence === null || (sequence.phase !== "decode" && sequence.phase !== "ending")) continue;
    const starved = call >= sequence.starvedFrom && call <= sequence.starvedTo;
    if (!starved && call >= sequence.firstCall && call <= sequence.endCall) state.affected[state.affectedCount++] = sequence;
  }
}

function takeOutput(state: SchedulerState, sequence: Sequence, call: number): void {
  if (sequence.phase === "waiting") {
    sequence.outputs++;
    state.bench.listener.output(sequence, sequence.outputs - 1);
    if (sequence.outputs < sequence.outputsEnd) return;
    leaveLine(state, sequence);
    state.memory.forgetKept(sequence);
    end(state, sequence);
    return;
  }
  if (sequence.endCall === call) {
    state.bench.listener.output(sequence, sequence.outputsEnd - 1);
    endRunning(state, sequence);
    sequence.outputs = sequence.outputsEnd;
    end(state, sequence);
    return;
  }
  if (sequence.firstCall === call) {
    state.bench.listener.output(sequence, sequence.outputs);
    removeOutput(state, sequence);
    fileOutput(state, sequence, sequence.endCall);
  } else state.bench.listener.output(sequence, state.outputsOf(sequence) - 1);
  if (sequence.starvedTo === state.call) {
    const computed = state.computedOf(sequence);
    state.memory.publish(sequence, state.fullBlocks(state.knownOf(sequence, computed)));
  }
}

function end(state: SchedulerState, sequence: Sequence): void {
  state.letGo(sequence);
  state.bench.listener.ended(sequence, sequence.stops ? "stop" : "length");
}

/** Gives back its place and blocks; the blocks of its last outputs are cached first. */
function endRunning(state: SchedulerState, sequence: Sequence): void {
  const computed = state.computedOf(sequence);
  const owned = state.blocksFor(computed);
  // Of one that was not scheduled any more all is known.
  const hashed = state.fullBlocks(sequence.phase === "ending" ? computed : state.knownOf(sequence, computed));
  if (sequence.phase === "decode") state.leave(sequence);
  removeOutput(state, sequence);
  removeRunner(state, sequence);
  if (sequence.keys !== null) state.memory.publish(sequence, hashed);
  state.memory.release(sequence, owned, hashed, false);
}
