import path from "node:path";
import { expect, test } from "vitest";
import type { VllmSpec } from "../../../../simulator/core/compiled-scenario.ts";
import { runScenario } from "../../../../simulator/run/run-scenario.ts";
import { loadScenario } from "../../../../simulator/scenario/load-scenario.ts";
import type { LoadedScenario } from "../../../../simulator/scenario/loaded-scenario.ts";
import { nearestNotices } from "../../../../simulator/scenario/nearest-notices.ts";
import { placed, problemsOf } from "../../../support/problems-of.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const trace = ["TIMESTAMP,ContextTokens,GeneratedTokens", "2023-11-16 18:15:46.0000000,374,44", "2023-11-16 18:15:50.0000000,7000,109"].join("\n");

function write(pool: string, context = "context: 8192, "): string {
  const scenario = `trace: { format: azure, file: trace.csv }
config:
  deployments: { pool: { provider: vllm, model: m, endpoints: [http://h:1], ${context}key: "\${KEY}" } }
  routes: { chat: { deployments: [pool] } }
fleet:
  pool: ${pool}
`;
  return path.join(temporaryFolder({ "try.yaml": scenario, "trace.csv": trace }), "try.yaml");
}

async function load(pool: string, context?: string): Promise<LoadedScenario> {
  const loaded = await loadScenario(write(pool, context), {});
  if (loaded.kind !== "loaded") throw new Error(loaded.reason);
  return loaded;
}

async function compiled(pool: string, context?: string): Promise<VllmSpec> {
  const spec = (await load(pool, context)).compiled.endpoints[0];
  if (spec?.kind !== "vllm") throw new Error("not a vLLM replica");
  return spec;
}

test("a pool takes step times, KV blocks and vLLM's sizes from the profile of its GPU and model", async () => {
  const { engine, modelled } = await compiled("{ kind: vllm, gpu: RTX 4090, model: meta-llama/Llama-3.1-8B-Instruct }");
  expect(engine).toMatchObject({ blockTokens: 16, blocks: 2588, sequencesMax: 256, batchedTokensMax: 2048, modelTokensMax: 8192 });
  expect(engine.stepTime.kind).toBe("operator-table");
  expect(modelled).toMatchObject({ profile: "rtx-4090/llama-3.1-8b/tp1", exact: true });
  const group = await compiled("{ kind: vllm, gpu: H100, model: llama-2-70b, tensorParallel: 4, engine: { modelTokensMax: 4096 } }");
  expect(group.modelled).toMatchObject({ profile: "h100-sxm/llama-2-70b/tp4", exact: true });
});

test("what the scenario says of sizes and options beats the profile", async () => {
  const { engine } = await compiled(
    `{ kind: vllm, gpu: L40S, engine: { blocks: 3000, blockTokens: 32, sequencesMax: 8, batchedTokensMax: 512, asyncScheduling: false, policy: priority, prefixCaching: false,
       longPrefillTokensMax: 256, longPrefillAdaptive: true, reserveFullSequence: false, watermark: 0.01, activeSequencesMax: 4, pipelineStages: 2,
       speculation: { method: ngram, draftTokens: 3, acceptance: 0.7 }, scheduling: { perStepUs: 75, perSequenceUs: 24 } } }`,
  );
  expect(engine).toMatchObject({ blocks: 3000, blockTokens: 32, sequencesMax: 8, batchedTokensMax: 512 });
  expect(engine.options).toEqual({
    asyncScheduling: false,
    policy: "priority",
    prefixCaching: false,
    longPrefillTokensMax: 256,
    longPrefillAdaptive: true,
    reserveFullSequence: false,
    watermark: 0.01,
    activeSequencesMax: 4,
    pipelineStages: 2,
    speculation: { method: "ngram", draftTokens: 3, acceptance: 0.7, costRatio: 0 },
    scheduling: { perStepUs: 75, perSequenceUs: 24 },
  });
});

test("several engines behind one endpoint: ranks, and prefill apart from decode with the profile's KV bytes", async () => {
  const ranks = await compiled("{ kind: vllm, gpu: H200, engine: { dataParallel: { ranks: 4, lockstep: true }, pipelineHopUs: 40 } }");
  expect(ranks.engine.options).toEqual({ dataParallel: { ranks: 4, lockstep: true }, pipelineHopUs: 40 });
  const apart = await compiled(
    "{ kind: vllm, gpu: H100, model: llama-3.1-8b, tensorParallel: 2, engine: { disaggregation: { prefillEngines: 2, gigabytesPerSecond: 50 } } }",
  );
  expect(apart.engine.options).toEqual({
    disaggregation: { prefillEngines: 2, decodeEngines: 1, kvBytesPerToken: 65_536, bytesPerSecond: 50e9, latencyUs: 5000 },
  });
  const loaded = await load("{ kind: vllm, gpu: H100, engine: { disaggregation: {} } }");
  expect(runScenario(loaded, { seeds: [1], strict: true }).summary.requests.served).toBe(2);
});

test("what drafting costs comes from its method where the scenario does not say", async () => {
  const { engine } = await compiled("{ kind: vllm, gpu: H100, engine: { speculation: { method: eagle, draftTokens: 3, acceptance: 0.7 } } }");
  expect(engine.options?.speculation?.costRatio).toBe(0.05);
});

test("without a context the longest request is what the model can and the memory holds", async () => {
  const { engine } = await compiled("{ kind: vllm, gpu: L4 }", "");
  expect(engine.modelTokensMax).toBe((engine.blocks - 1) * 16);
  expect((await compiled("{ kind: vllm, gpu: H200, model: mistral-7b }", "")).engine.modelTokensMax).toBe(32_768);
});

test("two numbers calibrate a profile", async () => {
  const plain = await compiled("{ kind: vllm, gpu: L40S }");
  const tuned = await compiled("{ kind: vllm, gpu: L40S, engine: { calibration: { scale: 1.1, perStepUs: 300 } } }");
  if (plain.engine.stepTime.kind !== "piecewise") throw new Error("another form");
  expect(tuned.engine.stepTime).toEqual({ ...plain.engine.stepTime, scale: 1.1, perStepUs: 300 });
});

test("a machine may wander around its calibrated step times, and the result says that it was drawn", async () => {
  const entry = "{ kind: vllm, gpu: L40S, engine: { calibration: { wander: { percent: 11, correlation: 700ms, scatterPercent: 12 } } } }";
  const tuned = await compiled(entry);
  expect(tuned.engine.options?.wander).toEqual({ deviation: 0.11, correlationUs: 700_000, scatter: 0.12 });
  const lazy = await compiled("{ kind: vllm, gpu: L40S, engine: { calibration: { wander: { percent: 8 } } } }");
  expect(lazy.engine.options?.wander).toEqual({ deviation: 0.08, correlationUs: 1_000_000, scatter: 0 });
  const run = (fleet: string, seed: number) => load(fleet).then((loaded) => runScenario(loaded, { seeds: [seed], strict: true }));
  const [one, same, other, steady] = [await run(entry, 1), await run(entry, 1), await run(entry, 2), await run("{ kind: vllm, gpu: L40S }", 1)];
  expect(one.provenance.drawn).toContain("how the speed of GPUs wanders");
  expect(steady.provenance.drawn).not.toContain("how the speed of GPUs wanders");
  expect(same.summary).toEqual(one.summary);
  expect(other.summary).not.toEqual(one.summary);
});

test("an unknown GPU takes the nearest, says so with its error band, and the run goes on", async () => {
  const loaded = await load("{ kind: vllm, gpu: H100 NVL 94 GB, model: llama-3-8b }");
  expect(nearestNotices(loaded.compiled)).toEqual([
    "note: pool: llama-3-8b on H100 NVL 94 GB has no profile; simulated as h100-sxm/llama-3.1-8b/tp1, the nearest: step times within about 25 %",
  ]);
  const { provenance, summary } = runScenario(loaded, { seeds: [1], strict: true });
  expect(provenance.models[0]).toMatchObject({ profile: "h100-sxm/llama-3.1-8b/tp1", nearestTo: "llama-3-8b on H100 NVL 94 GB", errorPercent: 25 });
  expect(summary.requests.served).toBe(2);
});

test("steps beyond what was measured are counted per replica and stand in the result", async () => {
  const inside = runScenario(await load("{ kind: vllm, gpu: RTX 3090 }"), { seeds: [1], strict: true }).engines[0];
  expect(inside).toMatchObject({ endpoint: "pool/0", stepsOutsideRange: 3 });
  expect(inside?.outsideRangePercent).toBeCloseTo((100 * 3) / (inside?.steps ?? 0), 2);
});

test("what vLLM would refuse to start with is a problem at its place", async () => {
  const problems = async (pool: string) => placed(await problemsOf(async () => await loadScenario(write(pool), {})));
  expect(await problems("{ kind: vllm, gpu: L4, engine: { blocks: 100 } }")).toEqual([
    "6:50 fleet.pool.engine.blocks: 100 blocks do not hold one request of 8192 tokens: vLLM would not start",
  ]);
  expect(await problems("{ kind: vllm, engine: { chunkedPrefill: false } }")).toEqual([
    "6:23 fleet.pool.engine.batchedTokensMax: 2048 is less than modelTokensMax (8192) and prefills are not cut into chunks: vLLM would not start",
  ]);
  expect(await problems("{ kind: vllm, engine: { batching: static, pipelineStages: 2 } }")).toEqual([
    "6:43 fleet.pool.engine.batching: static batching knows neither speculation nor pipeline stages",
  ]);
  expect(await problems("{ kind: vllm, engine: { sheduling: 1 } }")).toEqual(['6:33 fleet.pool.engine.sheduling: unknown key "sheduling"']);
});

test("a share of the memory that changes nothing is said; elsewhere it moves the KV blocks", async () => {
  const messages = async (pool: string) => (await problemsOf(async () => load(pool))).map(({ field, message }) => `${field ?? ""} ${message}`);
  const field = "fleet.pool.gpuMemoryUtilization changes nothing";
  expect(await messages("{ kind: vllm, gpu: RTX 4090, gpuMemoryUtilization: 0.8 }")).toEqual([
    `${field}: the profile has the KV blocks of a real engine's log`,
  ]);
  expect(await messages("{ kind: vllm, gpu: H100, gpuMemoryUtilization: 0.8, engine: { blocks: 5000 } }")).toEqual([
    `${field}: engine.blocks says how many KV blocks there are`,
  ]);
  expect(await messages("{ kind: vllm, gpuMemoryUtilization: 0.8 }")).toEqual([`${field}: without gpu and model the KV blocks are given`]);
  const [less, more] = [await compiled("{ kind: vllm, gpu: H100, gpuMemoryUtilization: 0.8 }"), await compiled("{ kind: vllm, gpu: H100 }")];
  expect(less.engine.blocks).toBeLessThan(more.engine.blocks);
});
