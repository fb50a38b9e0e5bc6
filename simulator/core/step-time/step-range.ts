import type { StepShape, StepTimeModel } from "../engine/engine.ts";
import type { StepRangeSpec } from "./step-time-spec.ts";

const anywhere: readonly [number, number] = [0, Infinity];

export function rangeOf(spec: StepRangeSpec): StepTimeModel["range"] {
  return {
    sequences: spec.sequences ?? anywhere,
    decodes: spec.decodes ?? anywhere,
    tokens: spec.tokens ?? anywhere,
    decodeContext: spec.decodeContext ?? anywhere,
    decodeContextMax: spec.decodeContextMax ?? anywhere,
    chunkAttention: spec.chunkAttention ?? anywhere,
    prefillPast: spec.prefillPast ?? anywhere,
    draftTokens: spec.draftTokens ?? anywhere,
  };
}

export function emptyShape(): StepShape {
  return { sequences: 0, decodes: 0, tokens: 0, decodeContext: 0, decodeContextMax: 0, chunkAttention: 0, prefillPast: 0, draftTokens: 0 };
}

/** The range of a model that holds everywhere. */
export const unlimitedRange: StepTimeModel["range"] = rangeOf({});

/** Whether the model was not made for the step. */
export function isOutside(range: StepTimeModel["range"], shape: Readonly<StepShape>): boolean {
  return (
    isBeyond(range.sequences, shape.sequences) ||
    isBeyond(range.decodes, shape.decodes) ||
    isBeyond(range.tokens, shape.tokens) ||
    isBeyond(range.decodeContext, shape.decodeContext) ||
    isBeyond(range.decodeContextMax, shape.decodeContextMax) ||
    isBeyond(range.chunkAttention, shape.chunkAttention) ||
    isBeyond(range.prefillPast, shape.prefillPast) ||
    isBeyond(range.draftTokens, shape.draftTokens)
  );
}

const isBeyond = ([low, high]: readonly [number, number], value: number): boolean => value < low || value > high;

export const isUnlimited = (range: StepTimeModel["range"]): boolean => Object.values(range).every(([low, high]) => low <= 0 && high === Infinity);
