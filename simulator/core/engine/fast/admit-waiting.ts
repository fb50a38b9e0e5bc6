import type { PrefixStatistics } from "../plain/plain-scheduler.ts";
import { addRunner } from "./running-list.ts";
import type { SchedulerState } from "./scheduler-state.ts";
import type { Sequence } from "./sequence.ts";
import { leaveLine } from "./waiting-line.ts";

/** The head of the line comes in as long as budget and places are left; the first that does not fit stops all behind it. */
export function admitWaiting(state: SchedulerState): void {
  const { bench } = state;
  while (bench.budget > 0 && state.running < bench.runningMax) {
    const sequence = state.firstWaiting;
    if (sequence === null) return;
    if (!admit(state, sequence)) {
      state.headBlocked = true;
      return;
    }
  }
}

function admit(state: SchedulerState, sequence: Sequence): boolean {
  const { bench, memory, rules } = state;
  const { lookUp } = bench;
  const length = sequence.promptTokens + sequence.outputs;
  // Of a complete hit the last block is computed again: at least one token must be.
  memory.lookUp(sequence, Math.floor((length - 1) / rules.blockTokens), lookUp);
  const { hits } = lookUp;
  const hitTokens = hits * rules.blockTokens;
  const due = Math.min(length - hitTokens, bench.chunkMax);
  if (!rules.chunkedPrefill && due > bench.budget) return false;
  const tokens = Math.min(due, bench.budget);
  const target = state.blocksFor(hitTokens + tokens);
  const whole = rules.reserveFullSequence ? state.blocksFor(length) : target;
  const watermark = state.running > 0 ? bench.watermarkBlocks : 0;
  if (whole - hits + lookUp.reclaimed + watermark > memory.free) return false;
  if (hits > 0 || sequence.kept !== null) memory.share(sequence, hits);
  memory.take(target - hits);
  if (sequence.keys !== null) memory.publish(sequence, state.fullBlocks(hitTokens + tokens));
  leaveLine(state, sequence);
  addRunner(state, sequence);
  sequence.order = ++state.orders;
  sequence.phase = "prefill";
  sequence.prefillTo = length;
  sequence.cachedTokens = hitTokens;
  if (rules.prefixCaching) countPrefix(state.prefix, sequence);
  sequence.computed = hitTokens + tokens;
  sequence.chunk = tokens;
  sequence.chunkCall = state.call;
  bench.budget -= tokens;
  state.addChunk(hitTokens, tokens);
  if (sequence.preemptions === 0) bench.listener.started(sequence);
  if (sequence.computed === length) state.finishPrefill(sequence);
  else state.prefills[state.prefillCount++] = sequence;
  return true;
}

function countPrefix(prefix: PrefixStatistics, sequence: Sequence): void {
  if (sequence.preemptions > 0) {
    prefix.resumedRequests++;
    prefix.resumedQueries += sequence.prefillTo;
    prefix.resumedHits += sequence.cachedTokens;
  } else {
    prefix.requests++;
    prefix.queries += sequence.prefillTo;
    prefix.hits += sequence.cachedTokens;
  }
}
