import { never } from "../../../../router/core/time.ts";
import { grown } from "../../grown.ts";
import { emptyShape } from "../../step-time/step-range.ts";
import type { StepShape, Stretch } from "../engine.ts";
import { blankSubmission } from "../submission.ts";
import { CommandWriter } from "./command-writer.ts";
import { turnCalls } from "./output-wheel.ts";
import type { Sequence } from "./sequence.ts";

/**
 * What engines of one kind share: what one puts something down on within one call, and never looks at again after it; objects that have been used, for the next; and lists in
 * which each has a row of its own. Hundreds of engines share one: of a copy in each, nothing would be in the cache when its engine's turn comes, and to find the memory of a
 * list takes a look at the list.
 */
export class Workbench {
  /** The step that was put together last. */
  readonly shape: StepShape = emptyShape();
  readonly stretch: Stretch = { steps: 0, endsAt: never };
  readonly lookUp = { hits: 0, reclaimed: 0 };
  readonly submission = blankSubmission();
  readonly writer = new CommandWriter();
  /** By the last schedule() call. */
  readonly preempted: Sequence[] = [];
  readonly spareSequences: Sequence[] = [];
  /** The counters of decode-set, and the buckets of output-wheel with a bit for each. */
  residues = new Int32Array(0);
  buckets: (Sequence | null)[] = [];
  used = new Int32Array(0);
  #rows = 0;

  newRow(blockTokens: number): number {
    const row = this.#rows++;
    if (this.residues.length < this.#rows * blockTokens) this.residues = grown(this.residues, new Int32Array(2 * this.#rows * blockTokens));
    if (this.used.length < (this.#rows * turnCalls) / 32) this.used = grown(this.used, new Int32Array((2 * this.#rows * turnCalls) / 32));
    if (this.buckets.length < this.#rows * turnCalls) this.buckets = this.buckets.concat(Array<null>(this.buckets.length + turnCalls).fill(null));
    return row;
  }

  /** For an engine that starts, or starts anew. */
  clearRow(row: number, blockTokens: number): void {
    this.residues.fill(0, row * blockTokens, (row + 1) * blockTokens);
    this.used.fill(0, (row * turnCalls) / 32, ((row + 1) * turnCalls) / 32);
    this.buckets.fill(null, row * turnCalls, (row + 1) * turnCalls);
  }
}
