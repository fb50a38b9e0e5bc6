import { largeLater } from "../../../../router/core/large-later.ts";
import { never } from "../../../../router/core/time.ts";
import type { Instant } from "../../../../router/core/machine.ts";
import { isUnlimited } from "../../step-time/step-range.ts";
import type { WanderingSpeed } from "../../step-time/wandering-speed.ts";
import type { SequenceId, StepTimeModel } from "../engine.ts";
import { type CommandWriter, longAgo } from "./command-writer.ts";
import type { FastRules } from "./fast-rules.ts";
import { FastScheduler } from "./fast-scheduler.ts";
import { SchedulerState } from "./scheduler-state.ts";
import type { Workbench } from "./workbench.ts";

/**
 * Where an engine's loop stands, for the functions that carry it on. Open fields, and not private ones: V8's middle compiler, whose code a short run spends its life in, writes
 * a private field as slowly as an unknown property, and there are twenty writes to an iteration. Instants start out as fractions could, so that their form never changes.
 */
export class EngineLoop extends FastScheduler {
  readonly stepTime: StepTimeModel;
  readonly wandering: WanderingSpeed | null;
  /** Every token is told, not only the first: no iteration is quiet then. */
  readonly all: boolean;
  /** Steps in flight at most. */
  readonly depth: number;
  readonly unlimited: boolean;
  readonly writer: CommandWriter;
  readonly aborted: SequenceId[] = [];
  /** Of the oldest step in flight; never: none is. */
  endsAt = never;
  /** Unscaled times of the oldest step and of the one behind it. */
  oldestTime = 0;
  nextTime = 0;
  /** When an idle loop looks at its queue. */
  startsAt = never;
  /** The next iteration that is not quiet, and how many quiet ones come before it. */
  deadline = never;
  quiet = 0;
  /** Of the last of these: how many it leaves out, since they are certain to end with the step before. */
  leaving = 0;
  wokenAt = longAgo;
  /** As of when the last event or wake left the engine; quiet iterations up to it may still be to do. */
  settledTo = longAgo;
  slowdown = 1;
  /** What it has done since it was started: microseconds at work before `busySince`, the latest step's sequences, sums over all steps. */
  busy = 0;
  busySince = 0;
  lastBatch = 0;
  steps = 0;
  stepsOutside = 0;
  stepSequences = 0;
  stepTokens = 0;

  constructor(rules: FastRules, stepTime: StepTimeModel, detail: "first-token" | "tokens", wandering: WanderingSpeed | null, bench: Workbench) {
    super(rules, bench.writer, bench, bench.newRow(rules.blockTokens), stepTime.usesContextMax);
    this.stepTime = stepTime;
    this.wandering = wandering;
    this.all = detail === "tokens";
    this.depth = rules.asyncScheduling ? 2 : 1;
    this.unlimited = isUnlimited(stepTime.range);
    this.writer = bench.writer;
    largeLater<EngineLoop>(this, ["busy", "busySince"]);
  }

  /** After a crash: with nothing, and nothing done. */
  startAnew(now: Instant): void {
    Object.assign(this, new SchedulerState(this.rules, this.writer, this.bench, this.row, this.tracksMax));
    this.aborted.length = 0;
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
