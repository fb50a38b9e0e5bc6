import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";

/** One run of a real vLLM on a GPU, by its engine's own times: queued, first token, last token; seconds on a monotonic clock. */
export interface EngineRun {
  readonly name: string;
  readonly model: string;
  readonly gpu: string;
  readonly tensorParallel: number;
  readonly blocks: number;
  readonly blockTokens: number;
  readonly sequencesMax: number;
  readonly batchedTokensMax: number;
  readonly modelTokensMax: number;
  readonly prefixCaching: boolean;
  /** In the order in which they were queued. */
  readonly requests: readonly EngineRunRequest[];
}

export interface EngineRunRequest {
  readonly queued: number;
  readonly scheduled: number;
  readonly firstToken: number;
  readonly lastToken: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly chain: Int32Array;
}

/** A folder with a requests.jsonl, which tells such a run from a server run. */
export const isEngineRun = (folder: string): boolean => existsSync(join(folder, "requests.jsonl"));

export function readEngineRun(place: string): EngineRun {
  const name = basename(place);
  const meta = JSON.parse(readFileSync(join(place, "meta.json"), "utf8"));
  const workload = new Map<string, number[]>();
  const chains = join(place, "workload.chain16.jsonl.gz");
  if (existsSync(chains)) {
    for (const line of gunzipSync(readFileSync(chains)).toString("utf8").trim().split("\n")) {
      const { id, chain16 } = JSON.parse(line);
      workload.set(id, chain16);
    }
  }
  const rows = readFileSync(join(place, "requests.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return {
    name,
    model: meta.model,
    gpu: meta.hardware.device_name,
    tensorParallel: meta.engine_kwargs.tensor_parallel_size ?? 1,
    blocks: meta.kv_cache.num_gpu_blocks,
    blockTokens: meta.kv_cache.block_size,
    sequencesMax: meta.engine_kwargs.max_num_seqs,
    batchedTokensMax: meta.engine_kwargs.max_num_batched_tokens,
    modelTokensMax: meta.engine_kwargs.max_model_len,
    prefixCaching: meta.kv_cache.enable_prefix_caching,
    requests: rows
      .map((row) => ({
        queued: row.queued_ts,
        scheduled: row.scheduled_ts,
        firstToken: row.first_token_ts,
        lastToken: row.last_token_ts,
        inputTokens: row.input_toks,
        outputTokens: row.output_toks,
        chain: Int32Array.from(workload.get(row.request_id) ?? []),
      }))
      .toSorted((one, other) => one.queued - other.queued),
  };
}
