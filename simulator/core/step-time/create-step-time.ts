import type { StepTimeModel } from "../engine/engine.ts";
import { LinearStepTime } from "./linear-step-time.ts";
import { OperatorTableStepTime } from "./operator-table-step-time.ts";
import { PiecewiseStepTime } from "./piecewise-step-time.ts";
import { RooflineStepTime } from "./roofline-step-time.ts";
import type { StepTimeSpec } from "./step-time-spec.ts";

export function createStepTime(spec: StepTimeSpec): StepTimeModel {
  switch (spec.kind) {
    case "linear":
      return new LinearStepTime(spec);
    case "piecewise":
      return new PiecewiseStepTime(spec);
    case "operator-table":
      return new OperatorTableStepTime(spec);
    case "roofline":
      return new RooflineStepTime(spec);
  }
}
