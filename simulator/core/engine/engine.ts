import type { Branded, Duration, Instant, Machine } from "../../../router/core/machine.ts";

export type SequenceId = Branded<"sequence">;

export type EngineEvent =
  | {
      readonly kind: "sequence-submitted";
      readonly id: SequenceId;
      readonly inputTokens: number;
      /**
       * Chained ids of the prompt's full blocks, and, where the trace knows what will be generated, of the blocks that the output fills (a later turn finds them);
       * null: nothing shared, and no hashing is paid for.
       */
      readonly blocks: Int32Array | null;
      /** Known to the engine model alone, never to a policy. */
      readonly outputTokens: number;
      readonly outputTokensMax: number;
      readonly priority: number;
      /** The front end's clock: what the priority order compares. */
      readonly arrival: Instant;
    }
  | { readonly kind: "sequence-aborted"; readonly id: SequenceId }
  /** Brown-out: steps that start from now on take `factor` times as long. */
  | { readonly kind: "speed-changed"; readonly factor: number }
  | { readonly kind: "engine-crashed" };

export type EngineCommand =
  | { readonly kind: "start-sequence"; readonly id: SequenceId; readonly cachedTokens: number }
  /** The first token always; later ones only where the engine was built with detail "tokens" (the mock). `from` counts from 0. */
  | { readonly kind: "emit-tokens"; readonly id: SequenceId; readonly from: number; readonly count: number }
  | {
      readonly kind: "end-sequence";
      readonly id: SequenceId;
      readonly reason: "stop" | "length" | "abort" | "error";
      readonly outputTokens: number;
      readonly preemptions: number;
    };

/** Counters are totals since the start. `batchUse`: sequences / max_num_seqs of the last step, 0..1. */
export interface EngineSignals {
  readonly running: number;
  readonly waiting: number;
  readonly blocksUsed: number;
  readonly blocks: number;
  readonly prefixQueries: number;
  readonly prefixHits: number;
  readonly preemptions: number;
  readonly busy: Duration;
  readonly batchUse: number;
  /** Steps carried out, and those of them for which the step-time model was not made: such a result is of low confidence. */
  readonly steps: number;
  readonly stepsOutsideRange: number;
  /** Over all steps: the sequences and the tokens in each. */
  readonly stepSequences: number;
  readonly stepTokens: number;
}

export interface EngineModel extends Machine<EngineEvent, EngineCommand> {
  /** What a scrape at `now` would read. No effect: it cannot end a skipped decode stretch or change a later command. */
  observe(now: Instant): EngineSignals;
  /** Generated as of the last event or wake, in either detail; 0 for a sequence that is not there. No effect. */
  outputTokensOf(id: SequenceId): number;
  /** Sequences that have not ended, in no order. No effect. */
  liveSequences(): readonly SequenceId[];
}

/** Sums over one step, filled in place by the engine (no allocation). Units: tokens, except sequences and decodes (counts; tokens - decodes are prefill tokens where nothing is drafted). */
export interface StepShape {
  sequences: number;
  decodes: number;
  tokens: number;
  decodeContext: number;
  decodeContextMax: number;
  chunkAttention: number;
  prefillPast: number;
  draftTokens: number;
}

export interface Stretch {
  steps: number;
  endsAt: Instant;
}

export interface StepTimeModel {
  /** Whole microseconds, at least 1, never below the same step with fewer tokens. */
  stepTime(shape: Readonly<StepShape>): Duration;
  /** Up to `stepsMax` decode-only steps from `shape`, not passing `until`; equals the loop of stepTime bit for bit. Written into a record, since it is called for every stretch. */
  decodeStretch(shape: Readonly<StepShape>, stepsMax: number, from: Instant, until: Instant, into: Stretch): void;
  /** Outside it a result is low confidence: counted, and said in the result. */
  readonly range: Readonly<Record<keyof StepShape, readonly [number, number]>>;
  readonly source: StepTimeSource;
  /** Whether decodeContextMax matters to it; if not, the engine need not know which context is the longest. */
  readonly usesContextMax: boolean;
}

export interface StepTimeSource {
  readonly kind: "measured" | "fitted" | "scaled" | "roofline";
  readonly hardware: string;
  readonly model: string;
  readonly engineVersion: string;
  readonly errorPercent: number;
}
