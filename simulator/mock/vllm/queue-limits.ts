import type { QueueLimit } from "./vllm-metrics.ts";
import type { VllmOptions } from "./vllm-options.ts";

/** @property begun set by `begins` */
export interface QueuedSequence {
  readonly inputTokens: number;
  begun?: boolean;
}

/**
 * When a vLLM 0.32 server sheds load, by its flags `--max-num-queued-reqs` and `--max-num-queued-tokens` (both absent by default: its queue has no end). The first counts sequences
 * that are not over, running ones too, and each of `n`; a call that would bring them above the limit is turned away. The second counts prompt tokens of sequences that have had
 * no token yet, whole, whatever is cached or worked off; a call that finds them at the limit is turned away, however long it is itself. Asked in this order.
 */
export class QueueLimits {
  readonly #sequencesMax: number;
  readonly #tokensMax: number;
  #sequences = 0;
  #tokens = 0;

  /** @param options null: it is no vLLM server */
  constructor(options: Pick<VllmOptions, "maxNumQueuedReqs" | "maxNumQueuedTokens"> | null) {
    this.#sequencesMax = options?.maxNumQueuedReqs ?? Infinity;
    this.#tokensMax = options?.maxNumQueuedTokens ?? Infinity;
  }

  /** @param sequences of a call @returns which limit turns it away */
  refuses(sequences: number): QueueLimit | null {
    if (this.#sequences + sequences > this.#sequencesMax) return "max_num_queued_reqs";
    return this.#tokens >= this.#tokensMax ? "max_num_queued_tokens" : null;
  }

  joins(inputTokens: number): void {
    this.#sequences += 1;
    this.#tokens += inputTokens;
  }

  /** It has its first token, or a later one. */
  begins(sequence: QueuedSequence): void {
    if (sequence.begun === true) return;
    sequence.begun = true;
    this.#tokens -= sequence.inputTokens;
  }

  leaves(sequence: QueuedSequence): void {
    this.begins(sequence);
    this.#sequences -= 1;
  }
}
