import { badRequest, contextExceeded, type HttpRefusal, openAiError, refusalOf, rateLimited, unknownModel } from "../http-refusal.ts";
import type { MockRefusal } from "../dialects/mock-dialect.ts";

const elsewhere = "Please try again later or on a different instance.";
const unavailable = (why: string): HttpRefusal => openAiError(503, `${why} ${elsewhere}`, "Service Unavailable", null, 503);
const queueFull = unavailable("The engine is currently busy and cannot accept new requests.");
const backlogFull = unavailable("The engine has reached its prefill token backlog limit.");
const serverError = openAiError(500, "Internal server error (a fault of the mock's script)", "InternalServerError", null, 500);

/** Texts are vLLM 0.32's, as recorded, where a vLLM would give them. */
export function vllmRefusal(why: MockRefusal): HttpRefusal {
  switch (why.kind) {
    case "rate-limited":
      return rateLimited(why.retryAfterSeconds);
    case "context-exceeded":
      return contextExceeded(why.tokensMax, why.tokensMax + 1, "at least");
    case "overloaded":
      return queueFull;
    case "backlog-full":
      return backlogFull;
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
}

/** The same in the form of Anthropic's API, which `/v1/messages` has for all that is found after the body was read. */
export function inMessagesForm(refusal: HttpRefusal): HttpRefusal {
  const { error } = JSON.parse(refusal.body) as { readonly error: { readonly type: string; readonly message: string } };
  return refusalOf(refusal.status, { type: "error", error: { type: error.type, message: error.message } }, refusal.retryAfterSeconds);
}
