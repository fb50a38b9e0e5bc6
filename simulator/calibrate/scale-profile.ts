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

/** Data-sheet numbers of a card that nobody measured, with the efficiencies at which a measured one of the same kind runs the same model. */
export function rooflineLike(spec: PiecewiseSpec, measured: Gpu, card: Gpu, model: Model, tensorParallel: number, errorPercent: number): RooflineSpec {
  const weightBytes = (2 * model.weights) / tensorParallel;
  const operationsPerToken = (2 * model.weights) / tensorParallel;
  const operationsPerAttention = (4 * model.layers * model.heads * model.headSize) / tensorParallel;
  const lightest = (spec.gemm.y[0] ?? 1) + (spec.head.y[0] ?? 0);
  const memoryEfficiency = Math.min(0.98, weightBytes / (measured.bytesPerSecond * lightest * 1e-6));
  const heaviest = spec.gemm.x.at(-1) ?? 8192;
  const attended = heaviest * (heaviest / 2);
  const time = valueAt(spec.gemm, heaviest) + valueAt(spec.chunkAttention, attended);
  const computeEfficiency = Math.min(0.98, (operationsPerToken * heaviest + operationsPerAttention * attended) / (measured.operationsPerSecond * time * 1e-6));
  return {
    kind: "roofline",
    bytesPerSecond: card.bytesPerSecond,
    operationsPerSecond: card.operationsPerSecond,
    memoryEfficiency: rounded(memoryEfficiency, 3),
    computeEfficiency: rounded(computeEfficiency, 3),
    weightBytes,
    kvBytesPerToken: kvBytesOf(model, tensorParallel),
    operationsPerToken,
    operationsPerAttention,
    perSequenceUs: spec.perDecodeUs,
    perStepUs: 0,
    range: spec.range,
    source: { kind: "roofline", hardware: card.name, model: model.name, engineVersion: spec.source.engineVersion, errorPercent },
  };
}
