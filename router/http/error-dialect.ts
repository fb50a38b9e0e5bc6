import type { Dialect } from "../providers/provider-adapter.ts";
import type { HttpError } from "./http-errors.ts";

/** How a dialect says what went wrong: as an answer, and as the last event of a stream that cannot go on. */
export interface ErrorDialect {
  body(error: HttpError): string;
  event(error: HttpError): string;
}

const openAiBody = ({ message, type, param, code }: HttpError): string => JSON.stringify({ error: { message, type, param: param ?? null, code } });

const openAi: ErrorDialect = { body: openAiBody, event: (error) => `data: ${openAiBody(error)}\n\n` };

const openAiResponses: ErrorDialect = {
  body: openAiBody,
  event: ({ message, code, param }) => `event: error\ndata: ${JSON.stringify({ type: "error", code, message, param: param ?? null, sequence_number: 0 })}\n\n`,
};

const anthropicTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  405: "invalid_request_error",
  408: "timeout_error",
  413: "request_too_large",
  415: "invalid_request_error",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
  529: "overloaded_error",
};

/** The `code` is ours: Anthropic's own errors have none, and clients do not mind. */
const anthropicBody = ({ status, message, code }: HttpError): string =>
  JSON.stringify({ type: "error", error: { type: anthropicTypes[status] ?? "api_error", message, code } });

const anthropic: ErrorDialect = { body: anthropicBody, event: (error) => `event: error\ndata: ${anthropicBody(error)}\n\n` };

const dialects: Readonly<Record<Dialect, ErrorDialect>> = {
  "openai-chat": openAi,
  "openai-completions": openAi,
  "openai-embeddings": openAi,
  "openai-other": openAi,
  "openai-responses": openAiResponses,
  "anthropic-messages": anthropic,
};

export const errorDialect = (dialect: Dialect): ErrorDialect => dialects[dialect];
