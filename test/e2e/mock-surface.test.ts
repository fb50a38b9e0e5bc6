import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { AzureOpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LiveFleet, startLiveFleet } from "../support/live-fleet.ts";

/** What the mocks serve beside chats: unmodified clients, at the mocks themselves and through the service in front of them. */
let live: LiveFleet;

beforeAll(async () => {
  live = await startLiveFleet();
});
afterAll(async () => live.close());

const originOf = (provider: string): string => live.origins[provider]?.[0] ?? "";
const routed = (): OpenAI => new OpenAI({ baseURL: `${live.running.url}/v1`, apiKey: "sk-caller", maxRetries: 0 });
const openAiAt = (provider: string, path = "/v1"): OpenAI => new OpenAI({ baseURL: `${originOf(provider)}${path}`, apiKey: "k", maxRetries: 0 });
const azure = (deployment: string): AzureOpenAI =>
  new AzureOpenAI({ endpoint: originOf("azure"), deployment, apiKey: "k", apiVersion: "2024-10-21", maxRetries: 0 });
const parameters = { type: "object", properties: { city: { type: "string", enum: ["Paris", "Rome"] } }, required: ["city"] };

interface Way {
  readonly name: string;
  readonly client: () => OpenAI;
  readonly model: string;
}
const throughService = (model: string): Way => ({ name: `${model}, through the service`, client: routed, model });
const openAi: Way = { name: "openai", client: () => openAiAt("openai"), model: "openai-model" };
const vllm: Way = { name: "vllm", client: () => openAiAt("vllm"), model: "vllm-model" };
const azureDeployment: Way = { name: "azure, by deployment", client: () => azure("azure-model"), model: "azure-model" };

describe.each([openAi, vllm, azureDeployment, ...["openai", "vllm", "azure"].map(throughService)])("completions: $name", ({ client, model }) => {
  test("plain, of two prompts and two answers each", async () => {
    const answer = await client().completions.create({ model, prompt: ["one two three", "four"], n: 2, max_tokens: 3 });
    expect(answer.object).toBe("text_completion");
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 4 });
    expect(answer.choices[0]?.text).toMatch(/^( word){1,3}$/);
  });

  test("a stream, with its usage", async () => {
    const stream = await client().completions.create({ model, prompt: "one two", max_tokens: 4, stream: true, stream_options: { include_usage: true } });
    let text = "";
    let finish: string | null = null;
    let usage: OpenAI.CompletionUsage | null | undefined = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? "";
      finish ??= chunk.choices[0]?.finish_reason ?? null;
      usage = chunk.usage ?? usage;
    }
    expect(text).toMatch(/^( word){1,4}$/);
    expect(["length", "stop"]).toContain(finish);
    expect(usage).toMatchObject({ prompt_tokens: 2, completion_tokens: text.length / " word".length });
  });

  test("a stop string ends it", async () => {
    const answer = await client().completions.create({ model, prompt: "#3 two", max_tokens: 9, stop: "rd wo" });
    expect(answer.choices[0]).toMatchObject({ text: " wo", finish_reason: "stop" });
  });

  test("without a prompt it is a bad request", async () => {
    await expect(client().completions.create({ model } as never)).rejects.toMatchObject({ status: 400 });
  });
});

describe.each([openAi, azureDeployment, ...["openai", "azure"].map(throughService)])("embeddings: $name", ({ client, model }) => {
  test("one vector for each text, the same for the same text", async () => {
    const answer = await client().embeddings.create({ model, input: ["one two", "three", "one two"], dimensions: 16, encoding_format: "float" });
    const [first, second, third] = answer.data.map(({ embedding }) => embedding);
    expect(first).toHaveLength(16);
    expect(third).toEqual(first);
    expect(second).not.toEqual(first);
    expect(answer.usage).toEqual({ prompt_tokens: 5, total_tokens: 5 });
  });

  test("in base64, as the client asks for it by itself", async () => {
    const told = await client().embeddings.create({ model, input: "one two" });
    const plain = await client().embeddings.create({ model, input: "one two", encoding_format: "float" });
    const close = (told.data[0]?.embedding ?? []).map((value, place) => Math.abs(value - (plain.data[0]?.embedding[place] ?? Infinity)));
    expect(Math.max(...close)).toBeLessThan(1e-6);
  });
});

const azureVersioned: Way = { name: "azure, under /openai/v1", client: () => openAiAt("azure", "/openai/v1"), model: "azure-model" };

describe.each([openAi, azureVersioned, vllm, ...["openai", "azure", "vllm"].map(throughService)])("responses: $name", ({ client, model }) => {
  test("plain", async () => {
    const answer = await client().responses.create({ model, input: "one two three", max_output_tokens: 4 });
    expect(answer).toMatchObject({ object: "response", usage: { input_tokens: 3 } });
    expect(answer.output_text).toMatch(/^( word){1,4}$/);
    expect(["completed", "incomplete"]).toContain(answer.status);
  });

  test("a stream: its events in order, numbered, to the whole response", async () => {
    const stream = await client().responses.create({ model, input: [{ role: "user", content: "one two" }], max_output_tokens: 3, stream: true });
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    for await (const event of stream) events.push(event);
    const kinds = events.map(({ type }) => type).filter((type, place, all) => type !== all[place - 1]);
    expect(kinds.slice(0, 6)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
    ]);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, place) => place));
    const last = events.at(-1);
    const text = events.flatMap((event) => (event.type === "response.output_text.delta" ? event.delta : [])).join("");
    expect(last).toMatchObject({ type: expect.stringMatching(/^response\.(completed|incomplete)$/), response: { output: [{ content: [{ text }] }] } });
  });

  test("tools are called side by side, and heard", async () => {
    const tools: OpenAI.Responses.FunctionTool[] = ["get_weather", "get_time"].map((name) => ({ type: "function", name, parameters, strict: true }));
    const answer = await client().responses.create({ model, input: "weather", tools });
    const calls = answer.output.filter((item) => item.type === "function_call");
    expect(calls.map(({ name, arguments: json }) => [name, JSON.parse(json)])).toEqual([
      ["get_weather", { city: "Paris" }],
      ["get_time", { city: "Paris" }],
    ]);
    const heard = calls.map(({ call_id }) => ({ type: "function_call_output" as const, call_id, output: "12" }));
    const next = await client().responses.create({ model, input: [{ role: "user", content: "weather" }, ...calls, ...heard], tools, max_output_tokens: 3 });
    expect(next.output_text).toMatch(/^( word){1,3}$/);
  });
});

describe("what else the mocks count and serve", () => {
  test.each(["anthropic", "vllm"])("%s: tokens of a message before it is sent", async (provider) => {
    const client = new Anthropic({ baseURL: originOf(provider), apiKey: "k", maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "one two three" }];
    expect(await client.messages.countTokens({ model: `${provider}-model`, system: "be brief", messages })).toMatchObject({ input_tokens: 5 });
    await expect(client.messages.countTokens({ model: "zzz", messages })).rejects.toMatchObject({ status: 404 });
  });

  test("vllm: messages, with a stop sequence", async () => {
    const client = new Anthropic({ baseURL: originOf("vllm"), apiKey: "k", maxRetries: 0 });
    const body = { model: "vllm-model", max_tokens: 6, messages: [{ role: "user" as const, content: "#3 two" }] };
    const streamed = await client.messages.stream(body).finalMessage();
    expect(streamed.content[0]).toMatchObject({ type: "text", text: expect.stringMatching(/^( word){1,6}$/) });
    const stopped = await client.messages.create({ ...body, stop_sequences: ["or"] });
    expect(stopped).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "or", content: [{ text: " w" }] });
  });

  test("a chat's answer in the form of its schema, token by token with their probabilities, two of them", async () => {
    const answer = await openAiAt("openai").chat.completions.create({
      model: "openai-model",
      n: 2,
      logprobs: true,
      top_logprobs: 2,
      max_tokens: 2,
      messages: [{ role: "user", content: "one" }],
    });
    expect(answer.choices).toHaveLength(2);
    expect(answer.choices[1]?.logprobs?.content?.[0]).toMatchObject({ token: " word", top_logprobs: [{ token: " word" }, {}] });
    const shaped = await openAiAt("vllm").chat.completions.create({
      model: "vllm-model",
      messages: [{ role: "user", content: "one" }],
      response_format: { type: "json_schema", json_schema: { name: "weather", schema: parameters } },
    });
    expect(JSON.parse(shaped.choices[0]?.message.content ?? "")).toEqual({ city: "Paris" });
  });

  test("vllm: the second prompt that begins alike is read from the cache, and its counters say so", async () => {
    const words = Array.from({ length: 100 }, (_, place) => `w${place}`).join(" ");
    const ask = async (end: string): Promise<OpenAI.CompletionUsage | undefined> =>
      (await openAiAt("vllm").chat.completions.create({ model: "vllm-model", max_tokens: 1, messages: [{ role: "user", content: `${words} ${end}` }] })).usage;
    const hits = async (): Promise<number> => {
      const text = await (await fetch(`${originOf("vllm")}/metrics`)).text();
      return Number(/^vllm:prefix_cache_hits_total\{[^}]*\} (\S+)$/m.exec(text)?.[1]);
    };
    const before = await hits();
    expect((await ask("a"))?.prompt_tokens_details).toMatchObject({ cached_tokens: 0 });
    expect((await ask("b"))?.prompt_tokens_details).toMatchObject({ cached_tokens: 96 });
    expect(await hits()).toBe(before + 96);
  });
});
