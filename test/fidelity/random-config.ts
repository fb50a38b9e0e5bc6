import { nextBelow, nextUnit } from "../../router/core/random.ts";
import type { RandomState } from "../../router/core/random.ts";
import type { RecordedConfig } from "./recorded-case.ts";

export const pick = <T>(random: RandomState, values: readonly T[]): T => values[nextBelow(random, values.length)] as T;
export const chance = (random: RandomState, probability: number): boolean => nextUnit(random) < probability;

export function randomConfig(random: RandomState): RecordedConfig {
  const max_model_len = pick(random, [48, 64, 100, 128, 200]);
  const chunked = chance(random, 0.85);
  const smallest = Math.ceil(max_model_len / 16) + 1;
  const threshold = chance(random, 0.35) ? pick(random, [5, 16, 20, 40]) : 0;
  const tokens = pick(random, [8, 16, 24, 40, 64, 128, 512]);
  return {
    num_gpu_blocks: smallest + pick(random, [0, 1, 3, 6, 12, 30, 200]),
    max_num_seqs: pick(random, [1, 2, 4, 8, 16, 40]),
    max_num_batched_tokens: chunked ? tokens : max_model_len + tokens,
    max_model_len,
    prefix_caching: chance(random, 0.85),
    chunked_prefill: chunked,
    long_prefill_token_threshold: threshold,
    long_prefill_adaptive: threshold > 0 && chance(random, 0.3),
    policy: chance(random, 0.3) ? "priority" : "fcfs",
    reserve_full_isl: chance(random, 0.75),
    watermark: chance(random, 0.2) ? pick(random, [0.05, 0.2, 0.4]) : 0,
    async_scheduling: chance(random, 0.6),
    max_num_active_seqs: chance(random, 0.1) ? pick(random, [1, 3]) : null,
    pp: 1,
    spec: 0,
    spec_method: null,
  };
}

/** For requests of nearly the same contents in little memory, whose chunks and decodes mix: which copy of a content serves, and when it is known, shows only there. */
export function alikeConfig(cfg: RecordedConfig, random: RandomState): RecordedConfig {
  return {
    ...cfg,
    prefix_caching: true,
    long_prefill_token_threshold: pick(random, [0, 5, 16, 20]),
    num_gpu_blocks: Math.ceil(cfg.max_model_len / 16) + 1 + nextBelow(random, 12),
    max_num_seqs: pick(random, [4, 8, 16]),
    policy: chance(random, 0.6) ? "priority" : "fcfs",
    async_scheduling: chance(random, 0.8),
  };
}
