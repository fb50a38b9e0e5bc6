import type { Usage } from "../../../router/core/messages.ts";
import type { EndpointSignals } from "../../core/endpoint.ts";
import { type MetricFamily, vllmMetricFamilies } from "./metric-table.ts";

export const vllmMetricsType = "text/plain; version=1.0.0; charset=utf-8";

/** The answers to one prompt, which is one request to the server's counters. */
export interface MeasuredPrompt {
  readonly answers: number;
  left: number;
  /** Tokens of the longest. */
  longest: number;
}

/** One sequence as the server's counters see it: on performance.now(). */
export interface MeasuredCall {
  readonly receivedMs: number;
  readonly tokensMax: number;
  readonly prompt: MeasuredPrompt;
  /** NaN: no token yet. */
  firstTokenMs: number;
  lastTokenMs: number;
}

/** Which limit of the queue has turned a call away. */
export type QueueLimit = "max_num_queued_reqs" | "max_num_queued_tokens";

interface Distribution {
  readonly counts: number[];
  sum: number;
}

/**
 * A mock vLLM's `/metrics`: every family of a real server's, with its labels and buckets. What the model of the engine knows is counted (load, tokens, requests, latencies as
 * the wire sees them); what it does not model (FLOPS, multi-modal and external caches, queue and prefill times apart) stays at zero, as on a server that has had none of it.
 */
export class VllmMetrics {
  readonly #model: string;
  readonly #info: readonly string[];
  readonly #createdSeconds = Date.now() / 1000;
  /** By family, then by value of its label ("" where it has none). */
  readonly #values = new Map<string, number>();
  readonly #distributions = new Map<string, Distribution>();

  /** @param info lines that never change */
  constructor(model: string, info: readonly string[]) {
    this.#model = model;
    this.#info = info;
  }

  /** Counted as they come: those of a caller who then leaves were generated too. */
  tokensLeft(call: MeasuredCall, count: number, nowMs: number): void {
    this.#add("vllm:generation_tokens_total", "", count);
    for (let token = 0; token < count; token += 1) {
      if (Number.isNaN(call.firstTokenMs)) {
        call.firstTokenMs = nowMs;
        this.#observe("vllm:time_to_first_token_seconds", (nowMs - call.receivedMs) / 1000);
      } else this.#observe("vllm:inter_token_latency_seconds", (nowMs - call.lastTokenMs) / 1000);
      call.lastTokenMs = nowMs;
    }
  }

  ended(call: MeasuredCall, reason: "stop" | "length", usage: Usage, nowMs: number): void {
    const computed = usage.input - usage.cachedRead;
    this.#add("vllm:prompt_tokens_total", "", usage.input);
    this.#add("vllm:prompt_tokens_by_source_total", "local_compute", computed);
    this.#add("vllm:prompt_tokens_by_source_total", "local_cache_hit", usage.cachedRead);
    this.#add("vllm:prompt_tokens_cached_total", "", usage.cachedRead);
    this.#add("vllm:prompt_tokens_cached_by_source_total", "device", usage.cachedRead);
    this.#add("vllm:prefix_cache_queries_total", "", usage.input);
    this.#add("vllm:prefix_cache_hits_total", "", usage.cachedRead);
    this.#add("vllm:request_success_total", reason, 1);
    this.#observe("vllm:request_prompt_tokens", usage.input);
    this.#observe("vllm:request_generation_tokens", usage.output);
    this.#observe("vllm:request_params_max_tokens", call.tokensMax);
    this.#observe("vllm:request_prefill_kv_computed_tokens", computed);
    this.#observe("vllm:e2e_request_latency_seconds", (nowMs - call.receivedMs) / 1000);
    if (usage.output > 1) this.#observe("vllm:request_time_per_output_token_seconds", (nowMs - call.firstTokenMs) / 1000 / (usage.output - 1));
    this.#endOfPrompt(call.prompt, usage.output);
  }

  #endOfPrompt(prompt: MeasuredPrompt, tokens: number): void {
    prompt.left -= 1;
    prompt.longest = Math.max(prompt.longest, tokens);
    if (prompt.left > 0) return;
    this.#observe("vllm:request_max_num_generation_tokens", prompt.longest);
    this.#observe("vllm:request_params_n", prompt.answers);
  }

  rejected(limit: QueueLimit): void {
    this.#add("vllm:admission_rejections_total", limit, 1);
  }

  exposition({ running, waiting, kvUsed, preemptions }: EndpointSignals): string {
    const now = new Map([
      ["vllm:num_requests_running ", running],
      ["vllm:num_requests_waiting ", waiting],
      ["vllm:num_requests_waiting_by_reason capacity", waiting],
      ["vllm:engine_sleep_state awake", 1],
      ["vllm:kv_cache_usage_perc ", kvUsed],
      ["vllm:num_preemptions_total ", preemptions],
    ]);
    return `${[...vllmMetricFamilies.flatMap((family) => this.#lines(family, now)), ...this.#info].join("\n")}\n`;
  }

  #lines(family: MetricFamily, now: ReadonlyMap<string, number>): string[] {
    const { name, help, type, label } = family;
    const head = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
    if (type === "histogram") return [...head, ...this.#histogramLines(family), ...this.#createdLines(family)];
    const values = (label?.values ?? [""]).map((value) => {
      const key = `${name} ${value}`;
      return `${name}{${this.#labels(family, value)}} ${shown(now.get(key) ?? this.#values.get(key) ?? 0)}`;
    });
    return type === "counter" ? [...head, ...values, ...this.#createdLines(family)] : [...head, ...values];
  }

  #createdLines(family: MetricFamily): string[] {
    const name = `${family.type === "counter" ? family.name.replace(/_total$/, "") : family.name}_created`;
    const values = (family.label?.values ?? [""]).map((value) => `${name}{${this.#labels(family, value)}} ${this.#createdSeconds}`);
    return [`# HELP ${name} ${family.help}`, `# TYPE ${name} gauge`, ...values];
  }

  #histogramLines({ name, buckets = [] }: MetricFamily): string[] {
    const own = this.#distributions.get(name);
    let sofar = 0;
    const lines = [...buckets.map(shown), "+Inf"].map((bound, place) => {
      sofar += own?.counts[place] ?? 0;
      return `${name}_bucket{engine="0",le="${bound}",model_name="${this.#model}"} ${shown(sofar)}`;
    });
    const labels = `{engine="0",model_name="${this.#model}"}`;
    return [...lines, `${name}_count${labels} ${shown(sofar)}`, `${name}_sum${labels} ${shown(own?.sum ?? 0)}`];
  }

  /** In alphabetical order, as the server's library writes them. */
  #labels({ label, withoutEngine }: MetricFamily, value: string): string {
    const labels = [
      ...(withoutEngine === true ? [] : ['engine="0"']),
      `model_name="${this.#model}"`,
      ...(label === undefined ? [] : [`${label.name}="${value}"`]),
    ];
    return labels.toSorted((one, other) => (one < other ? -1 : 1)).join(",");
  }

  #add(name: string, value: string, count: number): void {
    const key = `${name} ${value}`;
    this.#values.set(key, (this.#values.get(key) ?? 0) + count);
  }

  #observe(name: string, value: number): void {
    const buckets = vllmMetricFamilies.find((family) => family.name === name)?.buckets ?? [];
    let own = this.#distributions.get(name);
    if (own === undefined) this.#distributions.set(name, (own = { counts: Array.from({ length: buckets.length + 1 }, () => 0), sum: 0 }));
    const place = buckets.findIndex((bound) => value <= bound);
    const bucket = place === -1 ? buckets.length : place;
    own.counts[bucket] = (own.counts[bucket] ?? 0) + 1;
    own.sum += value;
  }
}

/** As Python writes a float. */
function shown(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
