import type { StepTimeModel } from "../engine/engine.ts";
import type { StepTimeSpec } from "../engine/engine-spec.ts";
import { LinearStepTime } from "./linear-step-time.ts";

export function createStepTime(spec: StepTimeSpec): StepTimeModel {
  return new LinearStepTime(spec);
}
