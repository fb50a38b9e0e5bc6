import { never } from "../../../../router/core/time.ts";
import type { Instant } from "../../../../router/core/machine.ts";
import { isOutside } from "../../step-time/step-range.ts";
import type { Stretch } from "../engine.ts";
import { blocksNeeded, callsWithin, fillShape } from "./decode-set.ts";
import { type EngineLoop, scaled } from "./engine-loop.ts";
import { earliestFrom } from "./output-wheel.ts";
import { certainEndsOf, onlyDecodes, setCertainEndsAside } from "./schedule-call.ts";

/**
 * Iterations in which nothing can happen but one more token for everybody. How many come next follows from the sums, their times from the step-time model, and they are
 * carried out all at once, or as many as lie before an event.
 */

/** Finds the next iteration that is not quiet. */
export function planQuietIterations(loop: EngineLoop): void {
  loop.quiet = 0;
  if (loop.endsAt === never) {
    loop.deadline = loop.startsAt;
    return;
  }
  // Where every token is told no iteration is quiet.
  if (!loop.bench.writer.all) loop.quiet = quietIterations(loop);
  loop.deadline = loop.quiet === 0 ? loop.endsAt : endAfter(loop, loop.quiet, never).endsAt;
}

/**
 * Iterations from the end of the oldest step on that take in no first token and no end, schedule nothing but one token for each of the same sequences,
 * and find the blocks for it. The last of them may leave out those that are certain to end with the step before: they keep their places and blocks.
 * A head of the line that did not fit stays so: free blocks only get fewer, and so do its hits.
 */
function quietIterations(loop: EngineLoop): number {
  if (loop.call - loop.processed !== loop.bench.depth || !onlyDecodes(loop)) return 0;
  const oldest = loop.processed + 1;
  const outputCall = earliestFrom(loop, oldest);
  if (outputCall === oldest) return 0;
  const leaving = loop.rules.asyncScheduling ? certainEndsOf(loop, outputCall) : 0;
  // A batch without anybody is another matter.
  const empty = leaving === loop.decodes ? 1 : 0;
  let quiet = callsWithin(loop, loop.memory.free, loop.call + 1, outputCall - oldest - empty);
  const { filling } = loop;
  if (filling !== null) quiet = filling.callsWithout(loop.call + 1, quiet);
  loop.leaving = oldest + quiet === outputCall ? leaving : 0;
  return quiet;
}

/** Carries out the quiet iterations at and before `limit`. */
export function goQuietly(loop: EngineLoop, limit: Instant): void {
  if (loop.quiet === 0 || loop.endsAt > limit) return;
  const { steps, endsAt } = endAfter(loop, loop.quiet, limit);
  skip(loop, steps, endsAt);
  loop.quiet -= steps;
}

/**
 * When the oldest step in flight ends after `iterations`, or, when that is beyond `limit`, after the first so many that it ends behind `limit`.
 * An iteration starts the step behind the oldest: asynchronous, its time is known; else it is the step that the iteration schedules.
 */
function endAfter(loop: EngineLoop, iterations: number, limit: Instant): Readonly<Stretch> {
  const { bench } = loop;
  const { shape, stretch } = bench;
  let done = 0;
  let endsAt: number = loop.endsAt;
  if (loop.rules.asyncScheduling) {
    endsAt += scaled(loop, loop.nextTime, endsAt);
    done = 1;
  }
  const first = loop.call + 1;
  if (done < iterations && endsAt <= limit) {
    fillShape(loop, shape, first);
    stretchOf(loop, iterations - done, endsAt as Instant, limit);
    const { steps } = stretch;
    endsAt = stretch.endsAt;
    done += steps;
    if (done < iterations && endsAt <= limit) {
      fillShape(loop, shape, first + steps);
      endsAt += scaled(loop, bench.stepTime.stepTime(shape), endsAt);
      done++;
    }
  }
  stretch.steps = done;
  stretch.endsAt = endsAt as Instant;
  return stretch;
}

/** As the model's decodeStretch, at the present speed. */
function stretchOf(loop: EngineLoop, stepsMax: number, from: Instant, until: Instant): void {
  const { shape, stepTime, stretch } = loop.bench;
  if (loop.slowdown === 1 && loop.wandering === null) {
    stepTime.decodeStretch(shape, stepsMax, from, until, stretch);
    return;
  }
  stretch.steps = 0;
  stretch.endsAt = from;
  while (stretch.steps < stepsMax) {
    const endsAt = (stretch.endsAt + scaled(loop, stepTime.stepTime(shape), stretch.endsAt)) as Instant;
    if (endsAt > until) return;
    stretch.endsAt = endsAt;
    stretch.steps++;
    shape.decodeContext += shape.decodes;
    shape.decodeContextMax++;
  }
}

/** @param iterations at least one, the next quiet ones */
export function skip(loop: EngineLoop, iterations: number, endsAt: Instant): void {
  if (loop.leaving > 0 && iterations === loop.quiet) {
    if (iterations > 1) decodeIn(loop, iterations - 1);
    setCertainEndsAside(loop, loop.call);
    decodeIn(loop, 1);
  } else decodeIn(loop, iterations);
  loop.endsAt = endsAt;
  if (!loop.rules.asyncScheduling) return;
  const { shape, stepTime } = loop.bench;
  fillShape(loop, shape, loop.call);
  loop.nextTime = stepTime.stepTime(shape);
}

/** So many calls in which all decoding sequences, and nobody else, get their token. */
function decodeIn(loop: EngineLoop, calls: number): void {
  const { decodes } = loop;
  const blocks = blocksNeeded(loop, loop.call + 1, calls);
  if (blocks > 0) loop.memory.take(blocks);
  loop.steps += calls;
  loop.stepSequences += calls * decodes;
  loop.stepTokens += calls * decodes;
  loop.lastBatch = decodes;
  if (!loop.bench.unlimited) countOutside(loop, loop.call + 1, calls);
  loop.call += calls;
  loop.processed += calls;
}

/** Contexts only grow: from the last call back to the first that is inside. */
function countOutside(loop: EngineLoop, first: number, calls: number): void {
  const { shape, stepTime } = loop.bench;
  for (let call = first + calls - 1; call >= first; call--) {
    fillShape(loop, shape, call);
    if (!isOutside(stepTime.range, shape)) return;
    loop.stepsOutside++;
  }
}
