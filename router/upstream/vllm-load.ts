import type { EndpointLoad } from "../core/messages.ts";

/** The cache's gauge was renamed with the engine's second version. */
const names = {
  running: ["vllm:num_requests_running"],
  waiting: ["vllm:num_requests_waiting"],
  kvUsed: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
} as const;

/** What a vLLM server says of its load in Prometheus' text: requests of all its engines together, and the fullest engine's cache. Null: it is not all there. */
export function readVllmLoad(text: string): EndpointLoad | null {
  const running = valuesOf(text, names.running);
  const waiting = valuesOf(text, names.waiting);
  const kvUsed = valuesOf(text, names.kvUsed);
  if (running.length === 0 || waiting.length === 0 || kvUsed.length === 0) return null;
  return { running: Math.round(sum(running)), waiting: Math.round(sum(waiting)), kvUsed: Math.min(1, Math.max(...kvUsed)) };
}

/** Of every engine (and model) that the first of the names has a line for. */
function valuesOf(text: string, candidates: readonly string[]): number[] {
  for (const name of candidates) {
    const lines = new RegExp(`^${name}(?:\\{[^\\n]*\\})? +([^ \\n]+)`, "gm");
    const values = [...text.matchAll(lines)].map((match) => Number(match[1])).filter((value) => Number.isFinite(value) && value >= 0);
    if (values.length > 0) return values;
  }
  return [];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
