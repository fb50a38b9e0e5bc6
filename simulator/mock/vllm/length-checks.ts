import type { MockServerFacts } from "../mock-body.ts";
import { badRequest, contextExceeded, type HttpRefusal } from "../http-refusal.ts";

export interface PromptLength {
  readonly tokens: number;
  /** Letters of a prompt that is text; null: it came as token ids. */
  readonly letters: number | null;
}

/** What vLLM 0.32 finds wrong with the length of a prompt or of the answer to it; null: nothing. A cap that is more than what room the prompt leaves is no error. */
export function lengthProblem(
  server: MockServerFacts,
  prompt: PromptLength,
  cap: { readonly field: string; readonly tokens: number } | null,
  lettersPerTokenMax: number | null,
): HttpRefusal | null {
  const { modelTokensMax } = server;
  const most = modelTokensMax ?? Number.POSITIVE_INFINITY;
  if (cap !== null && cap.tokens > most) {
    const text = `${cap.field}=${cap.tokens} cannot be greater than max_model_len=${most}. Please request fewer output tokens.`;
    return badRequest(`${text} (parameter=${cap.field}, value=${cap.tokens})`, cap.field);
  }
  const lettersMax = most * (lettersPerTokenMax ?? Number.POSITIVE_INFINITY);
  if (prompt.letters !== null && prompt.letters > lettersMax) {
    const text =
      `This model's maximum context length is ${most} tokens. However, your prompt contains ${prompt.letters} characters ` +
      `(more than ${lettersMax} characters, which is the upper bound for ${most} input tokens). Please reduce the length of the input prompt.`;
    return badRequest(`${text} (parameter=input_text, value=${prompt.letters})`, "input_text");
  }
  // A text is not split into more tokens than it takes to see that they are too many.
  if (prompt.tokens > most) return prompt.letters === null ? contextExceeded(most, prompt.tokens, "exactly") : contextExceeded(most, most + 1, "at least");
  const room = Math.min(most - prompt.tokens, cap?.tokens ?? Number.POSITIVE_INFINITY);
  if (room >= 1) return null;
  return badRequest(`max_tokens must be at least 1, got ${room}. (parameter=max_tokens, value=${room})`, "max_tokens");
}
