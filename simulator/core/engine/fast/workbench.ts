import { never } from "../../../../router/core/time.ts";
import { emptyShape } from "../../step-time/step-range.ts";
import type { StepShape, Stretch } from "../engine.ts";
import { SequenceBag } from "./sequence-bag.ts";

/**
 * What an engine puts something down on within one call, and never looks at again after it. Hundreds of engines share one: of a copy in each, nothing would be in the
 * cache when its engine's turn comes.
 */
export interface Workbench {
  /** The step that was put together last. */
  readonly shape: StepShape;
  readonly stretch: Stretch;
  readonly lookUp: { hits: number; reclaimed: number };
  /** By the last schedule() call. */
  readonly preempted: SequenceBag;
}

export function newWorkbench(): Workbench {
  return { shape: emptyShape(), stretch: { steps: 0, endsAt: never }, lookUp: { hits: 0, reclaimed: 0 }, preempted: new SequenceBag() };
}
