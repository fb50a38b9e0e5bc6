import { parseChatBody } from "../chat-body.ts";
import { badRequest, contextExceeded, overloaded, rateLimited, serverError, unknownModel } from "../http-refusal.ts";
import { chatForm } from "./chat-form.ts";
import { type MockDialect, noHeaders } from "./mock-dialect.ts";

/** vLLM's OpenAI-compatible server. */
export const vllmDialect: MockDialect = {
  keyHeader: null,
  callAt: (path) => (path.split("?", 1)[0] === "/v1/chat/completions" ? { model: null, stream: null } : null),
  parse: parseChatBody,
  form: chatForm,
  refusal: (why) => {
    switch (why.kind) {
      case "rate-limited":
        return rateLimited(why.retryAfterSeconds);
      case "context-exceeded":
        return contextExceeded(why.tokensMax, why.inputTokens);
      case "overloaded":
        return overloaded;
      case "server-error":
        return serverError;
      case "content-filtered":
        return badRequest("The request was filtered", null);
      case "no-key":
        return { status: 401, body: '{"error":"Unauthorized"}', retryAfterSeconds: null };
      case "unknown-model":
        return unknownModel(why.model, why.known);
      case "bad-request":
        return badRequest(why.message, null);
    }
  },
  quotaHeaders: () => noHeaders,
};
