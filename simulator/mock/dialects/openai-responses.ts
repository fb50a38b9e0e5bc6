import { type Parsed, refused } from "../mock-body.ts";
import { parseFields } from "./body-fields.ts";
import type { MockRequest } from "./mock-dialect.ts";
import { openAiRefusal } from "./openai-refusal.ts";
import { responsesBody } from "./responses-body.ts";
import type { ResponsesFlavour } from "./responses-form.ts";

/** Responses of OpenAI's own API. They are not kept: one cannot be fetched again. */
export function readOpenAiResponses({ bytes, place }: MockRequest): Parsed {
  const fields = parseFields(bytes);
  const refuse = (message: string): Parsed => refused(openAiRefusal({ kind: "bad-request", message }));
  if (fields === null) return refuse("We could not parse the JSON body of your request.");
  const { input } = fields;
  if (typeof input !== "string" && !Array.isArray(input)) return refuse("Missing required parameter: 'input'.");
  const body = responsesBody(fields);
  return { kind: "body", body: { ...body, model: place.model ?? body.model } };
}

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
    service_tier: "default",
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
  usage: ({ input, cachedRead, output, reasoning }) => ({
    input_tokens: input,
    input_tokens_details: { cached_tokens: cachedRead },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  }),
};
