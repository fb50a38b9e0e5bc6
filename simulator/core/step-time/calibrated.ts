import type { StepTimeSpec } from "./step-time-spec.ts";

/** The same step times at the speed of the engine at hand: `scale` times as long, and `perStepUs` on top of every step. Two numbers, fitted on one short run. */
export function calibrated(spec: StepTimeSpec, scale: number, perStepUs: number): StepTimeSpec {
  switch (spec.kind) {
    case "piecewise":
    case "operator-table":
      return { ...spec, scale: spec.scale * scale, perStepUs: spec.perStepUs * scale + perStepUs };
    case "roofline":
      return {
        ...spec,
        bytesPerSecond: spec.bytesPerSecond / scale,
        operationsPerSecond: spec.operationsPerSecond / scale,
        perSequenceUs: spec.perSequenceUs * scale,
        perStepUs: spec.perStepUs * scale + perStepUs,
      };
    case "linear":
      return {
        ...spec,
        perStepUs: spec.perStepUs * scale + perStepUs,
        perPrefillTokenUs: spec.perPrefillTokenUs * scale,
        perSequenceUs: spec.perSequenceUs * scale,
        perContextTokenUs: spec.perContextTokenUs * scale,
        perChunkAttentionUs: spec.perChunkAttentionUs * scale,
      };
  }
}
