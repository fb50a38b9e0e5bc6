/** Every numeric field that requests of a dialect and answers of a provider have, beside those of the recorded samples. */
export const requestNumbers = {
  "openai-chat": [
    "max_tokens",
    "max_completion_tokens",
    "n",
    "seed",
    "top_logprobs",
    "logprobs",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "priority",
    "max_latency_ms",
    "cost_budget",
    "quality_threshold",
    "tags",
    "metadata",
    "stop",
    "stream_options",
    "response_format",
    "service_tier",
    "functions",
  ],
  "anthropic-messages": ["top_k", "max_tokens", "stop_sequences", "thinking", "service_tier", "container", "mcp_servers", "priority", "cost_budget"],
  "openai-responses": [
    "max_output_tokens",
    "max_tool_calls",
    "top_logprobs",
    "reasoning",
    "text",
    "truncation",
    "include",
    "metadata",
    "previous_response_id",
    "priority",
    "prompt_cache_key",
  ],
} as const;

const logprob = { token: "x", logprob: -0.5, bytes: [120], top_logprobs: [{ token: "x", logprob: -0.5, bytes: null }] };
const chatUsage = {
  prompt_tokens: 5,
  completion_tokens: 3,
  total_tokens: 8,
  prompt_tokens_details: { cached_tokens: 1, cache_write_tokens: 1, image_tokens: 1, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 1, accepted_prediction_tokens: 0 },
};
const call = { index: 0, id: "t", type: "function", function: { name: "f", arguments: "{}" } };
const chat = { id: "c", created: 1, model: "m", usage: chatUsage, service_tier: "default" };
const chatAnswer = {
  ...chat,
  object: "chat.completion",
  choices: [{ index: 0, message: { role: "assistant", content: "x", tool_calls: [call] }, logprobs: { content: [logprob] }, finish_reason: "stop" }],
};
const chatEvent = {
  ...chat,
  object: "chat.completion.chunk",
  choices: [{ index: 0, delta: { role: "assistant", content: "x", tool_calls: [call] }, logprobs: { content: [logprob] }, finish_reason: "stop" }],
};
const messageUsage = {
  input_tokens: 5,
  output_tokens: 3,
  cache_read_input_tokens: 1,
  cache_creation_input_tokens: 1,
  output_tokens_details: { reasoning_tokens: 1, thinking_tokens: 1 },
  service_tier: "standard",
};
const message = { id: "m", type: "message", role: "assistant", model: "m", stop_reason: "end_turn", stop_sequence: null, usage: messageUsage };
const toolUse = { type: "tool_use", id: "t", name: "f", input: { a: 1 } };
const generated = {
  candidates: [
    {
      index: 0,
      content: { role: "model", parts: [{ text: "x" }, { functionCall: { name: "f", args: { a: 1 } }, thoughtSignature: "s" }] },
      finishReason: "STOP",
      avgLogprobs: -0.5,
      logprobsResult: {
        chosenCandidates: [{ token: "x", tokenId: 1, logProbability: -0.5 }],
        topCandidates: [{ candidates: [{ token: "x", logProbability: -0.5 }] }],
      },
    },
  ],
  usageMetadata: {
    promptTokenCount: 5,
    candidatesTokenCount: 3,
    thoughtsTokenCount: 1,
    totalTokenCount: 9,
    cachedContentTokenCount: 1,
    toolUsePromptTokenCount: 1,
    promptTokensDetails: [{ modality: "IMAGE", tokenCount: 1 }],
    trafficType: "ON_DEMAND",
  },
  responseId: "r",
};
const responseUsage = {
  input_tokens: 5,
  output_tokens: 3,
  total_tokens: 8,
  input_tokens_details: { cached_tokens: 1, cache_write_tokens: 1 },
  output_tokens_details: { reasoning_tokens: 1 },
};
const response = { id: "resp_1", object: "response", created_at: 1, status: "completed", output: [], usage: responseUsage };

/** By the format that is spoken: answers in one piece, and the events of a stream one after the other. */
export const answerSamples = {
  chat: { plain: [chatAnswer], stream: [chatEvent, { ...chatEvent, choices: [] }] },
  responses: {
    plain: [response],
    stream: [
      { type: "response.created", sequence_number: 0, response },
      { type: "response.output_text.delta", sequence_number: 1, output_index: 0, content_index: 0, delta: "x", logprobs: [logprob] },
      { type: "response.completed", sequence_number: 2, response },
    ],
  },
  messages: {
    plain: [{ ...message, content: [{ type: "text", text: "x" }, toolUse, { type: "thinking", thinking: "x", signature: "s" }] }],
    stream: [
      { type: "message_start", message: { ...message, content: [] } },
      { type: "content_block_start", index: 0, content_block: toolUse },
      { type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json: "{}" } },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "x" } },
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: messageUsage },
      { type: "message_stop" },
    ],
  },
  generated: { plain: [generated], stream: [generated, generated] },
  errors: [{ error: { message: "no", type: "server_error", code: 503, status: "UNAVAILABLE", details: [{ retryDelay: "1s" }] } }],
} as const;
