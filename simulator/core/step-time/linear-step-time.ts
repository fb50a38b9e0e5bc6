import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { StepShape, StepTimeModel, Stretch } from "../engine/engine.ts";
import type { LinearSpec } from "./step-time-spec.ts";
import { unlimitedRange } from "./step-range.ts";

/**
 * A step's time as a weighted sum of its tokens, sequences and attended context: 7 to 9 % off per step on measured GPUs, good for screening.
 * Coefficients are microseconds. Source of the form: docs of the profile it is made from.
 */
export class LinearStepTime implements StepTimeModel {
  readonly range = unlimitedRange;
  readonly usesContextMax = false;
  readonly source;
  readonly #spec: LinearSpec;

  constructor(spec: LinearSpec) {
    this.#spec = spec;
    this.source = spec.source;
  }

  stepTime(shape: Readonly<StepShape>): Duration {
    const spec = this.#spec;
    const time =
      spec.perStepUs +
      spec.perPrefillTokenUs * (shape.tokens - shape.decodes) +
      spec.perSequenceUs * shape.sequences +
      spec.perContextTokenUs * shape.decodeContext +
      spec.perChunkAttentionUs * shape.chunkAttention;
    return wholeMicros(time);
  }

  decodeStretch(shape: Readonly<StepShape>, stepsMax: number, from: Instant, until: Instant, into: Stretch): void {
    const spec = this.#spec;
    const fixed = spec.perStepUs + spec.perPrefillTokenUs * (shape.tokens - shape.decodes) + spec.perSequenceUs * shape.sequences;
    const attention = spec.perChunkAttentionUs * shape.chunkAttention;
    let context = shape.decodeContext;
    let endsAt: number = from;
    let steps = 0;
    while (steps < stepsMax) {
      const next = endsAt + wholeMicros(fixed + spec.perContextTokenUs * context + attention);
      if (next > until) break;
      endsAt = next;
      context += shape.decodes;
      steps++;
    }
    into.steps = steps;
    into.endsAt = endsAt as Instant;
  }
}

/** One at least. Without Math.max: V8's middle compiler makes a call of that. */
function wholeMicros(time: number): Duration {
  const whole = Math.floor(time + 0.5);
  return (whole > 1 ? whole : 1) as Duration;
}
