import { broken } from "../../../../router/core/assert.ts";
import { never } from "../../../../router/core/time.ts";
import type { Instant } from "../../../../router/core/machine.ts";
import { isOutside } from "../../step-time/step-range.ts";
import { type EngineLoop, scaled } from "./engine-loop.ts";
import { processCall } from "./process-call.ts";
import { planQuietIterations, skip } from "./quiet-iterations.ts";
import { scheduleCall } from "./schedule-call.ts";
import type { Sequence } from "./sequence.ts";

/** The next iteration that is not quiet, after the quiet ones before it: takes in the oldest step in flight, arrivals and aborts, and schedules the next step. */
export function carryOut(loop: EngineLoop): void {
  const at = loop.deadline;
  if (loop.quiet > 0) skip(loop, loop.quiet, at);
  loop.bench.writer.at = at;
  if (loop.call > loop.processed) {
    if (loop.aborted.length > 0) takeAborts(loop, false);
    processCall(loop, loop.bench.writer.all);
    loop.oldestTime = loop.nextTime;
  }
  loop.startsAt = never;
  fillQueue(loop);
  if (loop.call > loop.processed) {
    if (loop.endsAt === never) loop.busySince = at;
    loop.endsAt = (at + scaled(loop, loop.oldestTime, at)) as Instant;
  } else if (loop.endsAt !== never) {
    loop.busy += at - loop.busySince;
    loop.endsAt = never;
  }
  planQuietIterations(loop);
}

/** Schedules until as many steps are in flight as may be. */
function fillQueue(loop: EngineLoop): void {
  if (loop.aborted.length > 0) takeAborts(loop, true);
  while (loop.hasRequests) {
    scheduleCall(loop);
    const time = loop.bench.shape.tokens === 0 ? 0 : timeOfStep(loop);
    const inFlight = loop.call - loop.processed;
    if (inFlight === 1) loop.oldestTime = time;
    else loop.nextTime = time;
    if (inFlight >= loop.bench.depth || (time === 0 && !loop.hasRequests)) return;
  }
}

/** Of the step that was just put together, which is counted. */
function timeOfStep(loop: EngineLoop): number {
  const { shape, stepTime, unlimited } = loop.bench;
  loop.lastBatch = shape.sequences;
  loop.steps++;
  loop.stepSequences += shape.sequences;
  loop.stepTokens += shape.tokens;
  if (!unlimited && isOutside(stepTime.range, shape)) loop.stepsOutside++;
  return stepTime.stepTime(shape);
}

/** @param arrived whether what was submitted since the last call is looked at: only then can it be aborted */
function takeAborts(loop: EngineLoop, arrived: boolean): void {
  const { aborted, bench } = loop;
  const left: Sequence[] = [];
  for (const sequence of aborted) {
    if (sequence.phase === "ended") broken("a sequence has ended before its abort is taken in");
    if (!arrived && sequence.submittedAfter === loop.call) {
      left.push(sequence);
      continue;
    }
    loop.abort(sequence);
    bench.writer.ended(sequence, "abort");
  }
  loop.aborted = left;
}
