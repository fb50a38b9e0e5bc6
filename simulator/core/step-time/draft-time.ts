import type { SpeculationSpec } from "../engine/engine-spec.ts";
import type { StepShape, StepTimeModel } from "../engine/engine.ts";
import { emptyShape } from "./step-range.ts";

/**
 * What drafting adds to a step, microseconds: the drafting model takes in what the target has just computed, and then makes its other drafts one by one for all
 * sequences together. Each of its passes takes `costRatio` of what the target would take for the same. (The ratio c of Leviathan et al., "Fast inference from
 * transformers via speculative decoding", 2023: 0.02 to 0.11 for their models; a single-layer EAGLE head on 32 layers is about 0.05.)
 */
export function draftTimer(stepTime: StepTimeModel, speculation: SpeculationSpec | null): (shape: Readonly<StepShape>) => number {
  const costRatio = speculation?.costRatio ?? 0;
  if (speculation === null || costRatio === 0) return () => 0;
  const further = speculation.draftTokens - 1;
  return (shape) => {
    const { sequences, tokens, draftTokens, decodeContext, decodeContextMax } = shape;
    const first = stepTime.stepTime({ ...shape, tokens: tokens - draftTokens, draftTokens: 0 });
    const next = stepTime.stepTime({ ...emptyShape(), sequences, decodes: sequences, tokens: sequences, decodeContext, decodeContextMax });
    return Math.floor(costRatio * (first + further * next) + 0.5);
  };
}
