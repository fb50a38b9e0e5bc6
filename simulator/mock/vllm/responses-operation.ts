import type { MockOperation } from "../dialects/mock-dialect.ts";
import { responsesBody } from "../dialects/responses-body.ts";
import { type ResponsesFlavour, responsesForm } from "../dialects/responses-form.ts";
import { openAiError } from "../http-refusal.ts";
import { plainWishes, refused } from "../mock-body.ts";
import { lengthProblem } from "./length-checks.ts";
import { readVllmBody } from "./read-body.ts";
import { headerOf } from "./read-wishes.ts";
import type { VllmOptions } from "./vllm-options.ts";
import { vllmRefusal } from "./vllm-refusal.ts";

const noBackground = openAiError(
  400,
  "This vLLM engine does not support `store=True` and therefore does not support the background mode. To enable these features, " +
    "set the environment variable `VLLM_ENABLE_RESPONSES_API_STORE=1` when launching the vLLM server.",
  "invalid_request_error",
  "background",
  400,
);

/** OpenAI's responses as vLLM 0.32 serves them: nothing is stored. */
export function vllmResponses(options: VllmOptions): MockOperation {
  return {
    refusal: vllmRefusal,
    form: (names, body, script) => responsesForm(names, body, script, vllmFlavour),
    parse: ({ bytes, headers }) => {
      const read = readVllmBody(bytes, headers);
      if (read.kind === "refused") return read;
      const { fields } = read;
      if (fields["background"] === true) return refused(noBackground);
      const plain = responsesBody(fields, { ...plainWishes, requestId: headerOf(headers, "x-request-id") });
      const { message, end } = options.templateTokens;
      const messages = (Array.isArray(fields["input"]) ? fields["input"].length : 1) + (typeof fields["instructions"] === "string" ? 1 : 0);
      const body = { ...plain, inputTokens: plain.inputTokens + messages * message + end, calls: options.toolParser ? plain.calls : [] };
      const cap = plain.outputTokensMax === null ? null : { field: "max_output_tokens", tokens: plain.outputTokensMax };
      const letters = plain.texts.reduce((sum, text) => sum + text.length, 0);
      return {
        kind: "body",
        body: { ...body, check: (server) => lengthProblem(server, { tokens: body.inputTokens, letters }, cap, options.lettersPerTokenMax) },
      };
    },
  };
}

const vllmFlavour: ResponsesFlavour = {
  cutEvent: "response.completed",
  messageExtras: { phase: null },
  partLogprobs: null,
  envelope: ({ wishes: { repeated }, outputTokensMax, calls }) => ({
    instructions: repeated["instructions"] ?? null,
    metadata: repeated["metadata"] ?? null,
    parallel_tool_calls: repeated["parallel_tool_calls"] ?? true,
    temperature: repeated["temperature"] ?? 1,
    tool_choice: repeated["tool_choice"] ?? (calls.length > 0 ? "auto" : "none"),
    tools: repeated["tools"] ?? [],
    top_p: repeated["top_p"] ?? 1,
    background: false,
    max_output_tokens: outputTokensMax,
    max_tool_calls: null,
    previous_response_id: null,
    prompt: null,
    reasoning: repeated["reasoning"] ?? null,
    service_tier: "auto",
    text: repeated["text"] ?? null,
    top_logprobs: null,
    truncation: "disabled",
    user: repeated["user"] ?? null,
    presence_penalty: 0,
    frequency_penalty: 0,
    kv_transfer_params: null,
    ec_transfer_params: null,
    input_messages: null,
    output_messages: null,
  }),
  usage: ({ input, cachedRead, cacheWrite, output, reasoning }) => ({
    input_tokens: input,
    input_tokens_details: { cached_tokens: cachedRead, cache_write_tokens: cacheWrite, input_tokens_per_turn: [], cached_tokens_per_turn: [] },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning, tool_output_tokens: 0, output_tokens_per_turn: [], tool_output_tokens_per_turn: [] },
    total_tokens: input + output,
  }),
};
