import { type HttpRefusal, openAiError } from "../http-refusal.ts";
import { type Parsed, plainWishes, refused } from "../mock-body.ts";
import type { Fields } from "../../../router/core/fields.ts";
import { parseFields } from "./body-fields.ts";
import type { MockRequest } from "./mock-dialect.ts";
import { servedTier } from "./openai-common.ts";
import { openAiRefusal } from "./openai-refusal.ts";
import { responsesBody } from "./responses-body.ts";
import type { ResponsesFlavour } from "./responses-form.ts";
import { inputItems } from "./stored-responses.ts";

/** Responses of OpenAI's own API: kept unless they ask not to be, and gone on with by their ids. */
export function readOpenAiResponses({ bytes, place, headers, stored }: MockRequest): Parsed {
  const fields = parseFields(bytes);
  const refuse = (message: string): Parsed => refused(openAiRefusal({ kind: "bad-request", message }));
  if (fields === null) return refuse("We could not parse the JSON body of your request.");
  const { input } = fields;
  if (typeof input !== "string" && !Array.isArray(input)) return refuse("Missing required parameter: 'input'.");
  if (fields["background"] === true) return refuse("This mock runs no responses in the background.");
  const { previous_response_id: previous, store } = fields;
  const earlier = typeof previous === "string" ? (stored?.conversation(previous, headers) ?? null) : [];
  if (earlier === null) return refused(previousNotFound(String(previous)));
  const body = responsesBody(fields, plainWishes, earlier);
  const keep = (response: Fields): void => stored?.keep(response, [...earlier, ...inputItems(input)], headers);
  return { kind: "body", body: { ...body, model: place.model ?? body.model, ...(store === false ? {} : { keep }) } };
}

const previousNotFound = (id: string): HttpRefusal =>
  openAiError(400, `Previous response with id '${id}' not found.`, "invalid_request_error", "previous_response_id", "previous_response_not_found");

export const openAiResponsesFlavour: ResponsesFlavour = {
  cutEvent: "response.incomplete",
  messageExtras: {},
  partLogprobs: [],
  envelope: ({ wishes: { repeated }, outputTokensMax }) => ({
    error: null,
    background: false,
    instructions: repeated["instructions"] ?? null,
    max_output_tokens: outputTokensMax,
    max_tool_calls: null,
    metadata: repeated["metadata"] ?? {},
    parallel_tool_calls: repeated["parallel_tool_calls"] ?? true,
    previous_response_id: repeated["previous_response_id"] ?? null,
    prompt_cache_key: null,
    reasoning: repeated["reasoning"] ?? { effort: null, summary: null },
    safety_identifier: null,
    service_tier: servedTier(repeated["service_tier"]),
    store: repeated["store"] ?? true,
    temperature: repeated["temperature"] ?? 1,
    text: repeated["text"] ?? { format: { type: "text" }, verbosity: "medium" },
    tool_choice: repeated["tool_choice"] ?? "auto",
    tools: repeated["tools"] ?? [],
    top_logprobs: 0,
    top_p: repeated["top_p"] ?? 1,
    truncation: "disabled",
    user: null,
  }),
  usage: ({ input, cachedRead, cacheWrite, output, reasoning }) => ({
    input_tokens: input,
    input_tokens_details: { cached_tokens: cachedRead, cache_write_tokens: cacheWrite },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  }),
};
