import { expect, test } from "vitest";
import { adapterFor } from "../../router/providers/registry.ts";
import { bodyText, callerRequest, encodedBy, someTarget } from "../support/caller.ts";
import type { ToldDialect } from "../support/told.ts";

/** The table of docs/providers.md, row by row: a field is refused by name, or left out and said so, or means the same. */
const bases: Readonly<Record<ToldDialect, object>> = {
  "openai-chat": { model: "chat", messages: [{ role: "user", content: "x" }] },
  "anthropic-messages": { model: "chat", max_tokens: 5, messages: [{ role: "user", content: "x" }] },
  "openai-responses": { model: "chat", input: "x" },
};
const tool = { type: "function", function: { name: "f", parameters: { type: "object" } } };
const user = (part: object) => ({ messages: [{ role: "user", content: [part] }] });
const pdf = "data:application/pdf;base64,JVBERi0=";

type Row = readonly [dialect: ToldDialect, provider: string, fields: object, expected: string];
const refused = (field: string): string => `refused ${field}`;
const dropped = (...fields: string[]): string => `dropped ${fields.join(", ")}`;
const meant = "translated";

const rows: readonly Row[] = [
  ["openai-chat", "anthropic", { n: 2 }, refused("n")],
  ["openai-chat", "vertex", { n: 2 }, meant],
  ["openai-chat", "anthropic", { logprobs: true }, refused("logprobs")],
  ["openai-chat", "vertex", { logprobs: true, top_logprobs: 3 }, meant],
  ["openai-chat", "anthropic", { response_format: { type: "json_object" } }, refused("response_format")],
  ["openai-chat", "vertex", { response_format: { type: "json_object" } }, meant],
  ["openai-chat", "anthropic", { response_format: { type: "json_schema", json_schema: { name: "a", schema: {} } } }, meant],
  ["openai-chat", "vertex", { response_format: { type: "json_schema", json_schema: { name: "a", schema: {} } } }, meant],
  ["openai-chat", "anthropic", { functions: [] }, refused("functions")],
  ["openai-chat", "vertex", { audio: { voice: "x" } }, refused("audio")],
  ["openai-chat", "vertex", { web_search_options: {} }, refused("web_search_options")],
  ["openai-chat", "vertex", { modalities: ["text", "audio"] }, refused("modalities")],
  ["openai-chat", "anthropic", user({ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }), refused("messages")],
  ["openai-chat", "vertex", user({ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }), meant],
  ["openai-chat", "anthropic", user({ type: "file", file: { filename: "a.pdf", file_data: pdf } }), meant],
  ["openai-chat", "vertex", user({ type: "file", file: { filename: "a.pdf", file_data: pdf } }), meant],
  ["openai-chat", "anthropic", user({ type: "file", file: { file_id: "file-1" } }), refused("messages[0].content[0].file")],
  ["openai-chat", "vertex", user({ type: "image_url", image_url: { url: "https://x/y" } }), refused("messages")],
  ["openai-chat", "vertex", user({ type: "image_url", image_url: { url: "https://x/y.png?z=1" } }), meant],
  ["openai-chat", "anthropic", { seed: 1, presence_penalty: 0.5, frequency_penalty: 0.5 }, dropped("seed", "presence_penalty", "frequency_penalty")],
  ["openai-chat", "vertex", { seed: 1, presence_penalty: 0.5, frequency_penalty: 0.5 }, meant],
  ["openai-chat", "anthropic", { temperature: 1.5 }, dropped("temperature (above 1)")],
  ["openai-chat", "vertex", { user: "u" }, dropped("user")],
  ["openai-chat", "anthropic", { user: "u" }, meant],
  ["openai-chat", "vertex", { tools: [tool], parallel_tool_calls: false }, dropped("parallel_tool_calls")],
  ["openai-chat", "anthropic", { tools: [tool], parallel_tool_calls: false }, meant],
  ["openai-chat", "anthropic", { logit_bias: { 1: 2 }, brand_new: 1 }, dropped("logit_bias", "brand_new")],
  ["openai-chat", "vertex", { reasoning_effort: "low", service_tier: "flex" }, dropped("reasoning_effort", "service_tier")],
  ["openai-chat", "anthropic", { tools: [{ type: "custom", custom: { name: "x" } }] }, refused("tools[0].type")],
  ["openai-chat", "vertex", { messages: [{ role: "tool", tool_call_id: "unknown", content: "x" }] }, refused("messages")],
  ["openai-chat", "vertex", { messages: "x" }, refused("messages")],
  ["openai-chat", "vertex", { temperature: "hot" }, refused("temperature")],
  ["anthropic-messages", "openai", { tools: [{ type: "web_search_20250305", name: "web_search" }] }, refused("tools[0].type")],
  ["anthropic-messages", "vllm", { mcp_servers: [{}] }, refused("mcp_servers")],
  ["anthropic-messages", "vertex", { container: "c" }, refused("container")],
  ["anthropic-messages", "openai", user({ type: "document", source: { type: "url", url: "https://x/y.pdf" } }), refused("messages[0].content[0].source")],
  ["anthropic-messages", "openai", { thinking: { type: "enabled", budget_tokens: 1024 } }, dropped("thinking")],
  ["anthropic-messages", "vertex", { output_config: { effort: "low" } }, dropped("output_config.effort")],
  ["anthropic-messages", "openai", { top_k: 5 }, dropped("top_k")],
  ["anthropic-messages", "vllm", { top_k: 5 }, meant],
  ["anthropic-messages", "vertex", { top_k: 5 }, meant],
  ["anthropic-messages", "openai", user({ type: "text", text: "x", cache_control: { type: "ephemeral" } }), meant],
  ["openai-responses", "vllm", { previous_response_id: "resp_1" }, refused("previous_response_id")],
  ["openai-responses", "anthropic", { background: true }, refused("background")],
  ["openai-responses", "vertex", { tools: [{ type: "web_search" }] }, refused("tools[0].type")],
  ["openai-responses", "anthropic", { reasoning: { effort: "low" }, include: ["x"] }, dropped("reasoning", "include")],
  ["openai-responses", "anthropic", { store: true }, dropped("store")],
  ["openai-responses", "anthropic", { store: false, background: false }, meant],
];

test.each(rows)("%s to %s: %j is %s", (dialect, provider, fields, expected) => {
  const encoded = adapterFor(provider).encode(callerRequest(dialect, { ...bases[dialect], ...fields }), someTarget);
  const told = encoded.kind === "refused" ? refused(encoded.field) : encoded.dropped.length > 0 ? dropped(...encoded.dropped) : encoded.mode;
  expect(told).toBe(expected);
});

test("pictures in a tool's result stand in the user's message where a result can only be text", () => {
  const picture = { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } };
  const messages = [
    { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "look", input: {} }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "seen" }, picture] }] },
  ];
  const encoded = encodedBy(adapterFor("openai"), callerRequest("anthropic-messages", { model: "chat", max_tokens: 5, messages }));
  const sent = JSON.parse(bodyText(encoded)) as { messages: unknown[] };
  expect(sent.messages.slice(1)).toEqual([
    { role: "tool", tool_call_id: "t1", content: "seen" },
    { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }] },
  ]);
});
