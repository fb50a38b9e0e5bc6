/** What vLLM 0.32 shows at `/metrics`, in its order: names, labels and bucket bounds as a recorded server has them. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter" | "histogram";
  /** Beside engine and model_name. */
  readonly label?: { readonly name: string; readonly values: readonly string[] };
  readonly buckets?: readonly number[];
  /** The model alone labels it. */
  readonly withoutEngine?: boolean;
}

const tokens = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const longSeconds = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];
const tokenSeconds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const firstSeconds = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560];

const counter = (name: string, help: string, label?: MetricFamily["label"]): MetricFamily => ({
  name: `vllm:${name}_total`,
  help,
  type: "counter",
  ...(label === undefined ? {} : { label }),
});
const gauge = (name: string, help: string, label?: MetricFamily["label"]): MetricFamily => ({
  name: `vllm:${name}`,
  help,
  type: "gauge",
  ...(label === undefined ? {} : { label }),
});
const histogram = (name: string, help: string, buckets: readonly number[]): MetricFamily => ({ name: `vllm:${name}`, help, type: "histogram", buckets });

export const vllmMetricFamilies: readonly MetricFamily[] = [
  counter("estimated_flops_per_gpu", "Floating point operations per GPU, estimated"),
  counter("estimated_read_bytes_per_gpu", "Bytes read from memory per GPU, estimated"),
  counter("estimated_write_bytes_per_gpu", "Bytes written to memory per GPU, estimated"),
  gauge("num_requests_running", "Requests in execution"),
  gauge("num_requests_waiting", "Requests that wait"),
  gauge("num_requests_waiting_by_reason", "Requests that wait, by reason", { name: "reason", values: ["capacity", "deferred"] }),
  gauge("engine_sleep_state", "Whether the engine sleeps", { name: "sleep_state", values: ["awake", "weights_offloaded", "discard_all"] }),
  gauge("kv_cache_usage_perc", "KV cache in use, 1 is all"),
  counter("prefix_cache_queries", "Tokens looked up in the prefix cache"),
  counter("prefix_cache_hits", "Tokens found in the prefix cache"),
  counter("external_prefix_cache_queries", "Tokens looked up in the external prefix cache"),
  counter("external_prefix_cache_hits", "Tokens found in the external prefix cache"),
  counter("mm_cache_queries", "Items looked up in the multi-modal cache"),
  counter("mm_cache_hits", "Items found in the multi-modal cache"),
  counter("num_preemptions", "Preemptions"),
  counter("prompt_tokens", "Prompt tokens processed"),
  counter("prompt_tokens_by_source", "Prompt tokens, by source", { name: "source", values: ["local_compute", "local_cache_hit", "external_kv_transfer"] }),
  counter("prompt_tokens_cached", "Prompt tokens read from a cache"),
  counter("prompt_tokens_cached_by_source", "Prompt tokens read from a cache, by place", {
    name: "source",
    values: ["device", "host", "p2p", "disk", "external_unspecified"],
  }),
  counter("generation_tokens", "Tokens generated"),
  counter("request_success", "Requests that have ended", { name: "finished_reason", values: ["stop", "length", "abort", "error", "repetition"] }),
  {
    ...counter("admission_rejections", "Requests that were not admitted", { name: "reason", values: ["max_num_queued_reqs", "max_num_queued_tokens"] }),
    withoutEngine: true,
  },
  histogram("request_prompt_tokens", "Prompt tokens of a request", tokens),
  histogram("request_generation_tokens", "Tokens generated for a request", tokens),
  histogram("iteration_tokens_total", "Tokens of an engine step", [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384]),
  histogram("request_max_num_generation_tokens", "Most tokens that any answer of a request has", tokens),
  histogram("request_params_n", "Answers asked for", [1, 2, 5, 10, 20]),
  histogram("request_params_max_tokens", "Cap on a request's tokens", tokens),
  histogram("time_to_first_token_seconds", "To the first token", firstSeconds),
  histogram("inter_token_latency_seconds", "Between two tokens", tokenSeconds),
  histogram("request_time_per_output_token_seconds", "Per token of an answer", tokenSeconds),
  histogram("e2e_request_latency_seconds", "From a request to its end", longSeconds),
  histogram("request_queue_time_seconds", "In the queue", longSeconds),
  histogram("request_inference_time_seconds", "In execution", longSeconds),
  histogram("request_prefill_time_seconds", "In prefill", longSeconds),
  histogram("request_decode_time_seconds", "In decode", longSeconds),
  histogram("request_num_preemptions", "Preemptions of a request", [1, 2, 3, 4, 5, 10, 20]),
  histogram("request_prefill_kv_computed_tokens", "Prompt tokens that were computed", tokens),
];
