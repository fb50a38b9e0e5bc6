import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { projectRoot } from "../support/project-root.ts";

/** Everything as a user runs it: `headgate mock` and `headgate serve` as processes, the unmodified OpenAI SDK in front. */
const scenario = `
trace: { format: azure, file: trace.csv, relativeTo: scenario }
config:
  deployments:
    pool: { provider: vllm, model: llama, endpoints: [http://127.0.0.1:9101, http://127.0.0.1:9102], context: 4096, price: { input: 1, output: 2 } }
  routes: { chat: { deployments: [pool] } }
fleet:
  pool: { kind: vllm }
`;

let folder: string;
const children: ChildProcess[] = [];
let client: OpenAI;
let url: string;
let metricsUrl: string;

async function start(args: readonly string[]): Promise<unknown> {
  const child = spawn(path.join(projectRoot, "headgate"), args, {
    cwd: folder,
    env: { ...process.env, LOG_LEVEL: "silent" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return JSON.parse(line.toString().split("\n")[0] ?? "");
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "headgate-e2e-"));
  writeFileSync(path.join(folder, "trace.csv"), "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n");
  writeFileSync(path.join(folder, "scenario.yaml"), scenario);
  const origins = (await start(["mock", "scenario.yaml", "--ports", "ephemeral"])) as { pool: string[] };
  const config = `
listen: { port: 0 }
metrics: { port: 0 }
deployments:
  pool: { provider: vllm, model: llama, endpoints: ${JSON.stringify(origins.pool)}, context: 4096, price: { input: 1, output: 2 } }
routes: { chat: { deployments: [pool] } }
`;
  writeFileSync(path.join(folder, "headgate.yaml"), config);
  ({ url, metricsUrl } = (await start(["serve", "-c", "headgate.yaml", "--json"])) as { url: string; metricsUrl: string });
  client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
}, 30_000);

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const ask = (words: number, tokens: number) => ({
  model: "chat",
  messages: [{ role: "user" as const, content: "the ".repeat(words) }],
  max_tokens: tokens,
  ignore_eos: true,
});
const scrape = async (): Promise<string> => (await fetch(metricsUrl)).text();

describe("the unmodified OpenAI SDK through serve to the mock", () => {
  test("models", async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(["chat"]);
  });

  test("chat: the tokens asked for, and the cost in the answer's headers", async () => {
    const { data, response } = await client.chat.completions.create(ask(100, 5)).withResponse();
    expect(data.usage).toMatchObject({ prompt_tokens: 100, completion_tokens: 5 });
    expect(response.headers.get("x-headgate-cost-usd")).toBe("0.000110000");
  });

  test("stream: a chunk per token, in time, and no usage that was not asked for", async () => {
    const stream = await client.chat.completions.create({ ...ask(10, 6), stream: true });
    const texts: string[] = [];
    for await (const chunk of stream) {
      expect(chunk.usage ?? null).toBeNull();
      texts.push(chunk.choices[0]?.delta.content ?? "");
    }
    expect(texts.filter((text) => text !== "")).toHaveLength(6);
  });

  test("abort: the replica's slot is free again, and what was used is accounted", async () => {
    const stream = await client.chat.completions.create({ ...ask(10, 3000), stream: true });
    for await (const _chunk of stream) break;
    const deadline = performance.now() + 5000;
    let metrics = await scrape();
    while (!metrics.includes('result="client-left"} 1') && performance.now() < deadline) metrics = await scrape();
    expect(metrics).toContain('router_requests_total{route="chat",provider="vllm",deployment="pool",result="client-left"} 1');
  });

  test("error: an unknown model is 404, a prompt without room is 400, in OpenAI's shape", async () => {
    const unknown = await client.chat.completions.create({ ...ask(1, 1), model: "nobody" }).catch((error: unknown) => error);
    expect(unknown).toBeInstanceOf(APIError);
    expect(unknown).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    const long = await client.chat.completions.create(ask(17_000, 1)).catch((error: unknown) => error);
    expect(long).toMatchObject({ status: 400, code: "context_length_exceeded" });
  });
});
