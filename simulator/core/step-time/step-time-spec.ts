import type { StepShape, StepTimeSource } from "../engine/engine.ts";
import type { AttentionTableSpec } from "./attention-table.ts";
import type { Curve } from "./curve.ts";

/** What a step takes, as plain data. */
export type StepTimeSpec = LinearSpec | PiecewiseSpec | OperatorTableSpec | RooflineSpec;

/** Where the figures hold; a quantity that is left out has no bounds. */
export type StepRangeSpec = { readonly [quantity in keyof StepShape]?: readonly [number, number] };

export interface LinearSpec {
  readonly kind: "linear";
  /** Microseconds: per step, per prefill token, per sequence, per token of decode context, per unit of chunk x (past + chunk / 2). */
  readonly perStepUs: number;
  readonly perPrefillTokenUs: number;
  readonly perSequenceUs: number;
  readonly perContextTokenUs: number;
  readonly perChunkAttentionUs: number;
  readonly source: StepTimeSource;
}

/** Curves in microseconds of the whole model, all layers. */
export interface PiecewiseSpec {
  readonly kind: "piecewise";
  readonly scale: number;
  /** By tokens of the step. */
  readonly gemm: Curve;
  /** By the sum of the decodes' contexts. */
  readonly decodeAttention: Curve;
  /** By the sum of chunk x (past + chunk / 2). */
  readonly chunkAttention: Curve;
  /** By sequences of the step. */
  readonly head: Curve;
  readonly perDecodeUs: number;
  readonly perPrefillPastUs: number;
  readonly perStepUs: number;
  /** Share of (longest - mean context) that every decode waits for. */
  readonly skew: number;
  /** Steps of at most so many tokens are padded to CUDA-graph sizes; 0: none. */
  readonly padding: number;
  readonly range: StepRangeSpec;
  readonly source: StepTimeSource;
}

export interface OperatorTableSpec {
  readonly kind: "operator-table";
  readonly scale: number;
  /** All layers, by tokens. */
  readonly dense: Curve;
  /** By sequences. */
  readonly head: Curve;
  /** One layer. */
  readonly attention: AttentionTableSpec;
  readonly layers: number;
  readonly perStepUs: number;
  readonly skew: number;
  readonly padding: number;
  readonly range: StepRangeSpec;
  readonly source: StepTimeSource;
}

export interface RooflineSpec {
  readonly kind: "roofline";
  readonly bytesPerSecond: number;
  readonly operationsPerSecond: number;
  /** 0..1 */
  readonly memoryEfficiency: number;
  readonly computeEfficiency: number;
  readonly weightBytes: number;
  readonly kvBytesPerToken: number;
  readonly operationsPerToken: number;
  /** Per unit of chunk x (past + chunk / 2). */
  readonly operationsPerAttention: number;
  readonly perSequenceUs: number;
  readonly perStepUs: number;
  readonly range: StepRangeSpec;
  readonly source: StepTimeSource;
}
