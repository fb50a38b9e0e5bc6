import type { DeploymentSpec } from "../../router/core/compiled-config.ts";
import type { FieldPath } from "../../router/config/yaml-source.ts";
import type { DisaggregationSpec, EngineOptions, EngineSpec } from "../core/engine/engine-spec.ts";
import type { ModelledAs, VllmSpec } from "../core/compiled-scenario.ts";
import { calibrated } from "../core/step-time/calibrated.ts";
import type { StepTimeSpec } from "../core/step-time/step-time-spec.ts";
import type { WanderSpec } from "../core/step-time/wandering-speed.ts";
import { engineDefaults } from "./engine-defaults.ts";
import { blocksOf, engineProfiles, findProfile } from "./engine-profile.ts";
import type { ProfileMatch } from "./engine-profile.ts";
import { engineOptionNames, gpuMemoryUtilizationDefault } from "./engine-schema.ts";
import type { VllmEntry } from "./engine-schema.ts";

type Report = (path: FieldPath, part: "key" | "value", message: string, fix: string) => void;

/** Where nothing says how long a request may be: the longest that is common and fits. */
const modelTokensDefault = 16_384;

/** A deployment's engine: what the scenario says, then what the profile of its GPU and model says, then vLLM's defaults. */
export function compileVllm(entry: VllmEntry, deployment: DeploymentSpec, report: Report): VllmSpec {
  const match = matchOf(entry);
  const { before, after, perPromptTokenUs, perSequenceUs } = entry.frontEnd;
  const engine = { ...sizesOf(entry, deployment, match), stepTime: stepTimeOf(entry, match) };
  const options = optionsOf(entry, match);
  checkSizes(engine, options, ["fleet", deployment.name, "engine"], report);
  checkMemory(entry, match, ["fleet", deployment.name, "gpuMemoryUtilization"], report);
  const modelled = match === null || entry.engine.stepTime !== undefined ? null : modelledAs(entry, match);
  return {
    kind: "vllm",
    engine: Object.keys(options).length === 0 ? engine : { ...engine, options },
    frontEndBefore: before,
    frontEndAfter: after,
    ...(perPromptTokenUs === undefined ? {} : { frontEndPerPromptTokenUs: perPromptTokenUs }),
    ...(perSequenceUs === undefined ? {} : { frontEndPerSequenceUs: perSequenceUs }),
    ...(modelled === null ? {} : { modelled }),
  };
}

function matchOf({ gpu, model, tensorParallel }: VllmEntry): ProfileMatch | null {
  return gpu === undefined && model === undefined ? null : findProfile(engineProfiles(), gpu ?? "L4", model ?? "Llama-3.1-8B", tensorParallel);
}

function modelledAs({ gpu = "L4", model = "Llama-3.1-8B", tensorParallel }: VllmEntry, { profile, exact, errorPercent }: ProfileMatch): ModelledAs {
  return { profile: profile.name, asked: `${model} on ${tensorParallel > 1 ? `${tensorParallel} x ` : ""}${gpu}`, exact, errorPercent };
}

function sizesOf({ engine, gpuMemoryUtilization }: VllmEntry, { contextTokens }: DeploymentSpec, match: ProfileMatch | null): Omit<EngineSpec, "stepTime"> {
  const { blockTokens } = engine;
  const profile = match?.profile ?? { ...engineDefaults, modelTokensMax: modelTokensDefault };
  const blocks = engine.blocks ?? (match === null ? engineDefaults.blocks : blocksOf(match.profile, blockTokens, gpuMemoryUtilization));
  const asked = engine.modelTokensMax ?? (Number.isFinite(contextTokens) ? contextTokens : null);
  return {
    blockTokens,
    blocks,
    sequencesMax: engine.sequencesMax ?? profile.sequencesMax,
    batchedTokensMax: engine.batchedTokensMax ?? profile.batchedTokensMax,
    // As vLLM's `--max-model-len auto`: what the model can and the memory holds.
    modelTokensMax: asked ?? (match === null ? modelTokensDefault : Math.max(2, Math.min(profile.modelTokensMax, (blocks - 1) * blockTokens))),
  };
}

function stepTimeOf({ engine }: VllmEntry, match: ProfileMatch | null): StepTimeSpec {
  const given = engine.stepTime === undefined ? null : { kind: "linear" as const, ...engine.stepTime };
  const spec = given ?? match?.profile.stepTime ?? engineDefaults.stepTime;
  return engine.calibration === undefined ? spec : calibrated(spec, engine.calibration.scale, engine.calibration.perStepUs);
}

/** Only what the scenario names. */
function optionsOf({ engine }: VllmEntry, match: ProfileMatch | null): Partial<EngineOptions> {
  const { speculation, disaggregation, calibration } = engine;
  const plain = Object.fromEntries(engineOptionNames.flatMap((name) => (engine[name] === undefined ? [] : [[name, engine[name]]])));
  return {
    ...plain,
    ...(speculation === undefined ? {} : { speculation: { ...speculation, costRatio: speculation.costRatio ?? costRatios[speculation.method] } }),
    ...(disaggregation === undefined ? {} : { disaggregation: transferOf(disaggregation, match) }),
    ...(calibration?.wander === undefined ? {} : { wander: wanderOf(calibration.wander) }),
  };
}

type WanderEntry = NonNullable<NonNullable<VllmEntry["engine"]["calibration"]>["wander"]>;

const wanderOf = ({ percent, correlation, scatterPercent }: WanderEntry): WanderSpec => ({
  deviation: percent / 100,
  correlationUs: correlation,
  scatter: scatterPercent / 100,
});

/** Where the scenario names none; docs/engine.md has the sources. */
const costRatios = { ngram: 0, eagle: 0.05, "draft-model": 0.1 } as const;
const kvBytesOfLlama8b = 131_072;

function transferOf(entry: NonNullable<VllmEntry["engine"]["disaggregation"]>, match: ProfileMatch | null): DisaggregationSpec {
  const { prefillEngines, decodeEngines, gigabytesPerSecond, latency, kvBytesPerToken } = entry;
  return {
    prefillEngines,
    decodeEngines,
    kvBytesPerToken: kvBytesPerToken ?? match?.profile.memory.kvBytesPerToken ?? kvBytesOfLlama8b,
    bytesPerSecond: gigabytesPerSecond * 1e9,
    latencyUs: latency,
  };
}

/** Where the blocks are known, a share of the memory changes nothing. */
function checkMemory({ gpuMemoryUtilization, engine }: VllmEntry, match: ProfileMatch | null, path: FieldPath, report: Report): void {
  if (gpuMemoryUtilization === gpuMemoryUtilizationDefault) return;
  const why =
    engine.blocks !== undefined
      ? "engine.blocks says how many KV blocks there are"
      : match === null
        ? "without gpu and model the KV blocks are given"
        : match.profile.memory.blocksMeasured !== null
          ? "the profile has the KV blocks of a real engine's log"
          : null;
  if (why !== null) report(path, "key", `changes nothing: ${why}`, "leave it out, and give engine.blocks (num_gpu_blocks of your engine's log)");
}

/** What vLLM refuses to start with. */
function checkSizes(engine: EngineSpec, options: Partial<EngineOptions>, path: FieldPath, report: Report): void {
  const { blocks, blockTokens, modelTokensMax, batchedTokensMax, sequencesMax } = engine;
  const blocksNeeded = Math.ceil(modelTokensMax / blockTokens) + 1;
  if (blocks < blocksNeeded) {
    report(
      [...path, "blocks"],
      "value",
      `${blocks < 1 ? "the weights do not leave room for one block: no" : blocks} blocks do not hold one request of ${modelTokensMax} tokens: vLLM would not start`,
      `give at least ${blocksNeeded} blocks, or a smaller modelTokensMax`,
    );
  }
  if (batchedTokensMax < sequencesMax) {
    report(
      [...path, "batchedTokensMax"],
      "value",
      `${batchedTokensMax} is less than sequencesMax (${sequencesMax}): vLLM would not start`,
      `give at least ${sequencesMax}`,
    );
  }
  if (options.chunkedPrefill === false && batchedTokensMax < modelTokensMax) {
    report(
      [...path, "batchedTokensMax"],
      "value",
      `${batchedTokensMax} is less than modelTokensMax (${modelTokensMax}) and prefills are not cut into chunks: vLLM would not start`,
      `give at least ${modelTokensMax}, or leave chunkedPrefill on`,
    );
  }
  if (options.batching === "static" && (options.speculation !== undefined || (options.pipelineStages ?? 1) > 1)) {
    report([...path, "batching"], "value", "static batching knows neither speculation nor pipeline stages", "leave them out, or batch continuously");
  }
  if (options.disaggregation !== undefined && (options.dataParallel !== undefined || options.batching === "static")) {
    report([...path, "disaggregation"], "value", "disaggregated engines have neither data-parallel ranks nor static batching", "leave one of them out");
  }
}
