import type { Curve } from "../core/step-time/curve.ts";
import { valueAt } from "../core/step-time/curve.ts";
import { createStepTime } from "../core/step-time/create-step-time.ts";
import { emptyShape } from "../core/step-time/step-range.ts";
import type { PiecewiseSpec, StepTimeSpec } from "../core/step-time/step-time-spec.ts";
import { meanAbsolutePercent, nonDecreasing, nonNegativeFit, rounded } from "./fit.ts";
import { kvBytesOf } from "./models.ts";
import type { Model } from "./models.ts";

/** Composed per-layer kernel times of one GPU, model and tensor-parallel degree; microseconds. */
export interface StepTable {
  readonly hardware: string;
  readonly version: string;
  readonly model: Model;
  readonly tensorParallel: number;
  readonly rows: readonly { readonly kind: string; readonly a: number; readonly b: number; readonly us: number }[];
}

/** Sums of contexts at which the decode attention's slope may change: latency-bound, then bandwidth-bound. */
const bends = [0, 4096, 16_384, 65_536, 262_144];

type Points = readonly (readonly [x: number, y: number])[];

/** @param contextUsPerByte microseconds per byte of KV read, for a table without decode attention */
export function fitStepTable(table: StepTable, contextUsPerByte: number): PiecewiseSpec {
  const whole = fitParts(table, () => true, contextUsPerByte);
  // The error is that of a fit to every other point, on the points it did not see.
  const half = fitParts(table, (place) => place % 2 === 0, contextUsPerByte);
  const unseen = composedSteps(table).filter((_, place) => place % 2 === 1);
  const errorPercent = meanAbsolutePercent(unseen.map(({ tokens, context, chunk, sequences, us }) => [us, timeOf(half, tokens, context, chunk, sequences)]));
  const tokensMax = pointsOf(table, "gemm_layer").at(-1)?.[0] ?? 8192;
  return {
    kind: "piecewise",
    scale: 1,
    ...whole,
    perPrefillPastUs: 0,
    perStepUs: 0,
    skew: 0.04,
    padding: 512,
    range: { tokens: [0, tokensMax], sequences: [0, 512], decodeContext: [0, 4_194_304], chunkAttention: [0, 134_217_728] },
    source: {
      kind: "fitted",
      hardware: table.hardware,
      model: table.model.name,
      engineVersion: table.version,
      errorPercent: rounded(errorPercent, 2),
    },
  };
}

type Parts = Pick<PiecewiseSpec, "gemm" | "decodeAttention" | "chunkAttention" | "head" | "perDecodeUs">;

function fitParts(table: StepTable, takes: (place: number) => boolean, contextUsPerByte: number): Parts {
  const { layers } = table.model;
  const gemm = curveOf(gemmPoints(table).filter((_, place) => takes(place)));
  const prefill = pointsOf(table, "attn_prefill_layer").map(([tokens, us]) => [(tokens * tokens) / 2, us * layers] as const);
  const head = curveOf(pointsOf(table, "lm_head").filter((_, place) => takes(place)));
  const decode = fitDecodeAttention(table, takes, gemm, contextUsPerByte);
  const chunkAttention = curveOf([[0, 0], ...prefill.filter((_, place) => takes(place))]);
  return { gemm, chunkAttention, head, ...decode };
}

function fitDecodeAttention(
  table: StepTable,
  takes: (place: number) => boolean,
  gemm: Curve,
  contextUsPerByte: number,
): Pick<Parts, "decodeAttention" | "perDecodeUs"> {
  const rows = table.rows.filter(({ kind }) => kind === "attn_decode_layer").filter((_, place) => takes(place));
  if (rows.length === 0) {
    const slope = contextUsPerByte * kvBytesOf(table.model, table.tensorParallel);
    return { decodeAttention: { x: [0, 1_000_000], y: [0, rounded(1_000_000 * slope)] }, perDecodeUs: 0 };
  }
  const { layers } = table.model;
  const features = rows.map(({ a, b }) => [1, a, ...bends.map((bend) => Math.max(0, a * b - bend))]);
  const target = rows.map(({ us }) => us * layers);
  const weights = rows.map(({ a, us }) => 1 / (valueAt(gemm, a) + us * layers));
  const [base = 0, perDecode = 0, ...slopes] = nonNegativeFit(features, target, weights);
  const at = (sum: number): number => base + slopes.reduce((total, slope, place) => total + slope * Math.max(0, sum - (bends[place] ?? 0)), 0);
  const x = [0, 1, ...bends.slice(1), 4_194_304];
  return { decodeAttention: { x, y: x.map((sum) => (sum === 0 ? 0 : rounded(at(sum)))) }, perDecodeUs: rounded(perDecode) };
}

function gemmPoints(table: StepTable): Points {
  const { layers } = table.model;
  const reduce = new Map(pointsOf(table, "allreduce_each(x2/layer)"));
  return pointsOf(table, "gemm_layer").map(([tokens, us]) => [tokens, layers * (us + 2 * (reduce.get(tokens) ?? 0))]);
}

const pointsOf = (table: StepTable, kind: string): Points =>
  table.rows
    .filter((row) => row.kind === kind)
    .map(({ a, us }) => [a, us] as const)
    .toSorted(([one], [other]) => one - other);

function curveOf(points: Points): Curve {
  const smooth = nonDecreasing(points.map(([, y]) => y));
  return { x: points.map(([x]) => x), y: smooth.map((y) => rounded(y)) };
}

/** Mean error, percent of a step, of any step-time model against the steps of a table. */
export function errorAgainst(table: StepTable, spec: StepTimeSpec): number {
  const model = createStepTime(spec);
  const pairs = composedSteps(table).map(({ tokens, context, chunk, sequences, us }): readonly [number, number] => {
    const decodes = context > 0 ? sequences : 0;
    const shape = {
      ...emptyShape(),
      sequences,
      decodes,
      tokens,
      decodeContext: context,
      decodeContextMax: decodes > 0 ? context / decodes : 0,
      chunkAttention: chunk,
    };
    return [us, model.stepTime(shape)];
  });
  return meanAbsolutePercent(pairs);
}

/** Whole steps put together from the measured parts: decode-only ones and single prefills. */
function composedSteps(table: StepTable): { tokens: number; context: number; chunk: number; sequences: number; us: number }[] {
  const { layers } = table.model;
  const gemm = new Map(gemmPoints(table));
  const head = curveOf(pointsOf(table, "lm_head"));
  const steps = [];
  for (const { kind, a, b, us } of table.rows) {
    const products = gemm.get(a);
    if (products === undefined) continue;
    if (kind === "attn_decode_layer") steps.push({ tokens: a, context: a * b, chunk: 0, sequences: a, us: products + layers * us + valueAt(head, a) });
    if (kind === "attn_prefill_layer") steps.push({ tokens: a, context: 0, chunk: (a * a) / 2, sequences: 1, us: products + layers * us + valueAt(head, 1) });
  }
  return steps;
}

function timeOf(parts: Parts, tokens: number, context: number, chunk: number, sequences: number): number {
  const decodes = context > 0 ? sequences : 0;
  return (
    valueAt(parts.gemm, tokens) +
    valueAt(parts.decodeAttention, context) +
    parts.perDecodeUs * decodes +
    valueAt(parts.chunkAttention, chunk) +
    valueAt(parts.head, sequences)
  );
}
