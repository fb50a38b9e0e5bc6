import Anthropic from "@anthropic-ai/sdk";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { HumanMessage } from "@langchain/core/messages";
import { tool as langchainTool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, jsonSchema, streamText, tool, type ToolSet } from "ai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fleetProviders, type LiveFleet, startLiveFleet } from "../support/live-fleet.ts";

/** Unmodified clients in front of the service, a mock of each provider behind it: every dialect of callers served by every provider. */
let live: LiveFleet;
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  live = await startLiveFleet();
  openai = new OpenAI({ baseURL: `${live.running.url}/v1`, apiKey: "sk-caller", maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: live.running.url, apiKey: "sk-caller", maxRetries: 0 });
});
afterAll(async () => live.close());

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const parameters = { type: "object" as const, properties: { city: { type: "string" as const } }, required: ["city"] };
const openAiTools: OpenAI.ChatCompletionTool[] = ["get_weather", "get_time"].map((name) => ({
  type: "function",
  function: { name, description: name, parameters },
}));
const anthropicTools: Anthropic.Tool[] = ["get_weather", "get_time"].map((name) => ({ name, description: name, input_schema: parameters }));

describe.each(fleetProviders)("openai (npm), served by %s", (model) => {
  test("chat, with who served it and what it cost", async () => {
    const { data, response } = await openai.chat.completions
      .create({
        model,
        max_tokens: 5,
        messages: [
          { role: "system", content: "be brief" },
          { role: "user", content: "one two three" },
        ],
      })
      .withResponse();
    expect(data.choices[0]?.message.content).toMatch(/^( word){1,5}$/);
    expect(data.usage).toMatchObject({ prompt_tokens: 5, total_tokens: 5 + (data.usage?.completion_tokens ?? 0) });
    expect(response.headers.get("x-headgate-deployment")).toBe(model);
    expect(Number(response.headers.get("x-headgate-cost-usd"))).toBeGreaterThan(0);
  });

  test("a stream, with its usage", async () => {
    const stream = await openai.chat.completions.create({
      model,
      max_tokens: 4,
      messages: [{ role: "user", content: "one two" }],
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage: OpenAI.CompletionUsage | null = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    expect(text).toMatch(/^( word){1,4}$/);
    expect(usage).toMatchObject({ prompt_tokens: 2 });
  });

  test.each(["plain", "streamed"])("two tools side by side, then their results (%s)", async (how) => {
    const question = { role: "user" as const, content: "weather and time?" };
    const body = { model, tools: openAiTools, messages: [question] };
    const first =
      how === "plain" ? await openai.chat.completions.create(body) : await openai.chat.completions.stream({ ...body, stream: true }).finalChatCompletion();
    const message = first.choices[0]?.message;
    expect(first.choices[0]?.finish_reason).toBe("tool_calls");
    const calls = (message?.tool_calls ?? []).flatMap((call) => (call.type === "function" ? call : []));
    expect(calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)])).toEqual([
      ["get_weather", { city: "word" }],
      ["get_time", { city: "word" }],
    ]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    const results = calls.map(({ id }) => ({ role: "tool" as const, tool_call_id: id, content: "it rains" }));
    const second = await openai.chat.completions.create({
      ...body,
      max_tokens: 3,
      messages: [question, { role: "assistant", content: null, tool_calls: calls }, ...results],
    });
    expect(second.choices[0]?.message.content).toMatch(/^( word){1,3}$/);
  });

  test("a picture", async () => {
    const content: OpenAI.ChatCompletionContentPart[] = [
      { type: "text", text: "what is this" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } },
    ];
    const answer = await openai.chat.completions.create({ model, max_tokens: 2, messages: [{ role: "user", content }] });
    expect(answer.usage?.prompt_tokens).toBe(3);
  });

  test("a bad request is a bad request", async () => {
    await expect(openai.chat.completions.create({ model, messages: [] })).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });

  test("an abort ends the stream at once", async () => {
    const stream = await openai.chat.completions.create({ model, max_tokens: 1000, messages: [{ role: "user", content: "one" }], stream: true });
    let count = 0;
    for await (const _chunk of stream) if ((count += 1) === 2) break;
    expect(stream.controller.signal.aborted).toBe(true);
  });
});

/** OpenAI's and Azure's own pass as they are, and their mocks have none. */
const translatesResponses = fleetProviders.filter((model) => model !== "openai" && model !== "azure");

test.each(translatesResponses)("responses of openai (npm), served by %s, plain and streamed", async (model) => {
  const body = { model, input: "one two three", max_output_tokens: 16 };
  const answer = await openai.responses.create(body);
  expect(answer.output_text).toMatch(/^( word)+$/);
  expect(answer.usage?.input_tokens).toBe(3);
  const streamed = await openai.responses.stream(body).finalResponse();
  expect(streamed.output_text).toMatch(/^( word)+$/);
});

describe.each(fleetProviders)("@anthropic-ai/sdk (npm), served by %s", (model) => {
  test("a message", async () => {
    const { data, response } = await anthropic.messages
      .create({ model, max_tokens: 5, system: "be brief", messages: [{ role: "user", content: "one two three" }] })
      .withResponse();
    expect(data.content[0]).toMatchObject({ type: "text", text: expect.stringMatching(/^( word){1,5}$/) });
    expect(data.usage.input_tokens).toBe(5);
    expect(response.headers.get("x-headgate-deployment")).toBe(model);
  });

  test("a stream", async () => {
    const stream = anthropic.messages.stream({ model, max_tokens: 4, messages: [{ role: "user", content: "one two" }] });
    const deltas: string[] = [];
    stream.on("text", (text) => deltas.push(text));
    const message = await stream.finalMessage();
    expect(deltas.join("")).toMatch(/^( word){1,4}$/);
    expect(message.usage.output_tokens).toBe(deltas.join("").trim().split(" ").length);
    expect(["end_turn", "max_tokens"]).toContain(message.stop_reason);
  });

  test.each(["plain", "streamed"])("two tools side by side, then their results (%s)", async (how) => {
    const question = { role: "user" as const, content: "weather and time?" };
    const body = { model, max_tokens: 50, tools: anthropicTools, messages: [question] };
    const first = how === "plain" ? await anthropic.messages.create(body) : await anthropic.messages.stream(body).finalMessage();
    expect(first.stop_reason).toBe("tool_use");
    const calls = first.content.flatMap((block) => (block.type === "tool_use" ? block : []));
    expect(calls.map(({ name, input }) => [name, input])).toEqual([
      ["get_weather", { city: "word" }],
      ["get_time", { city: "word" }],
    ]);
    const results = calls.map(({ id }) => ({ type: "tool_result" as const, tool_use_id: id, content: "it rains" }));
    const second = await anthropic.messages.create({
      ...body,
      messages: [question, { role: "assistant", content: first.content }, { role: "user", content: results }],
    });
    expect(second.content[0]?.type).toBe("text");
  });

  test("a picture", async () => {
    const source = { type: "base64" as const, media_type: "image/png" as const, data: png };
    const content: Anthropic.ContentBlockParam[] = [
      { type: "text", text: "what is this" },
      { type: "image", source },
    ];
    const answer = await anthropic.messages.create({ model, max_tokens: 2, messages: [{ role: "user", content }] });
    expect(answer.usage.input_tokens).toBe(3);
  });

  test("errors are Anthropic's", async () => {
    await expect(anthropic.messages.create({ model, max_tokens: 5, messages: [] })).rejects.toMatchObject({ status: 400, type: "invalid_request_error" });
    await expect(anthropic.messages.create({ model: "nope", max_tokens: 5, messages: [{ role: "user", content: "x" }] })).rejects.toMatchObject({
      status: 404,
      type: "not_found_error",
    });
  });

  test("an abort ends the stream at once", async () => {
    const stream = await anthropic.messages.create({ model, max_tokens: 1000, messages: [{ role: "user", content: "one" }], stream: true });
    let count = 0;
    for await (const _event of stream) if ((count += 1) === 4) break;
    expect(stream.controller.signal.aborted).toBe(true);
  });
});

describe("models, in both clients' shapes", () => {
  test("openai", async () => {
    const listed = await openai.models.list();
    expect(listed.data.map(({ id }) => id)).toEqual([...fleetProviders]);
  });
  test("anthropic", async () => {
    const listed = await anthropic.models.list();
    expect(listed.data.map(({ id }) => id)).toEqual([...fleetProviders]);
    const counted = await anthropic.messages.countTokens({ model: "vllm", messages: [{ role: "user", content: "one two three" }] });
    expect(counted.input_tokens).toBeGreaterThan(0);
  });
});

describe.each(fleetProviders)("Vercel ai (npm), served by %s", (provider) => {
  const weather = tool({ description: "the weather", inputSchema: jsonSchema<{ city: string }>({ ...parameters, additionalProperties: false }) });
  // Its types do not hold under exactOptionalPropertyTypes.
  const tools = { weather } as unknown as ToolSet;
  const models = () => [
    createOpenAI({ baseURL: `${live.running.url}/v1`, apiKey: "sk-caller" }).chat(provider),
    createAnthropic({ baseURL: `${live.running.url}/v1`, apiKey: "sk-caller" })(provider),
  ];

  test("text, a stream and a tool, as OpenAI's and as Anthropic's provider", async () => {
    for (const model of models()) {
      const { text, usage } = await generateText({ model, prompt: "one two three", maxOutputTokens: 5, maxRetries: 0 });
      expect(text).toMatch(/^( ?word)( word){0,4}$/);
      expect(usage.inputTokens).toBe(3);
      const streamed = streamText({ model, prompt: "one two", maxOutputTokens: 4, maxRetries: 0 });
      let said = "";
      for await (const piece of streamed.textStream) said += piece;
      expect(said.trim()).toMatch(/^word( word){0,3}$/);
      const called = await generateText({ model, prompt: "weather?", tools, maxRetries: 0 });
      expect(called.toolCalls.map(({ toolName, input }) => [toolName, input])).toEqual([["weather", { city: "word" }]]);
    }
  });

  test("errors and aborts", async () => {
    for (const model of models()) {
      await expect(generateText({ model, messages: [{ role: "user", content: "x" }], abortSignal: AbortSignal.abort(), maxRetries: 0 })).rejects.toThrow();
    }
    const nope = createOpenAI({ baseURL: `${live.running.url}/v1`, apiKey: "sk-caller" }).chat("nope");
    await expect(generateText({ model: nope, prompt: "x", maxRetries: 0 })).rejects.toMatchObject({ statusCode: 404 });
  });
});

describe.each(fleetProviders)("LangChain.js (npm), served by %s", (provider) => {
  const chat = () =>
    new ChatOpenAI({ model: provider, apiKey: "sk-caller", maxRetries: 0, maxTokens: 5, configuration: { baseURL: `${live.running.url}/v1` } });

  test("a message, a stream, a tool", async () => {
    const answer = await chat().invoke([new HumanMessage("one two three")]);
    expect(answer.text).toMatch(/word/);
    expect(answer).toMatchObject({ usage_metadata: { input_tokens: 3 } });
    let said = "";
    for await (const chunk of await chat().stream("one two")) said += chunk.text;
    expect(said.trim()).toMatch(/^word( word){0,4}$/);
    const weather = langchainTool(() => "rain", { name: "get_weather", description: "the weather", schema: parameters });
    const called = await chat().bindTools([weather]).invoke("weather?");
    expect(called.tool_calls?.map(({ name, args }) => [name, args])).toEqual([["get_weather", { city: "word" }]]);
  });

  test("an error", async () => {
    const nope = new ChatOpenAI({ model: "nope", apiKey: "sk-caller", maxRetries: 0, configuration: { baseURL: `${live.running.url}/v1` } });
    await expect(nope.invoke("x")).rejects.toMatchObject({ status: 404 });
  });
});
