import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LiveFleet, startLiveFleet } from "../support/live-fleet.ts";
import { until as untilWithin } from "../support/loop-time.ts";

/** Batch jobs of the mocks: with the providers' own clients, at the mock and through the service in front of it. */
let live: LiveFleet;
beforeAll(async () => {
  live = await startLiveFleet();
});
afterAll(async () => live.close());

const until = async (holds: () => Promise<boolean>): Promise<void> => untilWithin(holds, 30_000);
const originOf = (provider: string): string => live.origins[provider]?.[0] ?? "";
const routed = (model: string): OpenAI =>
  new OpenAI({ baseURL: `${live.running.url}/v1`, apiKey: "sk-caller", maxRetries: 0, defaultHeaders: { "x-headgate-model": model } });
const direct = (provider: string, path: string): OpenAI => new OpenAI({ baseURL: `${originOf(provider)}${path}`, apiKey: "k", maxRetries: 0 });

const lineOf = (id: string, model: string, max: number): object => ({
  custom_id: id,
  method: "POST",
  url: "/v1/chat/completions",
  body: { model, max_tokens: max, messages: [{ role: "user", content: "#3 two" }] },
});
const fileOf = async (lines: readonly object[]): Promise<File> => toFile(Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join("")), "in.jsonl");

const ways = [
  ["openai", "openai-model", () => direct("openai", "/v1")],
  ["azure", "azure-model", () => direct("azure", "/openai/v1")],
  ["openai, through the service", "openai-model", () => routed("openai")],
  ["azure, through the service", "azure-model", () => routed("azure")],
] as const;

describe.each(ways)("OpenAI's Batch API: %s", (_name, model, open) => {
  test("a file of requests, a job, and what came of each line", async () => {
    const client = open();
    const lines = [...Array.from({ length: 12 }, (_, place) => lineOf(`good-${place}`, model, 3)), lineOf("bad", "zzz", 3)];
    const file = await client.files.create({ file: await fileOf(lines), purpose: "batch" });
    expect(file).toMatchObject({ object: "file", filename: "in.jsonl", purpose: "batch" });
    const created = await client.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
      metadata: { who: "me" },
    });
    expect(created).toMatchObject({ object: "batch", input_file_id: file.id, request_counts: { total: 13 }, metadata: { who: "me" } });
    await until(async () => (await client.batches.retrieve(created.id)).status === "completed");
    const done = await client.batches.retrieve(created.id);
    expect(done.request_counts).toEqual({ total: 13, completed: 12, failed: 1 });
    const read = async (
      id: string | null | undefined,
    ): Promise<readonly { custom_id: string; response: { status_code: number; body: OpenAI.ChatCompletion } }[]> =>
      (await (await client.files.content(id ?? "")).text())
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as never);
    const results = await read(done.output_file_id);
    expect(results.map(({ custom_id }) => custom_id).toSorted()).toEqual(Array.from({ length: 12 }, (_, place) => `good-${place}`).toSorted());
    expect(results[0]?.response).toMatchObject({ status_code: 200, body: { object: "chat.completion", usage: { prompt_tokens: 2, completion_tokens: 3 } } });
    expect(await read(done.error_file_id)).toMatchObject([{ custom_id: "bad", response: { status_code: 404 } }]);
  });

  test("a job that is cancelled begins no further line", async () => {
    const client = open();
    const lines = Array.from({ length: 200 }, (_, place) => lineOf(`line-${place}`, model, 60));
    const file = await client.files.create({ file: await fileOf(lines), purpose: "batch" });
    const created = await client.batches.create({ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" });
    await client.batches.cancel(created.id);
    await until(async () => (await client.batches.retrieve(created.id)).status === "cancelled");
    const counts = (await client.batches.retrieve(created.id)).request_counts;
    expect(counts?.completed).toBeLessThan(200);
  });

  test("what is not there is told", async () => {
    const client = open();
    await expect(client.files.retrieve("file-nowhere1")).rejects.toMatchObject({ status: 404 });
    const job = client.batches.create({ input_file_id: "file-nowhere2", endpoint: "/v1/chat/completions", completion_window: "24h" });
    await expect(job).rejects.toMatchObject({ status: 400, param: "input_file_id" });
  });
});

test("without a key there are no files", async () => {
  const answer = await fetch(`${originOf("openai")}/v1/files`);
  expect([answer.status, await answer.json()]).toMatchObject([401, { error: { code: "invalid_api_key" } }]);
});

describe("Anthropic's message batches", () => {
  const client = (): Anthropic => new Anthropic({ baseURL: originOf("anthropic"), apiKey: "k", maxRetries: 0 });
  const request = (id: string, model: string) => ({
    custom_id: id,
    params: { model, max_tokens: 3, messages: [{ role: "user" as const, content: "#3 two" }] },
  });

  test("requests, a job, and what came of each", async () => {
    const requests = [request("one", "anthropic-model"), request("two", "anthropic-model"), request("bad", "zzz")];
    const created = await client().messages.batches.create({ requests });
    expect(created).toMatchObject({ type: "message_batch", processing_status: "in_progress" });
    await until(async () => (await client().messages.batches.retrieve(created.id)).processing_status === "ended");
    const results: Anthropic.Messages.MessageBatchIndividualResponse[] = [];
    for await (const result of await client().messages.batches.results(created.id)) results.push(result);
    const byId = Object.fromEntries(results.map(({ custom_id, result }) => [custom_id, result]));
    expect(byId["one"]).toMatchObject({ type: "succeeded", message: { type: "message", usage: { output_tokens: 3 } } });
    expect(byId["bad"]).toMatchObject({ type: "errored", error: { error: { type: "not_found_error" } } });
  });

  test("what is no batch is a bad request", async () => {
    await expect(client().messages.batches.create({ requests: [] })).rejects.toMatchObject({ status: 400 });
    await expect(client().messages.batches.retrieve("msgbatch_none")).rejects.toMatchObject({ status: 404 });
  });
});
