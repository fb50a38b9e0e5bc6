/** An answer instead of a completion. Texts are vLLM 0.32's, as recorded, where a vLLM would give them. */
export interface HttpRefusal {
  readonly status: number;
  readonly body: string;
  readonly retryAfterSeconds: number | null;
}

export const refusalOf = (status: number, body: object, retryAfterSeconds: number | null = null): HttpRefusal => ({
  status,
  body: JSON.stringify(body),
  retryAfterSeconds,
});

export function openAiError(status: number, message: string, type: string, param: string | null, code: string | number | null): HttpRefusal {
  return { status, body: JSON.stringify({ error: { message, type, param, code } }), retryAfterSeconds: null };
}

export function badRequest(message: string, param: string | null): HttpRefusal {
  return openAiError(400, message, "BadRequestError", param, 400);
}

export function unknownModel(model: string, known: readonly string[]): HttpRefusal {
  return openAiError(404, `The model \`${model}\` does not exist. Valid aliases: ${known.join(", ")}.`, "NotFoundError", "model", 404);
}

/** @param counted a text is counted only until it is seen to be too long */
export function contextExceeded(modelTokensMax: number, inputTokens: number, counted: "exactly" | "at least"): HttpRefusal {
  const message =
    `This model's maximum context length is ${modelTokensMax} tokens. However, your prompt contains ${counted === "exactly" ? "" : "at least "}${inputTokens} input tokens, ` +
    "which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. " +
    `(parameter=input_tokens, value=${inputTokens})`;
  return badRequest(message, "input_tokens");
}

export function rateLimited(retryAfterSeconds: number | null): HttpRefusal {
  const advice = retryAfterSeconds === null ? "The request is larger than the limit per minute." : `Please try again in ${retryAfterSeconds}s.`;
  const refusal = openAiError(429, `Rate limit reached. ${advice}`, "requests", null, "rate_limit_exceeded");
  return { ...refusal, retryAfterSeconds };
}
