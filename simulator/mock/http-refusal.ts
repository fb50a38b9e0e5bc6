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

/** What vLLM's body validation says: the repr of pydantic's first problem. */
export function invalidBody(type: string, place: string, message: string, input: string): HttpRefusal {
  return openAiError(400, `1 validation error:\n  {'type': '${type}', 'loc': '${place}', 'msg': '${message}', 'input': '${input}'}`, "Bad Request", place, 400);
}

export function unknownModel(model: string, known: readonly string[]): HttpRefusal {
  return openAiError(404, `The model \`${model}\` does not exist. Valid aliases: ${known.join(", ")}.`, "NotFoundError", "model", 404);
}

export function contextExceeded(modelTokensMax: number, inputTokens: number): HttpRefusal {
  const message =
    `This model's maximum context length is ${modelTokensMax} tokens. However, your prompt contains at least ${inputTokens} input tokens, ` +
    "which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. " +
    `(parameter=input_tokens, value=${inputTokens})`;
  return badRequest(message, "input_tokens");
}

export function rateLimited(retryAfterSeconds: number | null): HttpRefusal {
  const advice = retryAfterSeconds === null ? "The request is larger than the limit per minute." : `Please try again in ${retryAfterSeconds}s.`;
  const refusal = openAiError(429, `Rate limit reached. ${advice}`, "requests", null, "rate_limit_exceeded");
  return { ...refusal, retryAfterSeconds };
}

export const overloaded = openAiError(
  503,
  "The engine is currently busy and cannot accept new requests. Please retry later.",
  "ServiceUnavailableError",
  null,
  503,
);
export const serverError = openAiError(500, "Internal server error (a fault of the mock's script)", "InternalServerError", null, 500);
