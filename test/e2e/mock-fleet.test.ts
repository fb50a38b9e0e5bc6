import { type ClientRequest, request as httpRequest } from "node:http";
import OpenAI, { APIConnectionError, APIError } from "openai";
import { afterEach, describe, expect, test } from "vitest";
import type { FaultSpec } from "../../simulator/core/compiled-scenario.ts";
import type { MockTime } from "../../simulator/mock/mock-endpoint.ts";
import type { MockFleet } from "../../simulator/mock/mock-fleet.ts";
import { startMockFleet } from "../../simulator/mock/mock-fleet.ts";
import { HandHost } from "../support/hand-host.ts";
import { until as untilWithin } from "../support/loop-time.ts";
import { smallHosted, smallScenario, smallVllm } from "../support/small-scenario.ts";

const fleets: MockFleet[] = [];
afterEach(async () => {
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
});

async function startFleet(faults: readonly FaultSpec[] = [], hosted = smallHosted, host?: HandHost): Promise<readonly OpenAI[]> {
  const scenario = smallScenario(
    [
      { name: "pool-a", model: "llama", replicas: [smallVllm, smallVllm] },
      { name: "cloud", model: "gpt", replicas: [hosted] },
    ],
    faults,
  );
  const fleet = await startMockFleet(scenario, { file: "test", seed: 11, host: "127.0.0.1", ports: "ephemeral", ...timeOf(host) });
  fleets.push(fleet);
  expect(Object.keys(fleet.origins)).toEqual(["pool-a", "cloud"]);
  return Object.values(fleet.origins)
    .flat()
    .map((origin) => new OpenAI({ baseURL: `${origin}/v1`, apiKey: "none", maxRetries: 0 }));
}

const words = (count: number): string => Array.from({ length: count }, () => "the").join(" ");
const ask = (count: number, tokens: number) => ({
  model: "llama",
  messages: [{ role: "user" as const, content: words(count) }],
  max_tokens: tokens,
  ignore_eos: true,
});
const fault = (endpoint: number, atMs: number, untilMs: number, kind: FaultSpec["fault"]): FaultSpec =>
  ({ endpoint, at: atMs * 1000, until: untilMs * 1000, fault: kind }) as unknown as FaultSpec;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A machine may be slow: nothing here says how long anything takes. */
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => untilWithin(holds, 30_000);

describe("the openai SDK, unmodified, against the mock", () => {
  test("plain: exactly the tokens that were asked for, and their count", async () => {
    const [replica] = await startFleet();
    const answer = await replica?.chat.completions.create(ask(100, 7));
    expect(answer?.usage).toMatchObject({ prompt_tokens: 100, completion_tokens: 7, total_tokens: 107 });
    expect(answer?.choices[0]?.message.content?.trim().split(" ")).toHaveLength(7);
    expect(answer?.choices[0]?.finish_reason).toBe("length");
  });

  test("stream: a role chunk, a chunk per token, the reason in the last, usage only when asked for", async () => {
    const [replica] = await startFleet();
    for (const includeUsage of [false, true]) {
      const stream = await replica?.chat.completions.create({
        ...ask(20, 5),
        stream: true,
        ...(includeUsage ? { stream_options: { include_usage: true } } : {}),
      });
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of stream ?? []) chunks.push(chunk);
      expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? null)).toEqual([
        "",
        " word",
        " word",
        " word",
        " word",
        " word",
        ...(includeUsage ? [null] : []),
      ]);
      expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
      expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason ?? null).indexOf("length")).toBe(5);
      if (includeUsage) expect(chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: 20, completion_tokens: 5 });
    }
  });

  test("an answer whose length nobody sets is drawn, the same for the same arrival, and ends with stop or at the cap", async () => {
    const [replica, other] = await startFleet();
    const body = { model: "llama", messages: [{ role: "user" as const, content: "#4 hello" }], max_tokens: 400 };
    const one = await replica?.chat.completions.create(body);
    const same = await other?.chat.completions.create(body);
    expect(same?.usage?.completion_tokens).toBe(one?.usage?.completion_tokens);
    expect(one?.choices[0]?.finish_reason).toBe((one?.usage?.completion_tokens ?? 0) < 400 ? "stop" : "length");
  });

  test("errors: unknown model, prompt too long, no messages", async () => {
    const [replica] = await startFleet();
    const failure = async (body: object): Promise<unknown> => replica?.chat.completions.create(body as never).catch((error: unknown) => error);
    expect(await failure({ ...ask(1, 1), model: "zzz" })).toMatchObject({ status: 404, message: expect.stringContaining("The model `zzz` does not exist.") });
    expect(await failure(ask(9_000, 1))).toMatchObject({ status: 400, message: expect.stringContaining("maximum context length is 8192 tokens") });
    expect(await failure({ model: "llama" })).toMatchObject({ status: 400 });
    expect(await failure({ ...ask(1, 1), max_tokens: 0 })).toMatchObject({ status: 400 });
    expect(await failure(ask(1, 1))).not.toBeInstanceOf(APIError);
  });

  test("models, health and version", async () => {
    const [replica] = await startFleet();
    const models = await replica?.models.list();
    expect(models?.data).toMatchObject([{ id: "llama", owned_by: "vllm", max_model_len: 8_192 }]);
    const origin = replica?.baseURL.replace(/\/v1$/, "") ?? "";
    expect((await fetch(`${origin}/health`)).status).toBe(200);
    expect(await (await fetch(`${origin}/version`)).json()).toHaveProperty("version");
    expect((await fetch(`${origin}/nope`)).status).toBe(404);
  });

  test("429 with a Retry-After that is true", async () => {
    const clients = await startFleet([], { ...smallHosted, quota: { requestsPerMinute: 60, tokensPerMinute: 300 } });
    const cloud = clients[2];
    await cloud?.chat.completions.create({ ...ask(285, 10), model: "gpt" });
    const refused = await cloud?.chat.completions.create({ ...ask(10, 2), model: "gpt" }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    const retryAfter = Number((refused as APIError).headers?.get("retry-after"));
    expect(retryAfter).toBe(2);
    await pause(retryAfter * 1000);
    expect((await cloud?.chat.completions.create({ ...ask(10, 2), model: "gpt" }))?.usage?.completion_tokens).toBe(2);
  });
});

/** By the mock's own clock, which the tests move. */
describe("time", () => {
  test("headers leave at once, tokens at the model's instants, without drift", async () => {
    const host = new HandHost();
    const [replica, , cloud] = await startFleet([], smallHosted, host);
    const tokens = 300;
    const stream = new CountedStream(cloud?.baseURL ?? "", { ...ask(20, tokens), model: "gpt", stream: true });
    await until(() => host.nextDueMs !== null);
    for (const place of [0, 1, 2, 17, 100, tokens - 1]) {
      const at = 30 + 5 * place;
      host.advanceTo(at - 1);
      expect(await stream.settled()).toBe(place === 0 ? 0 : place + 1);
      host.advanceTo(at);
      expect(await stream.settled()).toBe(place + 2);
    }
    expect(fleets[0]?.lateness()).toMatchObject({ tokens, maxMs: expect.closeTo(0, 2) });
    const other = new CountedStream(replica?.baseURL ?? "", { ...ask(4_000, 2), stream: true });
    await until(() => other.status === 200);
    expect(await other.settled()).toBe(0);
    host.advanceTo(60_000);
    expect(await other.settled()).toBe(3);
  });

  test("leaving ends the call at the model: its slots serve others at once", async () => {
    const host = new HandHost();
    const [replica] = await startFleet([], smallHosted, host);
    const base = replica?.baseURL ?? "";
    const streams = Array.from({ length: 16 }, () => new CountedStream(base, { ...ask(10, 4_000), stream: true }));
    await until(() => streams.every(({ status }) => status === 200));
    host.advanceTo(1_000);
    let tokens = 0;
    for (const stream of streams) tokens += (await stream.settled()) - 1;
    expect(tokens).toBeGreaterThan(16);
    for (const stream of streams) stream.leave();
    await until(async () => (await (await fetch(`${new URL(base).origin}/load`)).text()) === '{"server_load":0}');
    const metrics = await (await fetch(`${new URL(base).origin}/metrics`)).text();
    expect(metrics).toContain(`vllm:generation_tokens_total{engine="0",model_name="llama"} ${tokens}.0`);
    const next = new CountedStream(base, { ...ask(10, 2), stream: true });
    await until(() => next.status === 200);
    // Behind sixteen calls of 4,000 tokens it would have to wait for 16 s.
    host.advanceTo(1_100);
    expect(await next.settled()).toBe(3);
  });
});

describe("the fault script", () => {
  test("down: running streams are cut, connections reset; afterwards it serves again", async () => {
    const [replica, sibling] = await startFleet([fault(0, 150, 700, { kind: "down" })]);
    const stream = await replica?.chat.completions.create({ ...ask(10, 4_000), stream: true });
    let tokens = 0;
    await expect(
      (async () => {
        for await (const _ of stream ?? []) tokens += 1;
      })(),
    ).rejects.toThrow();
    expect(tokens).toBeLessThan(4_000);
    const refused: unknown = await replica?.chat.completions.create(ask(10, 2)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(APIConnectionError);
    expect(JSON.stringify(errorCodes(refused))).toContain("ECONNREFUSED");
    expect((await sibling?.chat.completions.create(ask(10, 2)))?.usage?.completion_tokens).toBe(2);
    let served: OpenAI.ChatCompletion | null | undefined = null;
    await until(async () => {
      served = await replica?.chat.completions.create(ask(10, 2)).catch(() => null);
      return served !== null;
    });
    expect(served).toMatchObject({ usage: { completion_tokens: 2 } });
  });

  test("error: 500 in vLLM's form, for the share of requests that the script says", async () => {
    const [replica] = await startFleet([fault(0, 0, 60_000, { kind: "error", rate: 0.5 })]);
    const results = await Promise.all(
      Array.from({ length: 40 }, async (_, serial) =>
        replica?.chat.completions.create({ ...ask(0, 1), messages: [{ role: "user", content: `#${serial} hello` }] }).then(
          () => 200,
          (error: unknown) => (error as APIError).status,
        ),
      ),
    );
    const failed = results.filter((status) => status === 500).length;
    expect(failed).toBeGreaterThan(8);
    expect(failed).toBeLessThan(32);
    expect(results.filter((status) => status === 200)).toHaveLength(40 - failed);
  });

  test("slow: the hosted provider takes its time", async () => {
    const host = new HandHost();
    const [, , cloud] = await startFleet([fault(2, 0, 60_000, { kind: "slow", factor: 5 })], smallHosted, host);
    const stream = new CountedStream(cloud?.baseURL ?? "", { ...ask(5, 3), model: "gpt", stream: true });
    await until(() => host.nextDueMs !== null);
    for (const [at, events] of [
      [149, 0],
      [150, 2],
      [174, 2],
      [200, 4],
    ] as const) {
      host.advanceTo(at);
      expect(await stream.settled()).toBe(events);
    }
  });
});

function errorCodes(error: unknown): unknown[] {
  if (!(error instanceof Error)) return [];
  return ["code" in error ? error.code : error.message, ...errorCodes(error.cause)];
}

const timeOf = (host: HandHost | undefined): { readonly time?: MockTime } => (host === undefined ? {} : { time: { clock: host.clock, timers: host } });

/** A streamed chat whose events are counted as they come. */
class CountedStream {
  readonly #origin: string;
  readonly #request: ClientRequest;
  #events = 0;
  status: number | null = null;

  constructor(base: string, body: object) {
    this.#origin = new URL(base).origin;
    this.#request = httpRequest(`${base}/chat/completions`, { method: "POST", headers: { "content-type": "application/json" } }, (response) => {
      this.status = response.statusCode ?? null;
      response.on("data", (chunk: Buffer) => {
        this.#events += chunk.toString().split('"delta"').length - 1;
      });
      response.on("error", () => undefined);
    });
    this.#request.on("error", () => undefined);
    this.#request.end(JSON.stringify(body));
  }

  /** Events of all that the server has written by now: what it was asked later is answered. */
  async settled(): Promise<number> {
    for (let round = 0; round < 3; round += 1) await (await fetch(`${this.#origin}/health`)).text();
    return this.#events;
  }

  leave(): void {
    this.#request.destroy();
  }
}
