/** What every dialect can say of a conversation: the form through which a request goes when caller and provider speak differently. Plain data. */
export interface NeutralRequest {
  readonly system: readonly string[];
  readonly messages: readonly NeutralMessage[];
  readonly tools: readonly NeutralTool[];
  /** Null: the provider's default. */
  readonly toolChoice: NeutralToolChoice | null;
  readonly parallelTools: boolean | null;
  readonly outputTokensMax: number | null;
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly stop: readonly string[];
  /** Answers to give side by side (`n`). */
  readonly choices: number;
  readonly seed: number | null;
  readonly presencePenalty: number | null;
  readonly frequencyPenalty: number | null;
  /** Null: log probabilities are not asked for; otherwise so many alternatives of each token. */
  readonly logprobs: number | null;
  /** Null: text. */
  readonly format: NeutralFormat | null;
  readonly user: string | null;
  readonly stream: boolean;
  /** Fields that have no place here and are left out. */
  readonly dropped: readonly string[];
}

export interface NeutralMessage {
  readonly role: "user" | "assistant";
  readonly parts: readonly NeutralPart[];
}

export type NeutralPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "media"; readonly mediaType: string; readonly data: string; readonly name: string | null }
  /** A picture that the provider fetches itself. */
  | { readonly kind: "link"; readonly url: string }
  | NeutralToolCall
  | { readonly kind: "tool-result"; readonly id: string; readonly parts: readonly NeutralPart[]; readonly isError: boolean }
  | NeutralThinking;

/** @property arguments JSON text */
export interface NeutralToolCall {
  readonly kind: "tool-call";
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  /** What the provider wants to see again with the call; null: nothing. */
  readonly signature: string | null;
}
export interface NeutralThinking {
  readonly kind: "thinking";
  readonly text: string;
  readonly signature: string | null;
}

export interface NeutralTool {
  readonly name: string;
  readonly description: string | null;
  /** JSON Schema. */
  readonly parameters: unknown;
  readonly strict: boolean | null;
}
export type NeutralToolChoice = { readonly kind: "auto" | "none" | "required" } | { readonly kind: "tool"; readonly name: string };
export type NeutralFormat =
  | { readonly kind: "json" }
  | { readonly kind: "schema"; readonly name: string; readonly schema: unknown; readonly strict: boolean | null };
