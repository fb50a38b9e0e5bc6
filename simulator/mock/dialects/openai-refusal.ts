import { type HttpRefusal, openAiError, rateLimited } from "../http-refusal.ts";
import type { MockRefusal } from "./mock-dialect.ts";

export function openAiRefusal(why: MockRefusal): HttpRefusal {
  switch (why.kind) {
    case "rate-limited":
      return rateLimited(why.retryAfterSeconds);
    case "context-exceeded":
      return openAiError(
        400,
        `This model's maximum context length is ${why.tokensMax} tokens.`,
        "invalid_request_error",
        "messages",
        "context_length_exceeded",
      );
    case "overloaded":
    case "backlog-full":
      return openAiError(503, "That model is currently overloaded with other requests.", "server_error", null, null);
    case "server-error":
      return openAiError(500, "The server had an error while processing your request.", "server_error", null, null);
    case "content-filtered":
      return openAiError(400, "Your request was rejected by our content policy.", "invalid_request_error", null, "content_policy_violation");
    case "no-key":
      return openAiError(401, "You didn't provide an API key.", "invalid_request_error", null, "invalid_api_key");
    case "unknown-model":
      return openAiError(404, `The model \`${why.model}\` does not exist or you do not have access to it.`, "invalid_request_error", null, "model_not_found");
    case "bad-request":
      return openAiError(400, why.message, "invalid_request_error", null, null);
  }
}
