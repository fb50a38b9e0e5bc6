/**
 * `node simulator/calibrate/make-profiles.ts CALIBRATION [FOLDER]`: makes the engine profiles in fixtures/engines from a folder of measured kernel times
 * (operator tables of ai-dynamo/aiconfigurator, layer profiles of LLMServingSim). Prints each with the error on the points that it was not fitted on.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { LinearSpec, OperatorTableSpec, PiecewiseSpec, RooflineSpec, StepTimeSpec } from "../core/step-time/step-time-spec.ts";
import type { EngineProfile } from "../scenario/engine-profile.ts";
import { rounded } from "./fit.ts";
import { errorAgainst, fitStepTable } from "./fit-step-table.ts";
import type { StepTable } from "./fit-step-table.ts";
import { gpus } from "./hardware.ts";
import type { Gpu } from "./hardware.ts";
import { kvBytesOf, models } from "./models.ts";
import type { Model } from "./models.ts";
import { readCoarseLayers } from "./read-coarse-layers.ts";
import { readLayerProfile } from "./read-layer-profile.ts";
import { readTable } from "./read-table.ts";
import { rooflineLike, scaledTo } from "./scale-profile.ts";
import type { Measured } from "./scale-profile.ts";

/** num_gpu_blocks x 16 tokens of the measured RTX 4090 engine (0.9 of its memory, Llama-3.1-8B) leave so much for activations, CUDA graphs and context. */
const overheadBytes = 1.24e9;
const measured4090 = 2588;

const [calibration, folder = path.resolve(import.meta.dirname, "../../fixtures/engines")] = process.argv.slice(2);
if (calibration === undefined) {
  process.stderr.write("usage: node simulator/calibrate/make-profiles.ts CALIBRATION [FOLDER]\n");
  process.exit(2);
}
const tables = readStepTables(path.join(calibration, "nvidia-operator-tables/step_tables.csv.gz"));
const layers = path.join(calibration, "vllm-layer-profiles");

/** What scaling and the roofline are worth: each pair of measured cards, one predicted from the other; the worst. */
const pairs = [
  ["h100_sxm", gpus.h100, "a100_sxm", gpus.a100],
  ["a100_sxm", gpus.a100, "h100_sxm", gpus.h100],
  ["h100_sxm", gpus.h100, "l40s", gpus.l40s],
  ["l40s", gpus.l40s, "h100_sxm", gpus.h100],
] as const;
const small8b = modelOf("llama-3.1-8b");
const scalingError = worst((spec, from, to) => scaledTo(spec, from, to, 0));
/** A guess: without NVLink the all-reduces take much of a step, and a roofline scales them as if they computed, where another card's would take as long. */
const pcieError = 50;
const rooflineError = worst((spec, from, to) => rooflineLike({ spec, card: from, model: small8b }, to, small8b, 1, 0));

/** Two measurements of the same card and model by different hands: how far the layer profile is from the operator tables. */
const layerError = layerProfileError();

const measured = {
  a100: fitted("a100_sxm", "0.14.0", gpus.a100),
  h100: fitted("h100_sxm", "0.24.0", gpus.h100),
  l40s: fitted("l40s", "0.14.0", gpus.l40s),
  rtxPro6000: [...layered("RTXPRO6000", gpus.rtxPro6000), ...fitted("rtx_pro_6000_server", "0.19.0", gpus.rtxPro6000)],
  rtx4090: layered("RTX4090", gpus.rtx4090),
};
const otherErrors = [
  ...errorOfOtherModels(measured.a100, "a100_sxm", "0.14.0", gpus.a100),
  ...errorOfOtherModels(measured.h100, "h100_sxm", "0.24.0", gpus.h100),
  ...errorOfOtherModels(measured.l40s, "l40s", "0.14.0", gpus.l40s),
];
const otherModelError = rounded(Math.max(...otherErrors), 2);

write("a100-sxm", [...measured.a100, ...otherModels(measured.a100, gpus.a100, gpus.a100)]);
write("h100-sxm", [...measured.h100, ...otherModels(measured.h100, gpus.h100, gpus.h100)]);
write("l40s", [...measured.l40s, ...otherModels(measured.l40s, gpus.l40s, gpus.l40s)]);
write("rtx-pro-6000", unique(measured.rtxPro6000));
write("rtx-4090", unique([...measured.rtx4090, ...otherModels(measured.l40s, gpus.l40s, gpus.rtx4090).filter(isSingle)]));
write("rtx-3090", [
  profileOf(
    gpus.rtx3090,
    modelOf("llama-3.1-8b"),
    1,
    readCoarseLayers(path.join(layers, "RTX3090"), modelOf("llama-3.1-8b"), gpus.rtx3090),
    "LLMServingSim's older profiler, coarse layer times (MIT); decode attention by memory bandwidth",
  ),
  ...otherModels(measured.a100, gpus.a100, gpus.rtx3090).filter(isSingle),
]);
write("rtx-5090", [
  ...derived(
    measured.rtxPro6000,
    gpus.rtx5090,
    (spec) => scaledTo(spec, gpus.rtxPro6000, gpus.rtx5090, scalingError),
    "scaled from RTX PRO 6000 (same memory bandwidth, 0.9 of its compute)",
  ),
  ...otherModels(measured.rtxPro6000, gpus.rtxPro6000, gpus.rtx5090),
]);
write("l4", [
  ...derived(
    measured.l40s,
    gpus.l4,
    (spec, model, parallel) => rooflineLike({ spec, card: gpus.l40s, model }, gpus.l4, model, parallel, parallel > 1 ? pcieError : rooflineError),
    "roofline; efficiencies of the measured L40S",
  ),
  ...otherModels(measured.l40s, gpus.l40s, gpus.l4).filter(isSingle),
]);
write("h200-sxm", [
  ...derived(
    measured.h100,
    gpus.h200,
    (spec, model, parallel) => rooflineLike({ spec, card: gpus.h100, model }, gpus.h200, model, parallel, rooflineError),
    "roofline; efficiencies of the measured H100",
  ),
  ...otherModels(measured.h100, gpus.h100, gpus.h200),
]);

/** Models of which a card, or one like it, was not measured: by the efficiencies at which it runs the measured model nearest in size. */
function otherModels(from: readonly EngineProfile[], measuredCard: Gpu, card: Gpu): EngineProfile[] {
  const error = rounded(card === measuredCard ? otherModelError : otherModelError + rooflineError, 2);
  return ["mistral-7b", "codellama-13b", "qwen3-32b", "llama-2-70b"].flatMap((name) =>
    [1, 2, 4, 8].flatMap((parallel) => {
      const model = modelOf(name);
      if (from.some((profile) => profile.model === model.name && profile.stepTime.kind === "piecewise")) {
        if (card !== gpus.rtx4090 && card !== gpus.rtx3090) return [];
      }
      const base = baseOf(from, model, measuredCard, parallel);
      if (base === undefined) return [];
      const spec = rooflineLike(base, card, model, parallel, error);
      const like = `${base.model.name} on ${measuredCard.name}`;
      const own = profileOf(card, model, parallel, spec, `roofline; efficiencies of the measured ${like}`);
      return fits(own) ? [own] : [];
    }),
  );
}

function baseOf(from: readonly EngineProfile[], model: Model, card: Gpu, parallel: number): Measured | undefined {
  const known = from.flatMap(({ model: name, tensorParallel, stepTime }): Measured[] => {
    const own = Object.values(models).find((one) => one.name === name);
    return tensorParallel === parallel && stepTime.kind === "piecewise" && own !== undefined && own !== model ? [{ spec: stepTime, card, model: own }] : [];
  });
  const distance = (other: Measured): number => Math.abs(Math.log(other.model.weights / model.weights));
  return known.toSorted((one, other) => distance(one) - distance(other))[0];
}

/** What that is worth: each measured model of each measured card, as if it had not been measured. */
function errorOfOtherModels(from: readonly EngineProfile[], gpu: string, version: string, card: Gpu): number[] {
  return [...tables]
    .filter(([key]) => key.startsWith(`${gpu}/${version}/`))
    .flatMap(([, table]) => {
      const base = baseOf(from, table.model, card, table.tensorParallel);
      if (base === undefined || !table.rows.some(({ kind }) => kind === "attn_decode_layer")) return [];
      const error = errorAgainst(table, rooflineLike(base, card, table.model, table.tensorParallel, 0));
      console.log(`${table.model.name} on ${table.tensorParallel} x ${gpu} predicted from ${base.model.name}: ${error.toFixed(1)} %`);
      return [error];
    });
}

function layerProfileError(): number {
  const judge = tables.get("rtx_pro_6000_server/0.19.0/llama-3.1-8b/1");
  if (judge === undefined) throw new Error("a table is missing");
  const spec = readLayerProfile(path.join(layers, "RTXPRO6000/meta-llama/Llama-3.1-8B/tp1"), small8b, gpus.rtxPro6000.name, "0.19.0", 0);
  const error = errorAgainst(judge, spec);
  console.log(`rtx_pro_6000_server: layer profile against operator tables: ${error.toFixed(1)} %`);
  return rounded(error, 2);
}

function worst(make: (spec: PiecewiseSpec, from: Gpu, to: Gpu) => StepTimeSpec): number {
  const errors = pairs.map(([from, fromCard, to, toCard]) => {
    const known = tables.get(`${from}/0.14.0/llama-3.1-8b/1`);
    const judge = tables.get(`${to}/0.14.0/llama-3.1-8b/1`);
    if (known === undefined || judge === undefined) throw new Error("a table is missing");
    const error = errorAgainst(judge, make(fitStepTable(known, 0), fromCard, toCard));
    console.log(`${to} predicted from ${from}: ${error.toFixed(1)} %`);
    return error;
  });
  return rounded(Math.max(...errors), 2);
}

function modelOf(name: string): Model {
  const model = models[name];
  if (model === undefined) throw new Error(`unknown model ${name}`);
  return model;
}

function readStepTables(file: string): Map<string, StepTable> {
  const found = new Map<string, StepTable & { rows: StepTable["rows"][number][] }>();
  for (const row of readTable(file)) {
    const { gpu = "", vllm_version: version = "", model: name = "", tp = "1", kind = "" } = row;
    const key = [gpu, version, name, tp].join("/");
    let table = found.get(key);
    if (table === undefined) found.set(key, (table = { hardware: gpu, version, model: modelOf(name), tensorParallel: Number(tp), rows: [] }));
    table.rows.push({ kind, a: Number(row["a"]), b: Number(row["b"]), us: Number(row["us"]) });
  }
  return found;
}

function fitted(gpu: string, version: string, card: Gpu): EngineProfile[] {
  const mine = [...tables].filter(([key]) => key.startsWith(`${gpu}/${version}/`)).map(([, table]) => table);
  const reference = mine.find(({ model, tensorParallel }) => model === modelOf("llama-3.1-8b") && tensorParallel === 1);
  // Reading speed of the KV cache in long batches, for the one model whose heads were not measured.
  const line = reference === undefined ? null : fitStepTable(reference, 0).decodeAttention;
  const last = line === null ? 0 : (line.y.at(-1) ?? 0) / (line.x.at(-1) ?? 1) / kvBytesOf(modelOf("llama-3.1-8b"), 1);
  return mine
    .map((table) =>
      profileOf(
        card,
        table.model,
        table.tensorParallel,
        fitStepTable({ ...table, hardware: card.name }, last),
        `ai-dynamo/aiconfigurator operator database (Apache-2.0), vLLM ${version}, piecewise fit`,
      ),
    )
    .filter(fits);
}

function layered(gpu: string, card: Gpu): EngineProfile[] {
  const known = [
    { gpu: "RTX4090", folder: "meta-llama/Llama-3.1-8B/tp1", model: "llama-3.1-8b", parallel: 1 },
    { gpu: "RTXPRO6000", folder: "meta-llama/Llama-3.1-8B/tp1", model: "llama-3.1-8b", parallel: 1 },
    { gpu: "RTXPRO6000", folder: "Qwen/Qwen3-32B/tp1", model: "qwen3-32b", parallel: 1 },
    { gpu: "RTXPRO6000", folder: "Qwen/Qwen3-32B/tp2", model: "qwen3-32b", parallel: 2 },
  ];
  return known
    .filter((entry) => entry.gpu === gpu)
    .map((entry) => {
      const model = modelOf(entry.model);
      const spec = readLayerProfile(path.join(layers, gpu, entry.folder), model, card.name, "0.19.0", layerError);
      return profileOf(card, model, entry.parallel, spec, "LLMServingSim's profiler inside vLLM 0.19 (MIT), operator table");
    });
}

function derived(
  from: readonly EngineProfile[],
  card: Gpu,
  make: (spec: PiecewiseSpec, model: Model, parallel: number) => StepTimeSpec,
  provenance: string,
): EngineProfile[] {
  return from.flatMap((profile) => {
    const model = Object.values(models).find(({ name }) => name === profile.model);
    if (profile.stepTime.kind !== "piecewise" || model === undefined) return [];
    const own = profileOf(card, model, profile.tensorParallel, make(profile.stepTime, model, profile.tensorParallel), provenance);
    return fits(own) ? [own] : [];
  });
}

function profileOf(
  card: Gpu,
  model: Model,
  tensorParallel: number,
  stepTime: LinearSpec | PiecewiseSpec | OperatorTableSpec | RooflineSpec,
  provenance: string,
): EngineProfile {
  return {
    name: `${card.name}/${model.name}/tp${tensorParallel}`.toLowerCase().replaceAll(" ", "-"),
    gpu: card.name,
    model: model.name,
    tensorParallel,
    memory: {
      gpuBytes: card.bytes,
      weightBytes: Math.round((2 * model.weights) / tensorParallel),
      kvBytesPerToken: kvBytesOf(model, tensorParallel),
      overheadBytes,
      blocksMeasured: card === gpus.rtx4090 && model.name === "Llama-3.1-8B" ? measured4090 : null,
    },
    sequencesMax: card.sequencesMax,
    batchedTokensMax: card.batchedTokensMax,
    modelTokensMax: model.tokensMax,
    provenance,
    stepTime,
  };
}

function isSingle({ tensorParallel }: EngineProfile): boolean {
  return tensorParallel === 1;
}

/** Weights and at least one request of 2,048 tokens. */
function fits({ memory }: EngineProfile): boolean {
  return memory.gpuBytes * 0.92 - memory.weightBytes - memory.overheadBytes > 2048 * memory.kvBytesPerToken;
}

/** The first of a name: a measured table before a fit. */
function unique(profiles: readonly EngineProfile[]): EngineProfile[] {
  return profiles.filter((profile, place) => profiles.findIndex(({ name }) => name === profile.name) === place);
}

function write(file: string, profiles: readonly EngineProfile[]): void {
  writeFileSync(path.join(folder, `${file}.json`), `[\n${profiles.map((profile) => JSON.stringify(profile)).join(",\n")}\n]\n`);
  for (const { name, stepTime } of profiles) console.log(`${name}: ${stepTime.kind}, ${stepTime.source.kind}, ${stepTime.source.errorPercent} %`);
}
