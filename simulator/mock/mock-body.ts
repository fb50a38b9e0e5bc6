import type { HttpRefusal } from "./http-refusal.ts";

/** What the mock needs to know of a call, whatever API it came by. */
export interface MockBody {
  /** Null: the server's only model. */
  readonly model: string | null;
  /** The prompt's texts in order, of all prompts where there are several. */
  readonly texts: readonly string[];
  readonly inputTokens: number;
  /** Null: none given. */
  readonly outputTokensMax: number | null;
  readonly outputTokensMin: number;
  /** Exactly the cap is generated: `ignore_eos`, or min_tokens equal to the cap. */
  readonly exactLength: boolean;
  readonly stream: boolean;
  /** It asks for the tier that may be delayed; absent: not. */
  readonly batch?: boolean;
  readonly includeUsage: boolean;
  /** From a first word `#17` of the prompt, by which a replay says which arrival this is; null: none. */
  readonly serial: number | null;
  /** Tools that the answer calls, side by side; empty: it is text. */
  readonly calls: readonly MockToolCall[];
  /** `n`, times the prompts. */
  readonly answers: number;
  /** Of a vLLM server: what its engine works on, one for each answer, prompt by prompt. Absent: on one, and the other answers are said to be as long. */
  readonly sequences?: readonly MockSequence[];
  readonly wishes: AnswerWishes;
  /** Told of a whole response as it leaves; absent: nobody keeps it. */
  readonly keep?: (response: Readonly<Record<string, unknown>>) => void;
  /** What is wrong with it once the model is known that it is for; null: nothing. */
  readonly check?: (server: MockServerFacts) => HttpRefusal | null;
}

/** @property prompt which of the call's prompts it answers */
export interface MockSequence {
  readonly prompt: number;
  readonly texts: readonly string[];
  readonly inputTokens: number;
}

/** `n` answers to each prompt. */
export function sequencesOf(prompts: readonly Omit<MockSequence, "prompt">[], n: number): readonly MockSequence[] {
  return prompts.flatMap((own, prompt) => Array.from({ length: n }, () => ({ ...own, prompt })));
}

/** @property arguments JSON text */
export interface MockToolCall {
  readonly name: string;
  readonly arguments: string;
}

/** How the answer is to be, beside its length. */
export interface AnswerWishes {
  readonly stop: readonly string[];
  readonly includeStop: boolean;
  readonly stopTokenIds: readonly number[];
  /** The end token is so likely that it comes as soon as it may ... */
  readonly endAtOnce: boolean;
  /** ... but it does not end the answer. */
  readonly ignoreEnd: boolean;
  /** Alternatives told with each token; null: no log probabilities. */
  readonly logprobs: number | null;
  readonly promptLogprobs: number | null;
  readonly tokenIds: boolean;
  readonly echo: boolean;
  /** Nothing but the echo. */
  readonly echoOnly: boolean;
  readonly continuousUsage: boolean;
  /** Usage without its details. */
  readonly roughUsage: boolean;
  /** What is said; null: words, until the answer is long enough. */
  readonly text: string | null;
  /** Takes the place of the answer's random id; null: none given. */
  readonly requestId: string | null;
  /** Prompts with another salt share nothing. */
  readonly cacheSalt: string;
  readonly priority: number;
  /** Numbers of an embedding; null: the model's own. */
  readonly dimensions: number | null;
  /** Fields of the body that the answer says again. */
  readonly repeated: Readonly<Record<string, unknown>>;
}

export const plainWishes: AnswerWishes = {
  stop: [],
  includeStop: false,
  stopTokenIds: [],
  endAtOnce: false,
  ignoreEnd: false,
  logprobs: null,
  promptLogprobs: null,
  tokenIds: false,
  echo: false,
  echoOnly: false,
  continuousUsage: false,
  roughUsage: false,
  text: null,
  requestId: null,
  cacheSalt: "",
  priority: 0,
  dimensions: null,
  repeated: {},
};

/** What a server knows of the model that it serves. */
export interface MockServerFacts {
  readonly model: string;
  /** Tokens; null: no limit of its own. */
  readonly modelTokensMax: number | null;
}

export type Parsed =
  | { readonly kind: "body"; readonly body: MockBody }
  | { readonly kind: "refused"; readonly refusal: HttpRefusal }
  /** Answered at once by the server itself: no engine works on it. */
  | { readonly kind: "told"; readonly model: string | null; readonly tell: (server: MockServerFacts) => HttpRefusal | object };

export const refused = (refusal: HttpRefusal): Parsed => ({ kind: "refused", refusal });
