import { largeLater } from "../../../../router/core/large-later.ts";
import { never } from "../../../../router/core/time.ts";
import type { Instant } from "../../../../router/core/machine.ts";
import type { WanderingSpeed } from "../../step-time/wandering-speed.ts";
import { longAgo } from "./command-writer.ts";
import { FastScheduler } from "./fast-scheduler.ts";
import { SchedulerState } from "./scheduler-state.ts";
import type { Sequence } from "./sequence.ts";
import type { EngineBench } from "./workbench.ts";

const none: readonly Sequence[] = [];

/**
 * Where an engine's loop stands, for the functions that carry it on. Open fields, and not private ones: V8's middle compiler, whose code a short run spends its life in, writes
 * a private field as slowly as an unknown property, and there are twenty writes to an iteration. Instants start out as fractions could, so that their form never changes.
 */
export class EngineLoop extends FastScheduler {
  declare readonly bench: EngineBench;
  /** Of the oldest step in flight; never: none is. */
  endsAt = never;
  /** The next iteration that is not quiet. */
  deadline = never;
  /** When an idle loop looks at its queue. */
  startsAt = never;
  /** As of when the last event or wake left the engine, an event at the instant of a wake being one with it; quiet iterations up to it may still be to do. */
  settledTo = longAgo;
  /** How many quiet iterations come before the deadline; of the last of these: how many it leaves out, since they are certain to end with the step before. */
  quiet = 0;
  leaving = 0;
  /** Unscaled times of the oldest step and of the one behind it. */
  oldestTime = 0;
  nextTime = 0;
  /** What it has done since it was started: the latest step's sequences, sums over all steps, microseconds at work before `busySince`. */
  lastBatch = 0;
  steps = 0;
  stepSequences = 0;
  stepTokens = 0;
  /** A list that is replaced, not changed: the empty one is everybody's. */
  aborted = none;
  slowdown = 1;
  readonly wandering: WanderingSpeed | null;
  busy = 0;
  busySince = 0;
  stepsOutside = 0;

  constructor(bench: EngineBench, wandering: WanderingSpeed | null) {
    super(bench);
    this.wandering = wandering;
    largeLater<EngineLoop>(this, ["busy", "busySince"]);
  }

  /** After a crash: with nothing, and nothing done. */
  startAnew(now: Instant): void {
    Object.assign(this, new SchedulerState(this.bench, this.row));
    this.aborted = none;
    this.endsAt = never;
    this.startsAt = never;
    this.deadline = never;
    this.quiet = 0;
    this.busy = 0;
    this.busySince = now;
    this.lastBatch = 0;
    this.steps = 0;
    this.stepsOutside = 0;
    this.stepSequences = 0;
    this.stepTokens = 0;
  }
}

/** The time of a step that starts at `start`, at the present speed. */
export function scaled({ slowdown, wandering }: EngineLoop, time: number, start: number): number {
  if ((slowdown === 1 && wandering === null) || time === 0) return time;
  const factor = slowdown * (wandering?.factorAt(start as Instant) ?? 1);
  return factor === 1 ? time : Math.max(1, Math.floor(time * factor + 0.5));
}
