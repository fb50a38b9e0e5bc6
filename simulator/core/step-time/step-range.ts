import type { StepShape, StepTimeModel } from "../engine/engine.ts";

/** The range of a model that holds everywhere. */
export const unlimitedRange: StepTimeModel["range"] = {
  sequences: [0, Infinity],
  decodes: [0, Infinity],
  tokens: [0, Infinity],
  decodeContext: [0, Infinity],
  decodeContextMax: [0, Infinity],
  chunkAttention: [0, Infinity],
  prefillPast: [0, Infinity],
  draftTokens: [0, Infinity],
};

export function emptyShape(): StepShape {
  return { sequences: 0, decodes: 0, tokens: 0, decodeContext: 0, decodeContextMax: 0, chunkAttention: 0, prefillPast: 0, draftTokens: 0 };
}
