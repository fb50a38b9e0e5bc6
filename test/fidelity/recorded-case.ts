import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** One case of a recorded corpus: what vLLM's own scheduler did, iteration by iteration. Field names are the files'. */
export interface RecordedCase {
  readonly header: { readonly case: string; readonly fam: string; readonly cfg: RecordedConfig; readonly reqs: readonly RecordedRequest[] };
  readonly iterations: readonly RecordedIteration[];
}

export interface RecordedConfig {
  readonly num_gpu_blocks: number;
  readonly max_num_seqs: number;
  readonly max_num_batched_tokens: number;
  readonly max_model_len: number;
  readonly prefix_caching: boolean;
  readonly chunked_prefill: boolean;
  readonly long_prefill_token_threshold: number;
  readonly long_prefill_adaptive: boolean;
  readonly policy: "fcfs" | "priority";
  readonly reserve_full_isl: boolean;
  readonly watermark: number;
  readonly async_scheduling: boolean;
  readonly max_num_active_seqs: number | null;
  readonly pp: number;
  readonly spec: number;
  readonly spec_method: "ngram" | "eagle" | "draft_model" | null;
}

export interface RecordedRequest {
  readonly id: number;
  readonly at: number;
  readonly p: number;
  readonly o: number;
  readonly b: readonly number[];
  readonly eos?: number;
  readonly pr?: number;
  readonly t?: number;
  readonly ab?: readonly [number, "p" | "m"];
  readonly acc?: readonly number[];
}

/** Lists are flat. A field that is absent did not happen. */
export interface RecordedIteration {
  readonly i: number;
  readonly ar?: readonly number[];
  readonly ab?: readonly number[];
  readonly s?: readonly number[];
  readonly ad?: readonly number[];
  readonly re?: readonly number[];
  readonly pr?: readonly number[];
  readonly d?: readonly number[];
  readonly f1?: number;
  readonly o?: readonly number[];
  readonly ot?: readonly number[];
  readonly fi?: readonly (number | string)[];
  readonly pc?: readonly number[];
  readonly f: number;
  readonly r: readonly number[];
  readonly w: readonly number[];
  readonly c?: number;
}

export function listSchedules(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl.gz"))
    .toSorted()
    .map((name) => join(folder, name));
}

export function readSchedules(file: string): RecordedCase[] {
  const cases: RecordedCase[] = [];
  let header: RecordedCase["header"] | null = null;
  let iterations: RecordedIteration[] = [];
  for (const line of gunzipSync(readFileSync(file)).toString("utf8").split("\n")) {
    if (line === "") continue;
    const value = JSON.parse(line);
    if ("case" in value) {
      header = value;
      iterations = [];
    } else if ("end" in value && header !== null) cases.push({ header, iterations });
    else iterations.push(value);
  }
  return cases;
}
