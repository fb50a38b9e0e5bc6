import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fixturesFolder } from "./fixtures-folder.ts";
import type { StepTimeSpec } from "../core/step-time/step-time-spec.ts";

/**
 * What one GPU (or a tensor-parallel group of them) does with one model: its step times, its memory, vLLM's sizes for it. Plain data in fixtures/engines, one file
 * per GPU, each with its origin; SOURCE.md there says how they were made.
 */
export interface EngineProfile {
  /** `<gpu>/<model>/tp<n>` */
  readonly name: string;
  readonly gpu: string;
  readonly model: string;
  readonly tensorParallel: number;
  readonly stepTime: StepTimeSpec;
  readonly memory: ProfileMemory;
  /** vLLM's own: max_num_seqs and max_num_batched_tokens of its server on this GPU. */
  readonly sequencesMax: number;
  readonly batchedTokensMax: number;
  /** max_model_len that the model was made for. */
  readonly modelTokensMax: number;
  readonly provenance: string;
}

/** Bytes, of one GPU. */
export interface ProfileMemory {
  readonly gpuBytes: number;
  readonly weightBytes: number;
  readonly kvBytesPerToken: number;
  /** Activations, CUDA graphs and context: from a measured engine where there is one. */
  readonly overheadBytes: number;
  /** num_gpu_blocks of a real engine (16 tokens each), where its log was seen; it beats the formula. */
  readonly blocksMeasured: number | null;
}

export function engineProfiles(folder = fixturesFolder("engines")): readonly EngineProfile[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .toSorted()
    .flatMap((name) => JSON.parse(readFileSync(path.join(folder, name), "utf8")) as EngineProfile[]);
}

/** vLLM: (utilization x GPU memory - weights - activations) / bytes of a block, on the fullest GPU. Below 1: the model does not fit. */
export function blocksOf(profile: EngineProfile, blockTokens: number, utilization = 0.92): number {
  const { gpuBytes, weightBytes, kvBytesPerToken, overheadBytes, blocksMeasured } = profile.memory;
  if (blocksMeasured !== null) return Math.floor((blocksMeasured * 16) / blockTokens);
  return Math.floor((gpuBytes * utilization - weightBytes - overheadBytes) / (kvBytesPerToken * blockTokens));
}

export interface ProfileMatch {
  readonly profile: EngineProfile;
  readonly exact: boolean;
  /** Of a step's time; for a profile that is only the nearest, three times the profile's own and at least 25 %. */
  readonly errorPercent: number;
}

/** The profile of a GPU and model, or the nearest: an unknown one is simulated all the same, and the result says with what. Names compare without case and punctuation. */
export function findProfile(profiles: readonly EngineProfile[], gpu: string, model: string, tensorParallel: number): ProfileMatch | null {
  let best: EngineProfile | null = null;
  let bestDistance = Infinity;
  for (const profile of profiles) {
    const distance =
      4 * nameDistance(profile.gpu, gpu) +
      2 * nameDistance(profile.model, model) +
      (profile.tensorParallel === tensorParallel ? 0 : Math.abs(profile.tensorParallel - tensorParallel) / 8);
    if (distance >= bestDistance) continue;
    best = profile;
    bestDistance = distance;
  }
  if (best === null) return null;
  const { errorPercent } = best.stepTime.source;
  return { profile: best, exact: bestDistance === 0, errorPercent: bestDistance === 0 ? errorPercent : Math.max(25, 3 * errorPercent) };
}

/** 0: the same; 1: nothing in common. By pairs of letters. */
function nameDistance(one: string, other: string): number {
  const left = pairsOf(one);
  const right = pairsOf(other);
  let common = 0;
  for (const pair of left) if (right.has(pair)) common++;
  return 1 - (2 * common) / Math.max(1, left.size + right.size);
}

/** Words that say nothing about the chip or the model. */
const noise = /nvidia|geforce|sxm\d?|pcie|hbm\d?e?|server|\b\d+ ?gb\b|instruct|meta-llama|-hf\b/g;

function pairsOf(name: string): Set<string> {
  const letters = ` ${name
    .toLowerCase()
    .replaceAll(noise, "")
    .replaceAll(/[^a-z0-9]/g, "")} `;
  const pairs = new Set<string>();
  for (let place = 0; place + 1 < letters.length; place++) pairs.add(letters.slice(place, place + 2));
  return pairs;
}
