import type { StepShape, StepTimeSource } from "../engine/engine.ts";
import type { OperatorTableSpec } from "./step-time-spec.ts";
import { AttentionTable } from "./attention-table.ts";
import { ContextStepper } from "./context-stepper.ts";
import { valueAt } from "./curve.ts";
import { paddedTokens } from "./padded-tokens.ts";
import { rangeOf } from "./step-range.ts";

/**
 * Measured kernel times, interpolated: dense(tokens) + head(sequences) + layers x attention(chunk tokens, their past, decodes, mean context), below 1 % end to end
 * on a measured RTX 4090 run. `skew` of the way from the mean to the longest context, because uneven batches wait for their longest.
 */
export class OperatorTableStepTime extends ContextStepper {
  readonly range;
  readonly source: StepTimeSource;
  readonly usesContextMax: boolean;
  readonly #spec: OperatorTableSpec;
  readonly #attention: AttentionTable;

  constructor(spec: OperatorTableSpec) {
    super();
    this.#spec = spec;
    this.#attention = new AttentionTable(spec.attention);
    this.range = rangeOf(spec.range);
    this.source = spec.source;
    this.usesContextMax = spec.skew > 0;
  }

  protected fixedPart(shape: Readonly<StepShape>): number {
    const spec = this.#spec;
    return valueAt(spec.dense, paddedTokens(shape.tokens, spec.padding)) + valueAt(spec.head, shape.sequences);
  }

  protected withContext(fixed: number, shape: Readonly<StepShape>): number {
    const spec = this.#spec;
    const mean = shape.decodes === 0 ? 0 : shape.decodeContext / shape.decodes;
    const context = mean + spec.skew * Math.max(0, shape.decodeContextMax - mean);
    const attention = this.#attention.timeOf(shape.tokens - shape.decodes, shape.prefillPast, shape.decodes, context);
    return spec.scale * (fixed + spec.layers * attention) + spec.perStepUs;
  }
}
