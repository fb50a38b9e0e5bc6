import path from "node:path";
import type { AttentionTableSpec } from "../core/step-time/attention-table.ts";
import type { Curve } from "../core/step-time/curve.ts";
import type { OperatorTableSpec } from "../core/step-time/step-time-spec.ts";
import { nonDecreasing, rounded } from "./fit.ts";
import type { Model } from "./models.ts";
import { readTable } from "./read-table.ts";

/** How often a layer of the model runs each of the profiled operators; the others run once per step. */
const perLayer: Readonly<Record<string, number>> = {
  layernorm: 2,
  qkv_proj: 1,
  rotary_emb: 1,
  o_proj: 1,
  gate_up_proj: 1,
  act_fn: 1,
  down_proj: 1,
  qk_norm: 1,
};

/** A profile measured inside vLLM, operator by operator (LLMServingSim's profiler), as one operator table. */
export function readLayerProfile(folder: string, model: Model, hardware: string, version: string, errorPercent: number): OperatorTableSpec {
  const dense = sumOf(readTable(path.join(folder, "dense.csv.gz")), "tokens", (layer) => (perLayer[layer] ?? 0) * model.layers + (layer in perLayer ? 0 : 1));
  const head = sumOf(readTable(path.join(folder, "per_sequence.csv.gz")), "sequences", () => 1);
  const attention = readAttention(path.join(folder, "attention.csv.gz"));
  return {
    kind: "operator-table",
    scale: 1,
    dense,
    head,
    attention,
    layers: model.layers,
    perStepUs: 0,
    skew: 0,
    padding: 0,
    range: { tokens: [0, dense.x.at(-1) ?? 0], sequences: [0, 256], decodeContextMax: [0, 16_384], prefillPast: [0, 16_384] },
    source: { kind: "measured", hardware, model: model.name, engineVersion: version, errorPercent },
  };
}

function sumOf(rows: readonly Record<string, string>[], axis: string, times: (layer: string) => number): Curve {
  const sums = new Map<number, number>();
  for (const row of rows) {
    const x = Number(row[axis]);
    sums.set(x, (sums.get(x) ?? 0) + times(row["layer"] ?? "") * Number(row["time_us"]));
  }
  const x = [...sums.keys()].toSorted((one, other) => one - other);
  return { x, y: nonDecreasing(x.map((at) => sums.get(at) ?? 0)).map((y) => rounded(y)) };
}

const axes = ["prefill_chunk", "kv_prefill", "n_decode", "kv_decode"] as const;

function readAttention(file: string): AttentionTableSpec {
  const rows = readTable(file).map((row) => ({ at: axes.map((axis) => Number(row[axis])), us: Number(row["time_us"]) }));
  const grids = axes.map((_, axis) => [...new Set(rows.map(({ at }) => at[axis] ?? 0))].toSorted((one, other) => one - other));
  const [chunk = [], past = [], decodes = [], context = []] = grids;
  const known = new Map(rows.map(({ at, us }) => [at.join(), us]));
  // Without a chunk its past means nothing, without decodes their context; both stand once in the file.
  const find = (c: number, p: number, d: number, k: number): number | undefined => known.get([c, c === 0 ? 0 : p, d, d === 0 ? 0 : k].join());
  const us: number[] = [];
  for (const c of chunk) for (const p of past) for (const place of decodes.keys()) for (const k of context) us.push(valueOrLine(c, p, place, k));
  return { chunk, past, decodes, context, us: us.map((value) => rounded(value)) };

  /** Large mixed batches were not measured: the line through the two next smaller goes on. */
  function valueOrLine(c: number, p: number, place: number, k: number): number {
    const at = context.includes(0) && k === 0 && (decodes[place] ?? 0) > 0 ? (context[1] ?? 0) : k;
    const value = find(c, p, decodes[place] ?? 0, at);
    if (value !== undefined) return value;
    if (place < 2) return 0;
    const [before = 0, last = 0, here = 0] = [decodes[place - 2], decodes[place - 1], decodes[place]];
    const from = valueOrLine(c, p, place - 2, k);
    const to = valueOrLine(c, p, place - 1, k);
    return to + ((here - last) / (last - before)) * (to - from);
  }
}
