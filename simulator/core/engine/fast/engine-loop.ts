import type { Instant } from "../../../../router/core/machine.ts";
import { never } from "../../../../router/core/time.ts";

/**
 * Where an engine's loop stands. A record, and not fields of the engine's own: V8's middle compiler, whose code a short run spends its life in, writes a private field as
 * slowly as an unknown property, and there are twenty writes to an iteration. Instants start out as fractions could, so that their form never changes.
 */
export interface EngineLoop {
  /** Of the oldest step in flight; never: none is. */
  endsAt: Instant;
  /** Unscaled times of the oldest step and of the one behind it. */
  oldestTime: number;
  nextTime: number;
  /** When an idle loop looks at its queue. */
  startsAt: Instant;
  /** The next iteration that is not quiet, and how many quiet ones come before it. */
  deadline: Instant;
  quiet: number;
  /** Of the last of these: how many it leaves out, since they are certain to end with the step before. */
  leaving: number;
  wokenAt: Instant;
  /** As of when the last event or wake left the engine; quiet iterations up to it may still be to do. */
  settledTo: Instant;
  slowdown: number;
}

export const longAgo = -Infinity as Instant;

export function idleLoop(): EngineLoop {
  return {
    endsAt: never,
    oldestTime: 0,
    nextTime: 0,
    startsAt: never,
    deadline: never,
    quiet: 0,
    leaving: 0,
    wokenAt: longAgo,
    settledTo: longAgo,
    slowdown: 1,
  };
}

/** What an engine has done since it was started. */
export interface EngineTotals {
  busy: number;
  busySince: number;
  lastBatch: number;
  steps: number;
  stepsOutside: number;
  stepSequences: number;
  stepTokens: number;
}

export function noTotals(): EngineTotals {
  return { busy: 0, busySince: 0, lastBatch: 0, steps: 0, stepsOutside: 0, stepSequences: 0, stepTokens: 0 };
}
