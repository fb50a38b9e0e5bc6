import type { StepTimeSpec } from "../step-time/step-time-spec.ts";
import type { WanderSpec } from "../step-time/wandering-speed.ts";

/** A vLLM engine as plain data. Names in parentheses are vLLM's. */
export interface EngineSpec {
  /** Tokens per KV block (block_size). */
  readonly blockTokens: number;
  /** KV blocks, vLLM's null block included (num_gpu_blocks). */
  readonly blocks: number;
  /** max_num_seqs */
  readonly sequencesMax: number;
  /** Token budget of one step (max_num_batched_tokens). */
  readonly batchedTokensMax: number;
  /** max_model_len */
  readonly modelTokensMax: number;
  readonly stepTime: StepTimeSpec;
  /** What is left out has vLLM's default. */
  readonly options?: Partial<EngineOptions>;
}

export interface EngineOptions {
  /** async_scheduling: the next step is scheduled before the output of the last is known. */
  readonly asyncScheduling: boolean;
  readonly policy: "fcfs" | "priority";
  /** enable_prefix_caching */
  readonly prefixCaching: boolean;
  /** enable_chunked_prefill */
  readonly chunkedPrefill: boolean;
  /** long_prefill_token_threshold; 0: none. */
  readonly longPrefillTokensMax: number;
  readonly longPrefillAdaptive: boolean;
  /** scheduler_reserve_full_isl: on admission the whole sequence must fit, though blocks are taken chunk by chunk. */
  readonly reserveFullSequence: boolean;
  /** Share of the blocks kept free at admissions while something runs, 0..1. */
  readonly watermark: number;
  /** max_num_active_seqs; null: as sequencesMax. */
  readonly activeSequencesMax: number | null;
  /** pipeline_parallel_size */
  readonly pipelineStages: number;
  /** Microseconds in which a step's activations go from one stage to the next. */
  readonly pipelineHopUs: number;
  readonly dataParallel: DataParallelSpec | null;
  readonly disaggregation: DisaggregationSpec | null;
  readonly speculation: SpeculationSpec | null;
  /**
   * `static`: the baseline without paging. A batch of at most sequencesMax is taken from the queue and computed whole, every sequence reserves modelTokensMax of KV,
   * and nothing joins until the last of the batch has ended. Synchronous, no prefix cache, no token budget. (Orca, OSDI 2022, describes it as request-level batching.)
   */
  readonly batching: "continuous" | "static";
  /** CPU time of putting a step together; hidden behind the running step where scheduling is asynchronous. */
  readonly scheduling: SchedulingCost;
  /** How the machine's speed wanders around the step times; null: it is steady. */
  readonly wander: WanderSpec | null;
}

export interface SchedulingCost {
  readonly perStepUs: number;
  readonly perSequenceUs: number;
}

/** data_parallel_size: several schedulers, each with KV memory of its own, behind one front end. */
export interface DataParallelSpec {
  readonly ranks: number;
  /** Mixture-of-experts models: forward passes are aligned, and ranks without work run dummy ones. Dense: ranks know nothing of each other. */
  readonly lockstep: boolean;
}

/** Prefill and decode on engines of their own, the KV cache carried over between them (vLLM: kv_transfer_config, NixlConnector). */
export interface DisaggregationSpec {
  readonly prefillEngines: number;
  readonly decodeEngines: number;
  /** Of one GPU's share of the KV cache, as is the bandwidth. */
  readonly kvBytesPerToken: number;
  readonly bytesPerSecond: number;
  /** Before the first byte moves: handshake and the proxy's second call. */
  readonly latencyUs: number;
}

export interface SpeculationSpec {
  /** num_speculative_tokens */
  readonly draftTokens: number;
  readonly method: "ngram" | "eagle" | "draft-model";
  /** Chance that a draft is accepted, given that all before it were, 0..1. */
  readonly acceptance: number;
  /** What one pass of the drafting model takes, as a share of the same pass of the target; absent: it costs nothing (ngram). */
  readonly costRatio?: number;
}

export const engineDefaults: EngineOptions = {
  asyncScheduling: true,
  policy: "fcfs",
  prefixCaching: true,
  chunkedPrefill: true,
  longPrefillTokensMax: 0,
  longPrefillAdaptive: false,
  reserveFullSequence: true,
  watermark: 0,
  activeSequencesMax: null,
  pipelineStages: 1,
  pipelineHopUs: 0,
  dataParallel: null,
  disaggregation: null,
  speculation: null,
  batching: "continuous",
  // Fitted on fast hosts by BLIS (inference-sim); a slow one took 75 + 24.
  scheduling: { perStepUs: 126, perSequenceUs: 4.4 },
  wander: null,
};
