/** Several answers to one call are several sequences in the mock's engine, as in vLLM's: load, times, tokens and counters. What is told of cached tokens was seen at a real 0.32 server. */
import { describe, expect, test } from "vitest";
import { until } from "../support/loop-time.ts";
import { patienceMs, SlowMock, valueIn } from "../support/slow-mock.ts";

const untilTrue = async (holds: () => boolean | Promise<boolean>): Promise<void> => until(holds, patienceMs);

interface Told {
  readonly choices: readonly { readonly index: number; readonly finish_reason: string }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number; readonly prompt_tokens_details: { readonly cached_tokens: number } };
}
interface Chunk {
  readonly choices: readonly { readonly index: number; readonly finish_reason: string | null }[];
  readonly usage?: Told["usage"];
}

const chatPath = "/v1/chat/completions";
let drawn = 0;
/** Words that no other prompt begins with. */
const words = (count: number): string => Array.from({ length: count }, () => `w${(drawn += 1)}`).join(" ");
const chat = (content: string, more: object) => ({ messages: [{ role: "user", content }], temperature: 1, ignore_eos: true, ...more });
const told = async (mock: SlowMock, path: string, body: object): Promise<Told> => (await (await mock.post(path, body)).json()) as Told;
const chunksOf = (text: string): readonly Chunk[] => [...text.matchAll(/^data: (\{.*)$/gm)].map((match) => JSON.parse(match[1] ?? "") as Chunk);

test("three answers to a chat: one call, three sequences; the prompt counts once for the caller and thrice for the engine, which computes it once", async () => {
  const mock = await SlowMock.start();
  // 400 words and the template's 12 tokens: 12 whole blocks of 32.
  const call = mock.call(chatPath, chat(words(400), { n: 3, max_tokens: 20 }));
  await mock.untilMetric("vllm:num_requests_running", 3);
  expect(await mock.load()).toBe(1);
  await untilTrue(() => call.received.endsWith("}"));
  const { choices, usage } = JSON.parse(call.received.slice(call.received.indexOf("\r\n\r\n") + 4)) as Told;
  expect(choices.map(({ index, finish_reason }) => [index, finish_reason])).toEqual([0, 1, 2].map((index) => [index, "length"]));
  expect(usage).toMatchObject({ prompt_tokens: 412, completion_tokens: 60, prompt_tokens_details: { cached_tokens: 384, created_cache_tokens: 0 } });
  const text = await mock.metrics();
  const counted = {
    'vllm:request_success_total{finished_reason="length"}': 3,
    "vllm:prompt_tokens_total": 3 * 412,
    "vllm:prefix_cache_hits_total": 2 * 384,
    "vllm:generation_tokens_total": 60,
    "vllm:time_to_first_token_seconds_count": 3,
    "vllm:request_params_n_sum": 3,
    "vllm:request_params_n_count": 1,
    "vllm:request_max_num_generation_tokens_count": 1,
  };
  expect(Object.fromEntries(Object.keys(counted).map((series) => [series, valueIn(text, series)]))).toEqual(counted);
});

test("as a stream: events of each choice, each with its own end, and the first one's cached tokens", async () => {
  const mock = await SlowMock.start();
  const body = chat(words(365), { n: 3, max_tokens: 3, stream: true, stream_options: { include_usage: true } });
  const text = await (await mock.post(chatPath, body)).text();
  const chunks = chunksOf(text);
  for (const index of [0, 1, 2]) {
    const own = chunks.filter(({ choices }) => choices[0]?.index === index);
    expect(own.map(({ choices }) => choices[0]?.finish_reason)).toEqual([null, null, null, "length"]);
  }
  expect(chunks.at(-1)?.usage).toMatchObject({
    prompt_tokens: 377,
    completion_tokens: 9,
    prompt_tokens_details: { cached_tokens: 0, created_cache_tokens: 352 },
  });
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
});

describe("two prompts, twice each", () => {
  const prompts = (): readonly string[] => [words(226), words(335)];

  test("plain: choices prompt by prompt; the last one's cached tokens; two requests of n = 2 for the counters", async () => {
    const mock = await SlowMock.start();
    const { choices, usage } = await told(mock, "/v1/completions", { prompt: prompts(), n: 2, max_tokens: 3, temperature: 1, ignore_eos: true });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(usage).toMatchObject({ prompt_tokens: 561, completion_tokens: 12, prompt_tokens_details: { cached_tokens: 320 } });
    const text = await mock.metrics();
    expect(["vllm:request_params_n_count", "vllm:request_params_n_sum", "vllm:prompt_tokens_total"].map((series) => valueIn(text, series))).toEqual([
      2, 4, 1_122,
    ]);
  });

  test("as a stream with usage in every chunk: that of its own prompt and choice", async () => {
    const mock = await SlowMock.start();
    const body = { prompt: prompts(), n: 2, max_tokens: 3, temperature: 1, ignore_eos: true, stream: true };
    const options = { include_usage: true, continuous_usage_stats: true };
    const chunks = chunksOf(await (await mock.post("/v1/completions", { ...body, stream_options: options })).text());
    for (const index of [0, 1, 2, 3]) {
      const own = chunks.filter(({ choices }) => choices[0]?.index === index);
      expect(own.map(({ usage }) => [usage?.prompt_tokens, usage?.completion_tokens])).toEqual([1, 2, 3].map((tokens) => [index < 2 ? 226 : 335, tokens]));
    }
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 561, completion_tokens: 12 } });
  });
});

test("what does not fit beside the others waits, and takes its time", async () => {
  const mock = await SlowMock.start({}, { sequencesMax: 2 });
  const body = chat("a b", { n: 3, max_tokens: 20, stream: true });
  const call = mock.call(chatPath, body);
  await untilTrue(async () => (await mock.metric("vllm:num_requests_running")) === 2 && (await mock.metric("vllm:num_requests_waiting")) === 1);
  await untilTrue(() => call.received.includes("[DONE]"));
  const ends = chunksOf(call.received).map(({ choices }) => `${choices[0]?.index} ${choices[0]?.finish_reason}`);
  // The third begins behind the end of the others.
  expect(ends.indexOf("0 length")).toBeLessThan(ends.indexOf("2 null", ends.indexOf("2 null") + 1) + 1);
  expect(ends.lastIndexOf("2 length")).toBeGreaterThan(ends.indexOf("1 length"));
});

test("a caller that leaves takes all of them along; each of n counts for the limit of the queue", async () => {
  const mock = await SlowMock.start({ maxNumQueuedReqs: 4 });
  const call = mock.call(chatPath, chat("a b", { n: 3, max_tokens: 4_000, stream: true }));
  await mock.untilMetric("vllm:num_requests_running", 3);
  expect((await mock.post(chatPath, chat("a", { n: 2, max_tokens: 1 }))).status).toBe(503);
  expect((await mock.post(chatPath, chat("a", { n: 1, max_tokens: 1 }))).status).toBe(200);
  call.leave("FIN");
  await mock.untilMetric("vllm:num_requests_running", 0);
  expect(await mock.load()).toBe(0);
  expect(await mock.metric('vllm:request_success_total{finished_reason="length"}')).toBe(1);
});

test("answers of one call are not all as long where nothing caps them", async () => {
  const mock = await SlowMock.start({}, { perStepUs: 100 });
  const body = { messages: [{ role: "user", content: "#5 hello" }], temperature: 1, n: 4, stream: true };
  const chunks = chunksOf(await (await mock.post(chatPath, body)).text());
  const lengths = [0, 1, 2, 3].map((index) => chunks.filter(({ choices }) => choices[0]?.index === index).length);
  expect(new Set(lengths).size).toBeGreaterThan(1);
});

test("more answers than a server allows are refused in its words, unmade", async () => {
  const mock = await SlowMock.start();
  for (const [path, body] of [
    [chatPath, chat("a", { n: 100_000, max_tokens: 1 })],
    ["/v1/completions", { prompt: "a", n: 1_000_000_000, temperature: 1 }],
  ] as const) {
    const answer = await mock.post(path, body);
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { error: { type: "BadRequestError", message: expect.stringMatching(/^n must be at most 16384, got \d+\. To/) } },
    ]);
  }
});
