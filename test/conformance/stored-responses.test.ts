import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recentThingsMax } from "../../simulator/mock/recent-things.ts";
import { type MockFleet, startMockFleet } from "../../simulator/mock/mock-fleet.ts";
import { smallHosted, smallScenario } from "../support/small-scenario.ts";

/**
 * Stored responses as OpenAI's reference shows them (retrieve, delete, list input items), written by hand after it and held to the types of npm `openai`: what the mock says has every
 * field of these, of the same kind.
 */
const response = {
  id: "resp_67ccd3a9da748190baa7f1570fe91ac604becb25c45c1d41",
  object: "response",
  created_at: 1_741_476_777,
  status: "completed",
  background: false,
  error: null,
  incomplete_details: null,
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  model: "gpt-4o-2024-08-06",
  output: [
    {
      type: "message",
      id: "msg_67ccd3acc8d48190a77525dc6de64b4104becb25c45c1d41",
      status: "completed",
      role: "assistant",
      content: [{ type: "output_text", text: "The image depicts a boardwalk.", annotations: [], logprobs: [] }],
    },
  ],
  parallel_tool_calls: true,
  previous_response_id: null,
  reasoning: { effort: null, summary: null },
  safety_identifier: null,
  service_tier: "default",
  temperature: 1,
  text: { format: { type: "text" }, verbosity: "medium" },
  tool_choice: "auto",
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: "disabled",
  usage: {
    input_tokens: 328,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: 52,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 380,
  },
  metadata: {},
} satisfies Omit<OpenAI.Responses.Response, "output_text" | "access_programs">;
const items = {
  object: "list",
  data: [
    {
      id: "msg_abc123",
      type: "message",
      role: "user",
      status: "completed",
      content: [{ type: "input_text", text: "Tell me a three sentence bedtime story about a unicorn." }],
    },
  ],
  first_id: "msg_abc123",
  last_id: "msg_abc123",
  has_more: false,
} satisfies OpenAI.Responses.ResponseItemList;
const deleted = { id: "resp_6786a1bec27481909a17d673315b29f6", object: "response", deleted: true };

let fleet: MockFleet;
beforeAll(async () => {
  const scenario = smallScenario(["openai", "azure"].map((name) => ({ name, provider: name, model: "m", replicas: [smallHosted] })));
  fleet = await startMockFleet(scenario, { file: "test", seed: 1, host: "127.0.0.1", ports: "ephemeral" });
});
afterAll(async () => fleet.close());

const bases = { openai: "/v1", azure: "/openai/v1" };

describe.each(["openai", "azure"] as const)("%s", (provider) => {
  const base = (): string => `${fleet.origins[provider]?.[0] ?? ""}${bases[provider]}`;
  const client = (apiKey = "one"): OpenAI => new OpenAI({ baseURL: base(), apiKey, maxRetries: 0 });
  const raw = async (method: string, path: string): Promise<unknown> =>
    (await fetch(`${base()}/responses/${path}`, { method, headers: { authorization: "Bearer one" } })).json();
  const ask = async (body: Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming> = {}, apiKey = "one") =>
    client(apiKey).responses.create({ model: "m", input: "tell me", max_output_tokens: 3, ...body });

  test("a response, its items and its end have every field of the reference's, of its kind", async () => {
    const { id } = await ask();
    expect(kindsLike(await raw("GET", id), response)).toEqual(kindsLike(response, response));
    expect(kindsLike(await raw("GET", `${id}/input_items`), items)).toEqual(kindsLike(items, items));
    expect(kindsLike(await raw("DELETE", id), deleted)).toEqual(kindsLike(deleted, deleted));
    expect(await raw("GET", id)).toEqual({ error: { message: `Response with id '${id}' not found.`, type: "invalid_request_error", param: null, code: null } });
  });

  test("what is retrieved is what was answered, of a stream too", async () => {
    const { output_text: text, ...answer } = await ask({ metadata: { who: "me" } });
    expect(await raw("GET", answer.id)).toEqual(answer);
    const stream = await client().responses.create({ model: "m", input: "tell me", max_output_tokens: 3, stream: true });
    let last: OpenAI.Responses.Response | null = null;
    for await (const event of stream) if (event.type === "response.completed" || event.type === "response.incomplete") last = event.response;
    expect(await raw("GET", last?.id ?? "")).toEqual(last);
    expect(text).not.toBe("");
  });

  test("it is gone on with: the whole conversation counts, and is listed, page by page", async () => {
    const first = await ask({ input: "one two three", instructions: "be brief" });
    expect(first.usage?.input_tokens).toBe(5);
    const second = await ask({ previous_response_id: first.id, input: [{ role: "user", content: "four" }] });
    // Instructions are not carried over.
    expect(second).toMatchObject({ previous_response_id: first.id, usage: { input_tokens: 4 + (first.usage?.output_tokens ?? 0) } });
    await client().responses.delete(first.id);
    const third = await ask({ previous_response_id: second.id, input: "five" });
    const listed: (string | undefined)[] = [];
    for await (const item of client().responses.inputItems.list(third.id, { order: "asc", limit: 2 })) listed.push("role" in item ? item.role : item.type);
    expect(listed).toEqual(["user", "assistant", "user", "assistant", "user"]);
    const newest = await client().responses.inputItems.list(third.id, { limit: 1 });
    expect(newest.data).toMatchObject([{ role: "user", content: [{ type: "input_text", text: "five" }] }]);
    expect(newest.has_more).toBe(true);
  });

  test("calls of functions are kept with what was heard of them", async () => {
    const tools: OpenAI.Responses.FunctionTool[] = [{ type: "function", name: "now", parameters: { type: "object", properties: {} }, strict: true }];
    const first = await ask({ input: "what time", tools });
    const [call] = first.output;
    const heard = { type: "function_call_output" as const, call_id: call?.type === "function_call" ? call.call_id : "", output: "noon" };
    const second = await ask({ previous_response_id: first.id, input: [heard], tools });
    expect(second.output[0]).toMatchObject({ type: "message" });
    const { data } = await client().responses.inputItems.list(second.id, { order: "asc" });
    expect(data.map(({ type }) => type)).toEqual(["message", "function_call", "function_call_output"]);
  });

  test("one that is not kept, another key's, deleted or unknown is not there", async () => {
    const unkept = await ask({ store: false });
    const others = await ask({}, "another key");
    for (const id of [unkept.id, others.id, "resp_unknown"]) {
      await expect(client().responses.retrieve(id)).rejects.toMatchObject({ status: 404, type: "invalid_request_error" });
      await expect(client().responses.delete(id)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
      const next = ask({ previous_response_id: id });
      await expect(next).rejects.toMatchObject({ status: 400, code: "previous_response_not_found", param: "previous_response_id" });
    }
    expect((await client("another key").responses.retrieve(others.id)).id).toBe(others.id);
  });

  test("what cannot be done is told", async () => {
    const { id } = await ask();
    await expect(ask({ background: true })).rejects.toMatchObject({ status: 400 });
    await expect(client().responses.cancel(id)).rejects.toMatchObject({ status: 400 });
    await expect(client().responses.retrieve(id, { stream: true })).rejects.toMatchObject({ status: 400, param: "stream" });
    await expect(client().responses.inputItems.list(id, { limit: 1000 })).rejects.toMatchObject({ status: 400, param: "limit" });
    await expect(client().responses.inputItems.list(id, { after: "msg_no" })).rejects.toMatchObject({ status: 400, param: "after" });
  });
});

test("the last thousand are kept, the oldest is forgotten", async () => {
  const client = new OpenAI({ baseURL: `${fleet.origins["openai"]?.[0] ?? ""}/v1`, apiKey: "many", maxRetries: 0 });
  const ask = async () => client.responses.create({ model: "m", input: "hi", max_output_tokens: 1 });
  const first = await ask();
  const second = await ask();
  for (let left = recentThingsMax - 1; left > 0; left -= 100) await Promise.all(Array.from({ length: Math.min(100, left) }, ask));
  await expect(client.responses.retrieve(first.id)).rejects.toMatchObject({ status: 404 });
  expect((await client.responses.retrieve(second.id)).id).toBe(second.id);
});

/** What kind of thing stands at each of the sample's fields; the value itself where it is a constant of the API. */
function kindsLike(value: unknown, sample: unknown): unknown {
  if (Array.isArray(sample)) return Array.isArray(value) ? sample.map((item, place) => kindsLike(value[place], item)) : typeof value;
  if (typeof sample === "object" && sample !== null) {
    const fields = (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
    return Object.fromEntries(Object.entries(sample).map(([key, inner]) => [key, key in fields ? kindOf(key, fields[key], inner) : "absent"]));
  }
  return typeof value;
}

const constants = new Set(["object", "type", "role", "deleted"]);
/** Where the sample has nothing a value may stand, and where the mock has none. */
function kindOf(key: string, value: unknown, sample: unknown): unknown {
  if (constants.has(key)) return value;
  return value === null || sample === null ? "there" : kindsLike(value, sample);
}
