import type { StepShape, StepTimeSource } from "../engine/engine.ts";
import type { RooflineSpec } from "./step-time-spec.ts";
import { ContextStepper } from "./context-stepper.ts";
import { rangeOf } from "./step-range.ts";

/**
 * From data-sheet numbers where nothing was measured: the matrix products take the longer of reading the weights and computing, attention the sum of reading the KV
 * cache and computing. Efficiencies (0..1) are those of a measured card of the same kind. Bytes, operations, microseconds.
 */
export class RooflineStepTime extends ContextStepper {
  readonly range;
  readonly source: StepTimeSource;
  readonly usesContextMax = false;
  readonly #spec: RooflineSpec;
  readonly #bytesPerUs: number;
  readonly #operationsPerUs: number;

  constructor(spec: RooflineSpec) {
    super();
    this.#spec = spec;
    this.range = rangeOf(spec.range);
    this.source = spec.source;
    this.#bytesPerUs = (spec.bytesPerSecond * spec.memoryEfficiency) / 1e6;
    this.#operationsPerUs = (spec.operationsPerSecond * spec.computeEfficiency) / 1e6;
  }

  protected fixedPart(shape: Readonly<StepShape>): number {
    const spec = this.#spec;
    const weights = spec.weightBytes / this.#bytesPerUs;
    const products = (spec.operationsPerToken * shape.tokens) / this.#operationsPerUs;
    const attention =
      (spec.operationsPerAttention * shape.chunkAttention) / this.#operationsPerUs + (spec.kvBytesPerToken * shape.prefillPast) / this.#bytesPerUs;
    return Math.max(weights, products) + attention + spec.perSequenceUs * shape.sequences + spec.perStepUs;
  }

  protected withContext(fixed: number, shape: Readonly<StepShape>): number {
    return fixed + (this.#spec.kvBytesPerToken * shape.decodeContext) / this.#bytesPerUs;
  }
}
