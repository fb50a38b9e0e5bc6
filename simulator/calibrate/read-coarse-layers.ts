import { readdirSync } from "node:fs";
import path from "node:path";
import type { Curve } from "../core/step-time/curve.ts";
import type { PiecewiseSpec } from "../core/step-time/step-time-spec.ts";
import { nonDecreasing, rounded } from "./fit.ts";
import type { Gpu } from "./hardware.ts";
import { kvBytesOf } from "./models.ts";
import type { Model } from "./models.ts";
import { readTable } from "./read-table.ts";

const perStep = new Set(["embedding", "final_layernorm"]);
const knots = [1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];

/** The older profiler's times of single layers, in nanoseconds by tokens, without a KV cache: prefill and products are measured, decode attention is not. */
export function readCoarseLayers(folder: string, model: Model, card: Gpu): PiecewiseSpec {
  const file = readdirSync(folder).find((name) => name.endsWith("_layers.csv.gz"));
  if (file === undefined) throw new Error(`${folder} holds no layer times`);
  const times = new Map<string, Map<number, number>>();
  for (const row of readTable(path.join(folder, file))) {
    const layer = row["layer_name"] ?? "";
    const own = times.get(layer) ?? new Map<number, number>();
    times.set(layer, own.set(Number(row["input"]), Number(row["latency(ns)"]) / 1000));
  }
  const at = (layer: string, tokens: number): number => times.get(layer)?.get(tokens) ?? 0;
  const products = knots.map((tokens) => {
    let sum = 0;
    for (const layer of times.keys()) {
      if (layer !== "attn" && layer !== "lm_head") sum += at(layer, tokens) * (perStep.has(layer) ? 1 : model.layers);
    }
    return sum;
  });
  const curve = (x: readonly number[], y: readonly number[]): Curve => ({ x, y: nonDecreasing(y).map((value) => rounded(value)) });
  const readUs = (kvBytesOf(model, 1) / (0.8 * card.bytesPerSecond)) * 1e6;
  return {
    kind: "piecewise",
    scale: 1,
    gemm: curve(knots, products),
    decodeAttention: { x: [0, 1_000_000], y: [0, rounded(1_000_000 * readUs)] },
    chunkAttention: curve([0, ...knots.map((tokens) => (tokens * tokens) / 2)], [0, ...knots.map((tokens) => at("attn", tokens) * model.layers)]),
    head: curve(
      knots.slice(0, 12),
      knots.slice(0, 12).map((tokens) => at("lm_head", tokens)),
    ),
    perDecodeUs: 0,
    perPrefillPastUs: 0,
    perStepUs: 0,
    skew: 0.04,
    padding: 512,
    range: { tokens: [0, 2048], sequences: [0, 256], chunkAttention: [0, 2_097_152] },
    source: { kind: "fitted", hardware: "RTX 3090 (coarse layer times)", model: model.name, engineVersion: "unknown", errorPercent: 20 },
  };
}
