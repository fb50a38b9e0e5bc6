import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { StepShape, StepTimeModel, StepTimeSource, Stretch } from "../engine/engine.ts";
import { emptyShape } from "./step-range.ts";

/** Whole microseconds, at least one. */
const wholeMicros = (time: number): number => Math.max(1, Math.floor(time + 0.5));

/** A step-time model in two parts: one that stays the same while only the context of the decodes grows, and one that grows with it. */
export abstract class ContextStepper implements StepTimeModel {
  abstract readonly range: StepTimeModel["range"];
  abstract readonly source: StepTimeSource;
  abstract readonly usesContextMax: boolean;
  readonly #shape = emptyShape();

  protected abstract fixedPart(shape: Readonly<StepShape>): number;
  protected abstract withContext(fixed: number, shape: Readonly<StepShape>): number;

  stepTime(shape: Readonly<StepShape>): Duration {
    return wholeMicros(this.withContext(this.fixedPart(shape), shape)) as Duration;
  }

  decodeStretch(shape: Readonly<StepShape>, stepsMax: number, from: Instant, until: Instant, into: Stretch): void {
    const fixed = this.fixedPart(shape);
    const next = Object.assign(this.#shape, shape);
    let endsAt: number = from;
    let steps = 0;
    while (steps < stepsMax) {
      const end = endsAt + wholeMicros(this.withContext(fixed, next));
      if (end > until) break;
      endsAt = end;
      steps++;
      next.decodeContext += next.decodes;
      next.decodeContextMax++;
    }
    into.steps = steps;
    into.endsAt = endsAt as Instant;
  }
}
