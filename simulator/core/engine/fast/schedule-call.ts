import { admitWaiting } from "./admit-waiting.ts";
import { preemptLastOnes } from "./preempt.ts";
import { blocksNeededIn, fillShape } from "./decode-set.ts";
import type { FillLists } from "./fill-lists.ts";
import { bucketOf } from "./output-wheel.ts";
import { runnerAt } from "./running-list.ts";
import type { SchedulerState } from "./scheduler-state.ts";
import type { Sequence } from "./sequence.ts";
import { walkRunning } from "./walk-running.ts";

/**
 * One schedule() call. Nearly always every decoding sequence gets its token and every prefill its chunk: then the step is sums, and only prefills, admissions and
 * full blocks that others may look for are touched. Where budget or blocks do not reach for all, the running list is walked in order instead.
 */
export function scheduleCall(state: SchedulerState): void {
  const { bench, rules } = state;
  const call = ++state.call;
  state.endedSinceCall = false;
  state.headBlocked = false;
  if (bench.preempted.length > 0) bench.preempted.length = 0;
  if (rules.asyncScheduling) setCertainEndsAside(state, call - 1);
  bench.budget = rules.batchedTokensMax;
  if (rules.longPrefillTokensMax > 0) bench.chunkMax = chunkMaxOf(state);
  const blocks = blocksIfAllFit(state);
  if (blocks <= state.memory.free) scheduleAll(state, blocks);
  else if (isWalkForeseen(state)) scheduleAll(state, preemptLastOnes(state));
  else walkRunning(state);
  if (bench.preempted.length === 0 && state.waiting > 0) admitWaiting(state);
}

/** Whether the next call has nothing to give but one token to each of those that decode, and the budget for it. */
export function onlyDecodes(state: SchedulerState): boolean {
  const { bench, decodes } = state;
  if (state.prefillCount > 0 || decodes === 0 || decodes > state.rules.batchedTokensMax) return false;
  if (state.waiting > 0 && state.running < bench.runningMax && !state.headBlocked) return false;
  return state.starvedCall <= state.processed;
}

function chunkMaxOf(state: SchedulerState): number {
  const { longPrefillTokensMax, longPrefillAdaptive, batchedTokensMax } = state.rules;
  const sequences = state.running + state.waiting;
  if (sequences <= 1) return Infinity;
  return longPrefillAdaptive ? Math.max(longPrefillTokensMax, Math.floor(batchedTokensMax / sequences)) : longPrefillTokensMax;
}

/** Their last output is in flight and they would not outlive it: they keep their place and blocks, but are not scheduled. */
export function setCertainEndsAside(state: SchedulerState, endCall: number): void {
  for (let sequence = bucketOf(state, endCall); sequence !== null; sequence = sequence.wheelBehind) {
    if (!isCertainEnd(sequence, endCall)) continue;
    state.leave(sequence);
    sequence.phase = "ending";
  }
}

/** How many there are to be set aside. */
export function certainEndsOf(state: SchedulerState, endCall: number): number {
  let count = 0;
  for (let sequence = bucketOf(state, endCall); sequence !== null; sequence = sequence.wheelBehind) if (isCertainEnd(sequence, endCall)) count++;
  return count;
}

function isCertainEnd(sequence: Sequence, endCall: number): boolean {
  return sequence.endCall === endCall && !sequence.surprising && sequence.phase === "decode";
}

/** Budget for all, and nothing to publish: all that the walk would find out is who has to go. */
function isWalkForeseen({ bench, decodes, filling, prefillCount, rules }: SchedulerState): boolean {
  return decodes <= bench.budget && prefillCount === 0 && filling === null && rules.policy === "fcfs";
}

/** Blocks that the call needs if everybody gets what is due; Infinity: the budget does not reach. */
function blocksIfAllFit(state: SchedulerState): number {
  if (state.decodes > state.bench.budget) return Infinity;
  const blocks = blocksNeededIn(state, state.call);
  return state.prefillCount === 0 ? blocks : blocks + blocksOfChunks(state);
}

/** The same of the prefills alone; their chunks are noted on the way. */
function blocksOfChunks(state: SchedulerState): number {
  const { bench, prefills, prefillCount } = state;
  let blocks = 0;
  let left = bench.budget - state.decodes;
  for (let index = 0; index < prefillCount; index++) {
    const sequence = prefills[index] as Sequence;
    const due = Math.min(sequence.prefillTo - sequence.computed, bench.chunkMax);
    if (due > left && !prefillsComeLast(state)) return Infinity;
    const tokens = Math.min(due, left);
    sequence.chunk = tokens;
    left -= tokens;
    blocks += state.blocksFor(sequence.computed + tokens) - state.blocksFor(sequence.computed);
  }
  return blocks;
}

function prefillsComeLast(state: SchedulerState): boolean {
  let left = state.prefillCount;
  for (let place = state.runningTo - 1; left > 0; place--) {
    const sequence = runnerAt(state, place);
    if (sequence === null) continue;
    if (sequence.phase !== "prefill") return false;
    left--;
  }
  return true;
}

function scheduleAll(state: SchedulerState, blocks: number): void {
  if (blocks > 0) state.memory.take(blocks);
  const { bench, filling } = state;
  fillShape(state, bench.shape, state.call);
  bench.budget -= state.decodes;
  if (filling !== null) publishInOrder(state, filling);
  else if (state.prefillCount > 0) publishPrefills(state);
  if (state.prefillCount > 0) advancePrefills(state);
}

function publishPrefills(state: SchedulerState): void {
  const { prefills, prefillCount } = state;
  for (let index = 0; index < prefillCount; index++) {
    const sequence = prefills[index] as Sequence;
    state.memory.publish(sequence, state.fullBlocks(sequence.computed + sequence.chunk));
  }
}

/** Equal contents are held in the order of the running list, decodes and prefills mixed. */
function publishInOrder(state: SchedulerState, filling: FillLists): void {
  const { call, rules } = state;
  if (state.starvedCall === call - 1) {
    publishAfterStarving(state);
    return;
  }
  const sequences: Sequence[] = [...filling.of(call), ...state.prefills.slice(0, state.prefillCount)];
  sequences.sort((one, other) => one.order - other.order);
  for (const sequence of sequences) {
    const known = sequence.phase === "prefill" ? sequence.computed + sequence.chunk : call + sequence.offset + (rules.asyncScheduling ? 0 : 1);
    state.memory.publish(sequence, state.fullBlocks(known));
  }
}

/** In the call after one that left decodes out, their token in flight is known: what they are about to fill is cached one call earlier. */
function publishAfterStarving(state: SchedulerState): void {
  const { call, rules } = state;
  for (let place = state.runningFrom; place < state.runningTo; place++) {
    const sequence = runnerAt(state, place);
    if (sequence === null) continue;
    if (sequence.phase === "prefill") state.memory.publish(sequence, state.fullBlocks(sequence.computed + sequence.chunk));
    if (sequence.phase !== "decode") continue;
    const known = rules.asyncScheduling && sequence.starvedTo !== call - 1 ? 0 : 1;
    state.memory.publish(sequence, state.fullBlocks(call + sequence.offset + known));
  }
}

function advancePrefills(state: SchedulerState): void {
  const { bench, prefills, prefillCount } = state;
  state.prefillCount = 0;
  for (let index = 0; index < prefillCount; index++) {
    const sequence = prefills[index] as Sequence;
    if (sequence.chunk > 0) {
      sequence.chunkCall = state.call;
      state.addChunk(sequence.computed, sequence.chunk);
      bench.budget -= sequence.chunk;
      sequence.computed += sequence.chunk;
    }
    if (sequence.computed === sequence.prefillTo) state.finishPrefill(sequence);
    else prefills[state.prefillCount++] = sequence;
  }
}
