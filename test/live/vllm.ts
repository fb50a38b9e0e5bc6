/**
 * npm run live:vllm -- http://127.0.0.1:8311 http://127.0.0.1:8312 [--term PID] [--kill PID]
 *
 * Real vLLM servers (all of one model) behind `headgate serve`: chats, streams, other dialects, errors, an abort, scraped load, prefix affinity in the servers' own counters, and, with
 * the process ids of servers, one that is stopped with SIGTERM and one that is killed, both under load. Exit 0: all passed, 1: something failed, 3: something could not be tried.
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { parseArgs } from "node:util";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { Checks, ensure, until } from "./checks.ts";
import { type LiveRouter, startLiveRouter } from "./live-router.ts";
import { faultsOf, placesOf, playConversations, type Turn } from "./conversations.ts";
import { cacheUseDuring, hitRate, readCounters } from "./server-counters.ts";
import { SteadyLoad } from "./steady-load.ts";

const { values, positionals: origins } = parseArgs({
  allowPositionals: true,
  options: {
    term: { type: "string" },
    kill: { type: "string" },
    callers: { type: "string", default: "4" },
    words: { type: "string", default: "0" },
    only: { type: "string", default: "answers,signals,abort,affinity,loss" },
    help: { type: "boolean", default: false },
  },
});
const usage =
  "npm run live:vllm -- http://127.0.0.1:8311 http://127.0.0.1:8312 [--term PID] [--kill PID] [--callers 4] [--words 0, of each prompt while a server is lost] [--only abort,loss]\n";

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (origins.length < 2) {
    process.stderr.write(`live:vllm skipped: it wants the origins of two vLLM servers or more that serve one model\n${usage}`);
    return 3;
  }
  const model = await modelOf(origins);
  process.stdout.write(`${origins.length} servers of ${model}\n`);
  const checks = new Checks();
  const router = await startLiveRouter(origins, model);
  try {
    for (const [name, part] of Object.entries(parts)) if (values.only.split(",").includes(name)) await part(checks, router);
  } finally {
    await router.stop();
  }
  return checks.exitCode();
}

async function modelOf(servers: readonly string[]): Promise<string> {
  const names = await Promise.all(servers.map(async (origin) => ((await (await fetch(`${origin}/v1/models`)).json()) as OpenAI.ModelsPage).data[0]?.id));
  const [first] = names;
  ensure(first !== undefined && names.every((name) => name === first), `the servers serve different models: ${names.join(", ")}`);
  return first;
}

const openAi = ({ url }: LiveRouter): OpenAI => new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const route = "round-robin";
const hello = [{ role: "user" as const, content: "one two three" }];

async function answers(checks: Checks, router: LiveRouter): Promise<void> {
  const client = openAi(router);
  await checks.item("chat", async () => {
    const answer = await client.chat.completions.create({ model: route, messages: hello, max_tokens: 8 });
    ensure((answer.usage?.completion_tokens ?? 0) > 0, "no usage");
    return `${answer.usage?.prompt_tokens} prompt tokens, ${answer.usage?.completion_tokens} generated, ${answer.choices[0]?.finish_reason}`;
  });
  await checks.item("chat, stream with usage", async () => {
    const stream = await client.chat.completions.create({
      model: route,
      messages: hello,
      max_tokens: 12,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const told = chunks.at(-1)?.usage?.completion_tokens ?? 0;
    ensure(chunks.length >= 3 && told > 0, `${chunks.length} chunks, usage ${told}`);
    return `${chunks.length} chunks, ${told} tokens`;
  });
  await checks.item("text completion", async () => {
    const answer = await client.completions.create({ model: route, prompt: "one two", max_tokens: 5 });
    return `${answer.usage?.completion_tokens} tokens, ${answer.choices[0]?.finish_reason}`;
  });
  await checks.item("responses API, translated", async () => {
    const answer = await client.responses.create({ model: route, input: "one two", max_output_tokens: 6 });
    ensure(answer.object === "response" && (answer.usage?.output_tokens ?? 0) > 0, JSON.stringify(answer).slice(0, 200));
    return `${answer.status}, ${answer.usage?.output_tokens} tokens`;
  });
  await checks.item("Anthropic's client, stream", async () => {
    const anthropic = new Anthropic({ baseURL: router.url, apiKey: "none", maxRetries: 0 });
    const message = await anthropic.messages.stream({ model: route, max_tokens: 6, messages: hello }).finalMessage();
    ensure(message.usage.output_tokens > 0, "no usage");
    return `${message.stop_reason}, ${message.usage.output_tokens} tokens`;
  });
  await checks.item("a caller's mistake comes back in the server's words", async () => {
    const error: unknown = await client.chat.completions.create({ model: route, messages: hello, temperature: 9 }).catch((thrown: unknown) => thrown);
    ensure(error instanceof OpenAI.BadRequestError, `not a 400: ${String(error)}`);
    ensure(error.message.includes("temperature"), error.message);
    return error.message;
  });
}

async function signals(checks: Checks, router: LiveRouter): Promise<void> {
  await checks.item("load scraped from /metrics", async () => {
    const count = async (): Promise<number> => router.metric(/^router_load_signals_total (\d+)/m);
    const before = await count();
    await until(async () => (await count()) >= before + 2 * origins.length, 15_000, "two scrapes of each server");
    return `${await count()} signals`;
  });
}

async function abort(checks: Checks, router: LiveRouter): Promise<void> {
  await checks.item("a caller who leaves frees the server", async () => {
    const wanted = 3_000;
    const running = async (): Promise<number> => (await Promise.all(origins.map(readCounters))).reduce((sum, counters) => sum + counters.running, 0);
    const generated = async (): Promise<number> => (await Promise.all(origins.map(readCounters))).reduce((sum, counters) => sum + counters.generated, 0);
    const before = await generated();
    const body = { model: route, messages: hello, max_tokens: wanted, stream: true as const };
    const stream = await openAi(router).chat.completions.create({ ...body, ignore_eos: true } as typeof body);
    let chunks = 0;
    for await (const _ of stream) if ((chunks += 1) === 5) break;
    const waitedMs = await until(async () => (await running()) === 0, 30_000, "running requests 0");
    const worked = (await generated()) - before;
    ensure(worked < wanted / 2, `${worked} tokens were generated all the same`);
    return `nothing runs ${Math.round(waitedMs)} ms after it left; ${worked} of ${wanted} tokens were generated`;
  });
}

async function affinity(checks: Checks, router: LiveRouter): Promise<void> {
  await checks.item("prefix affinity, in the servers' own counters", async () => {
    const salt = Math.trunc(performance.timeOrigin).toString(36).slice(-4);
    const client = openAi(router);
    let played: readonly Turn[] = [];
    const robin = await cacheUseDuring(origins, async () => void (await playConversations(client, "round-robin", `r${salt}`, origins.length)));
    const kept = await cacheUseDuring(origins, async () => void (played = await playConversations(client, "prefix-affinity", `p${salt}`, origins.length)));
    const shown = (uses: typeof robin): string => uses.map(({ hits, queries }) => `${hits}/${queries}`).join(" and ");
    const text = `hit rate ${hitRate(kept).toFixed(3)} (${shown(kept)} tokens), with round robin ${hitRate(robin).toFixed(3)} (${shown(robin)}); ${placesOf(played)}`;
    const hits = kept.reduce((sum, use) => sum + use.hits, 0);
    const faults = faultsOf(played, hits);
    ensure(faults.length === 0 && hitRate(kept) > hitRate(robin), `${text}; ${faults.join("; ")}`);
    return text;
  });
}

/** Takes a server away under load. What had content may be cut, and says so; everything else is answered whole by those that are left. */
async function loss(checks: Checks, router: LiveRouter, signal: "SIGTERM" | "SIGKILL", pid: string | undefined): Promise<void> {
  const name = `a server that gets ${signal} under load`;
  if (pid === undefined) {
    checks.skip(name, `no ${signal === "SIGTERM" ? "--term" : "--kill"} PID was given`);
    return;
  }
  await checks.item(name, async () => {
    const load = new SteadyLoad(router.url, Number(values.callers), 40, Number(values.words));
    await until(async () => load.results.length >= 2 * Number(values.callers), 180_000, "two answers for each caller");
    const before = load.results.length;
    const signalledMs = performance.now();
    spawn("kill", [`-${signal.slice(3)}`, pid]);
    await until(
      async () => load.results.filter(({ startedMs, end }) => startedMs > signalledMs && end === "whole").length >= 12,
      240_000,
      "twelve whole answers after it",
    );
    await load.stop();
    const count = (end: string): number => load.results.filter((result) => result.end === end).length;
    const later = load.results.filter(({ startedMs, end }) => startedMs > signalledMs && end !== "whole");
    const slowest = Math.max(...load.results.map(({ firstMs }) => firstMs));
    const retried = load.results.filter(({ attempts }) => attempts > 1).length;
    const text = `${load.results.length} requests (${before} before it, ${retried} tried again; the slowest first byte after ${(slowest / 1000).toFixed(1)} s): ${count("whole")} whole, ${count("cut")} cut, ${count("refused")} refused, ${count("wrong")} wrong; ${later.length} that began after it did not end whole`;
    const wrong = load.results.find(({ end }) => end === "wrong" || end === "refused");
    ensure(wrong === undefined, `${text}; the first: ${wrong?.detail}`);
    return text;
  });
}

const parts: Readonly<Record<string, (checks: Checks, router: LiveRouter) => Promise<void>>> = {
  answers,
  signals,
  abort,
  affinity,
  loss: async (checks, router) => {
    await loss(checks, router, "SIGTERM", values.term);
    await loss(checks, router, "SIGKILL", values.kill);
  },
};

process.exitCode = await main();
