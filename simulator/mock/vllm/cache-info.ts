import type { VllmSpec } from "../../core/compiled-scenario.ts";
import { pythonFloat } from "./python-text.ts";

/** vLLM 0.32's `vllm:cache_config_info`: what the engine's cache is, as labels. Those that the model of the engine has nothing for are as on a recorded server. */
export function cacheInfoLines({ engine }: VllmSpec): readonly string[] {
  const { blockTokens, blocks, modelTokensMax } = engine;
  const labels: Readonly<Record<string, string>> = {
    _block_size_resolved: "True",
    block_size: String(blockTokens),
    cache_dtype: "auto",
    cache_hit_alignment_tokens: "None",
    effective_attention_block_size: String(blockTokens),
    enable_mamba_shared_prefix_checkpoint: "False",
    enable_prefix_caching: "True",
    engine: "0",
    gpu_memory_utilization: "0.92",
    hash_block_size: "None",
    is_attention_free: "False",
    kv_cache_dtype_skip_layers: "[]",
    kv_cache_layout: "None",
    kv_cache_max_concurrency: pythonFloat((blocks * blockTokens) / modelTokensMax),
    kv_cache_memory_bytes: "None",
    kv_cache_size_tokens: String(blocks * blockTokens),
    kv_offloading_backend: "native",
    kv_offloading_size: "None",
    kv_sharing_fast_prefill: "False",
    mamba_block_size: "None",
    mamba_cache_dtype: "auto",
    mamba_cache_mode: "none",
    mamba_page_size_padded: "None",
    mamba_ssm_cache_dtype: "auto",
    num_cpu_blocks: "None",
    num_gpu_blocks: String(blocks),
    num_gpu_blocks_override: "None",
    prefix_cache_retention_interval: "0",
    prefix_caching_hash_algo: "sha256",
    prefix_match_unit: "None",
    replayssm_buffer_len: "16",
    skip_page_size_padded: "None",
    sliding_window: "None",
    swa_bounded_replay: "True",
    use_kda_recoverssm: "False",
    use_replayssm: "False",
    user_specified_block_size: "True",
  };
  const text = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return ["# HELP vllm:cache_config_info What the engine's cache is", "# TYPE vllm:cache_config_info gauge", `vllm:cache_config_info{${text.join(",")}} 1.0`];
}
