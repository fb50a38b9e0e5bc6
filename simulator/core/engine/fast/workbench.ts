import { never } from "../../../../router/core/time.ts";
import { grown } from "../../grown.ts";
import { emptyShape, isUnlimited } from "../../step-time/step-range.ts";
import type { StepShape, StepTimeModel, Stretch } from "../engine.ts";
import { blankSubmission } from "../submission.ts";
import { CommandWriter, type SequenceListener } from "./command-writer.ts";
import type { FastRules } from "./fast-rules.ts";
import { turnCalls } from "./output-wheel.ts";
import type { Sequence } from "./sequence.ts";

/**
 * What schedulers of one kind share: their rules; what one puts something down on within one call, and never looks at again after it; objects that have been used, for the
 * next; and lists in which each has a row of its own. Hundreds of engines share one: of a copy in each, nothing would be in the cache when its engine's turn comes, and to find
 * the memory of a list takes a look at the list.
 */
export class Workbench {
  readonly rules: FastRules;
  readonly listener: SequenceListener;
  /** The longest context is asked for, not only their sum. */
  readonly tracksMax: boolean;
  readonly runningMax: number;
  readonly watermarkBlocks: number;
  /** Tokens that the call being made can still take, and one sequence's part of it at most. */
  budget = 0;
  chunkMax = Infinity;
  /** The step that was put together last. */
  readonly shape: StepShape = emptyShape();
  readonly stretch: Stretch = { steps: 0, endsAt: never };
  readonly lookUp = { hits: 0, reclaimed: 0 };
  readonly submission = blankSubmission();
  /** By the last schedule() call. */
  readonly preempted: Sequence[] = [];
  readonly spareSequences: Sequence[] = [];
  /** The counters of decode-set, and the buckets of output-wheel with a bit for each. */
  residues = new Int32Array(0);
  buckets: (Sequence | null)[] = [];
  used = new Int32Array(0);
  #rows = 0;

  constructor(rules: FastRules, listener: SequenceListener, tracksMax: boolean) {
    this.rules = rules;
    this.listener = listener;
    this.tracksMax = tracksMax;
    this.runningMax = rules.activeSequencesMax ?? rules.sequencesMax;
    this.watermarkBlocks = Math.trunc(rules.watermark * rules.blocks);
  }

  newRow(): number {
    const { blockTokens } = this.rules;
    const row = this.#rows++;
    if (this.residues.length < this.#rows * blockTokens) this.residues = grown(this.residues, new Int32Array(2 * this.#rows * blockTokens));
    if (this.used.length < (this.#rows * turnCalls) / 32) this.used = grown(this.used, new Int32Array((2 * this.#rows * turnCalls) / 32));
    if (this.buckets.length < this.#rows * turnCalls) this.buckets = this.buckets.concat(Array<null>(this.buckets.length + turnCalls).fill(null));
    return row;
  }

  /** For an engine that starts, or starts anew. */
  clearRow(row: number): void {
    const { blockTokens } = this.rules;
    this.residues.fill(0, row * blockTokens, (row + 1) * blockTokens);
    this.used.fill(0, (row * turnCalls) / 32, ((row + 1) * turnCalls) / 32);
    this.buckets.fill(null, row * turnCalls, (row + 1) * turnCalls);
  }
}

/** The same of engines, whose schedulers tell the writer. */
export class EngineBench extends Workbench {
  readonly stepTime: StepTimeModel;
  /** It knows no step that is outside its range. */
  readonly unlimited: boolean;
  /** Steps in flight at most. */
  readonly depth: number;
  readonly writer: CommandWriter;

  constructor(rules: FastRules, stepTime: StepTimeModel, detail: "first-token" | "tokens") {
    const writer = new CommandWriter(detail === "tokens");
    super(rules, writer, stepTime.usesContextMax);
    this.stepTime = stepTime;
    this.unlimited = isUnlimited(stepTime.range);
    this.depth = rules.asyncScheduling ? 2 : 1;
    this.writer = writer;
  }
}
