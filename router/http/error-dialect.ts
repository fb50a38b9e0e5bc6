import type { Dialect } from "../providers/provider-adapter.ts";
import type { HttpError } from "./http-errors.ts";

/** How a dialect says what went wrong: as an answer, and as the last event of a stream that cannot go on. */
export interface ErrorDialect {
  status(error: HttpError): number;
  body(error: HttpError): string;
  event(error: HttpError): string;
}

const openAiBody = ({ message, type, param, code }: HttpError): string => JSON.stringify({ error: { message, type, param: param ?? null, code } });

const asItIs = ({ status }: HttpError): number => status;

const openAi: ErrorDialect = { status: asItIs, body: openAiBody, event: (error) => `data: ${openAiBody(error)}\n\n` };

const openAiResponses: ErrorDialect = {
  status: asItIs,
  body: openAiBody,
  event: ({ message, code, param }) => `event: error\ndata: ${JSON.stringify({ type: "error", code, message, param: param ?? null, sequence_number: 0 })}\n\n`,
};

/** Where the type is not that of its hundred: `invalid_request_error` below 500, `api_error` from there on. */
const anthropicTypes: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
};

/** Anthropic's clients read a stable code from the details; beside them it stands where OpenAI's has it. */
const anthropicBody = ({ status, message, code }: HttpError): string => {
  const type = anthropicTypes[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
  return JSON.stringify({ type: "error", error: { type, message, code, details: { error_code: code } } });
};

/** Anthropic's own status for a model that is overloaded, which its clients have a class for. */
const overloadedStatus = 529;

const anthropic: ErrorDialect = {
  status: ({ status, code }) => (code === "overloaded" ? overloadedStatus : status),
  body: anthropicBody,
  event: (error) => `event: error\ndata: ${anthropicBody(error)}\n\n`,
};

const dialects: Readonly<Record<Dialect, ErrorDialect>> = {
  "openai-chat": openAi,
  "openai-completions": openAi,
  "openai-embeddings": openAi,
  "openai-other": openAi,
  "openai-responses": openAiResponses,
  "anthropic-messages": anthropic,
};

export const errorDialect = (dialect: Dialect): ErrorDialect => dialects[dialect];
