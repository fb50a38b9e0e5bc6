import { valueAt } from "../core/step-time/curve.ts";
import type { PiecewiseSpec, RooflineSpec } from "../core/step-time/step-time-spec.ts";
import { rounded } from "./fit.ts";
import type { Gpu } from "./hardware.ts";
import { kvBytesOf } from "./models.ts";
import type { Model } from "./models.ts";

/** A measured card's profile for a card of the same kind: what waits for memory by the ratio of bandwidths, what computes by that of operations. */
export function scaledTo(spec: PiecewiseSpec, from: Gpu, to: Gpu, errorPercent: number): PiecewiseSpec {
  const memory = from.bytesPerSecond / to.bytesPerSecond;
  const compute = from.operationsPerSecond / to.operationsPerSecond;
  const floor = spec.gemm.y[0] ?? 0;
  const times = (factor: number) => (value: number) => rounded(value * factor);
  return {
    ...spec,
    gemm: { x: spec.gemm.x, y: spec.gemm.y.map((y) => rounded(floor * memory + (y - floor) * compute)) },
    decodeAttention: { x: spec.decodeAttention.x, y: spec.decodeAttention.y.map(times(memory)) },
    chunkAttention: { x: spec.chunkAttention.x, y: spec.chunkAttention.y.map(times(compute)) },
    head: { x: spec.head.x, y: spec.head.y.map(times(memory)) },
    perDecodeUs: rounded(spec.perDecodeUs * memory),
    source: { ...spec.source, kind: "scaled", hardware: `${to.name} (scaled from ${from.name})`, errorPercent },
  };
}

/** What was measured: a card with a model on so many of them. */
export interface Measured {
  readonly spec: PiecewiseSpec;
  readonly card: Gpu;
  readonly model: Model;
}

/** Data-sheet numbers of a card or model that nobody measured, with the efficiencies at which a measured card of the same kind runs a measured model. */
export function rooflineLike(known: Measured, card: Gpu, model: Model, tensorParallel: number, errorPercent: number): RooflineSpec {
  const { memoryEfficiency, computeEfficiency } = efficienciesOf(known, tensorParallel);
  const { spec } = known;
  return {
    kind: "roofline",
    bytesPerSecond: card.bytesPerSecond,
    operationsPerSecond: card.operationsPerSecond,
    memoryEfficiency: rounded(memoryEfficiency, 3),
    computeEfficiency: rounded(computeEfficiency, 3),
    kvBytesPerToken: kvBytesOf(model, tensorParallel),
    ...workOf(model, tensorParallel),
    perSequenceUs: rounded((spec.perDecodeUs * model.layers) / known.model.layers),
    perStepUs: 0,
    range: spec.range,
    source: { kind: "roofline", hardware: card.name, model: model.name, engineVersion: spec.source.engineVersion, errorPercent },
  };
}

/** Bytes and operations of one GPU of the group. */
function workOf(model: Model, tensorParallel: number) {
  return {
    weightBytes: (2 * model.weights) / tensorParallel,
    operationsPerToken: (2 * model.weights) / tensorParallel,
    operationsPerAttention: (4 * model.layers * model.heads * model.headSize) / tensorParallel,
  };
}

function efficienciesOf({ spec, card: measured, model }: Measured, tensorParallel: number) {
  const { weightBytes, operationsPerToken, operationsPerAttention } = workOf(model, tensorParallel);
  const lightest = (spec.gemm.y[0] ?? 1) + (spec.head.y[0] ?? 0);
  const memoryEfficiency = Math.min(0.98, weightBytes / (measured.bytesPerSecond * lightest * 1e-6));
  const heaviest = spec.gemm.x.at(-1) ?? 8192;
  const attended = heaviest * (heaviest / 2);
  const time = valueAt(spec.gemm, heaviest) + valueAt(spec.chunkAttention, attended);
  const computeEfficiency = Math.min(0.98, (operationsPerToken * heaviest + operationsPerAttention * attended) / (measured.operationsPerSecond * time * 1e-6));
  return { memoryEfficiency, computeEfficiency };
}
