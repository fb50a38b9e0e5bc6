import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { StepShape, StepTimeModel, Stretch } from "../engine/engine.ts";
import type { SchedulingCost } from "../engine/engine-spec.ts";
import { emptyShape } from "./step-range.ts";
import type { StepTimeSpec } from "./step-time-spec.ts";

/** Whether no step is shorter than putting the next one together, as the coefficients alone say: then that never shows where scheduling is asynchronous. */
export function hidesScheduling(spec: StepTimeSpec, { perStepUs, perSequenceUs }: SchedulingCost): boolean {
  return spec.kind === "linear" && spec.perStepUs >= perStepUs && spec.perSequenceUs >= perSequenceUs;
}

/**
 * A step with the CPU time of putting it together. Synchronous, the device waits for it: zero time between steps made TTFT 17 to 56 % too low elsewhere.
 * Asynchronous, the next step is put together while one runs, so that it shows only where it is longer.
 */
export class ScheduledStepTime implements StepTimeModel {
  readonly range;
  readonly source;
  readonly usesContextMax;
  readonly #inner: StepTimeModel;
  readonly #cost: SchedulingCost;
  readonly #hidden: boolean;
  readonly #shape = emptyShape();

  constructor(inner: StepTimeModel, cost: SchedulingCost, hidden: boolean) {
    this.#inner = inner;
    this.#cost = cost;
    this.#hidden = hidden;
    this.range = inner.range;
    this.source = inner.source;
    this.usesContextMax = inner.usesContextMax;
  }

  stepTime(shape: Readonly<StepShape>): Duration {
    const cost = this.#costOf(shape);
    const time = this.#inner.stepTime(shape);
    return (this.#hidden ? Math.max(time, cost) : time + cost) as Duration;
  }

  decodeStretch(shape: Readonly<StepShape>, stepsMax: number, from: Instant, until: Instant, into: Stretch): void {
    // Steps only get longer in a stretch: a cost that is hidden in the first is hidden in all.
    const cost = this.#costOf(shape);
    if (cost === 0 || (this.#hidden && cost <= this.#inner.stepTime(shape))) {
      this.#inner.decodeStretch(shape, stepsMax, from, until, into);
      return;
    }
    const next = Object.assign(this.#shape, shape);
    into.steps = 0;
    into.endsAt = from;
    while (into.steps < stepsMax) {
      const endsAt = (into.endsAt + this.stepTime(next)) as Instant;
      if (endsAt > until) return;
      into.endsAt = endsAt;
      into.steps++;
      next.decodeContext += next.decodes;
      next.decodeContextMax++;
    }
  }

  #costOf(shape: Readonly<StepShape>): number {
    return Math.floor(this.#cost.perStepUs + this.#cost.perSequenceUs * shape.sequences + 0.5);
  }
}
