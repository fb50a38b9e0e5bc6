import { plainVocabulary, type MockToken } from "../answer-script.ts";

/** How a mock vLLM server was started, and what stands in for its tokenizer and its model. */
export interface VllmOptions {
  /** `--api-key`; null: none. */
  readonly apiKey: string | null;
  /** `--enable-request-id-headers` */
  readonly requestIdHeaders: boolean;
  /** `--enable-auto-tool-choice --tool-call-parser hermes` */
  readonly toolParser: boolean;
  /** `--enable-server-load-tracking`: without, `/load` is 0 for ever. */
  readonly loadTracking: boolean;
  /** `VLLM_SERVER_DEV_MODE=1` */
  readonly devMode: boolean;
  /** `--max-num-queued-reqs`: sequences that are not over, running ones too; null: no limit. */
  readonly maxNumQueuedReqs: number | null;
  /** `--max-num-queued-tokens`: of the prompts of sequences that have had no token yet, whole ones; null: no limit. */
  readonly maxNumQueuedTokens: number | null;
  /** Tokens that the chat template adds: per message, and at the end for the answer to begin. */
  readonly templateTokens: { readonly message: number; readonly end: number };
  /** The model takes pictures. */
  readonly multimodal: boolean;
  readonly vocabularySize: number;
  /** A prompt that has more letters than so many per token of the context is refused unread; null: none is. */
  readonly lettersPerTokenMax: number | null;
  /** The answers' tokens, in circle. */
  readonly vocabulary: readonly MockToken[];
  /** How long answers are that nothing caps (tokens); null: drawn. */
  readonly answerTokens: number | null;
}

export const defaultVllmOptions: VllmOptions = {
  apiKey: null,
  requestIdHeaders: false,
  toolParser: true,
  loadTracking: true,
  devMode: false,
  maxNumQueuedReqs: null,
  maxNumQueuedTokens: null,
  templateTokens: { message: 0, end: 0 },
  multimodal: true,
  vocabularySize: 128_256,
  lettersPerTokenMax: null,
  vocabulary: plainVocabulary,
  answerTokens: null,
};
