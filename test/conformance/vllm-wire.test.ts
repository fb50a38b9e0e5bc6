import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startMockFleet, type MockFleet } from "../../simulator/mock/mock-fleet.ts";
import { sharedFolder } from "../support/shared-folder.ts";
import { smallScenario, smallVllm } from "../support/small-scenario.ts";

/** What vLLM 0.32 answered, beside what the mock answers to the same request: status, content type, the events' shapes, the texts of errors. */
interface Exchange {
  readonly name: string;
  readonly request: { readonly method: string; readonly path: string; readonly body: object | string | null };
  readonly response: {
    readonly status: number;
    readonly headers: readonly (readonly [string, string])[];
    readonly body?: string;
    readonly chunks?: readonly string[];
  };
}

const streams = ["chat stream", "chat stream usage", "chat max_tokens 1 stream"];
const plain = ["chat basic", "chat max_completion_tokens", "chat both max", "chat no model field"];
const errors = [
  "err unknown model",
  "err unknown model stream",
  "err messages missing",
  "err messages string",
  "err messages empty",
  "err empty body",
  "err stream_options without stream",
  "err max_tokens string",
  "chat max_tokens 0",
  "chat min_tokens > max_tokens",
  "err max_completion_tokens too long",
  "get /nope",
  "err get chat",
];
const others = ["get /health", "get /v1/models", "get /version"];

const folder = sharedFolder();
const exchanges = new Map<string, Exchange>();
let fleet: MockFleet;
let origin = "";

beforeAll(async () => {
  if (folder === null) return;
  for (const line of readFileSync(path.join(folder, "calibration/vllm-wire/main.jsonl"), "utf8").trim().split("\n")) {
    const exchange = JSON.parse(line) as Exchange;
    exchanges.set(exchange.name, exchange);
  }
  const pools = [{ name: "pool", model: "tiny", replicas: [smallVllm] }];
  fleet = await startMockFleet(smallScenario(pools), { file: "test", seed: 1, host: "127.0.0.1", ports: "ephemeral" });
  origin = fleet.origins["pool"]?.[0] ?? "";
});
afterAll(async () => fleet?.close());

describe.skipIf(folder === null)("the mock beside the recorded vLLM", () => {
  test.each(streams)("%s", async (name) => {
    const { recorded, status, contentType, text } = await ask(name, { ignore_eos: true });
    expect(status).toBe(recorded.response.status);
    expect(contentType).toBe(headerOf(recorded, "content-type"));
    const events = text.split(/(?<=\n\n)/);
    expect(events.map(shapeOfEvent)).toEqual(recorded.response.chunks?.map(shapeOfEvent));
  });

  test.each(plain)("%s", async (name) => {
    const { recorded, status, contentType, text } = await ask(name, { ignore_eos: true });
    expect(status).toBe(recorded.response.status);
    expect(contentType).toBe(headerOf(recorded, "content-type"));
    const theirs = JSON.parse(recorded.response.body ?? "") as Completion;
    const ours = JSON.parse(text) as Completion;
    expect(ours.usage.completion_tokens).toBe(theirs.usage.completion_tokens);
    expect(shapeOf(theirs)).toMatchObject(shapeOf(ours) as object);
    expect(Object.keys(ours.choices[0] ?? {})).toEqual(Object.keys(theirs.choices[0] ?? {}).filter((key) => key !== "routed_experts"));
  });

  test.each(errors)("%s", async (name) => {
    const { recorded, status, text } = await ask(name, {});
    expect(status).toBe(recorded.response.status);
    expect(withoutInput(text)).toEqual(withoutInput(recorded.response.body ?? ""));
  });

  test.each(others)("%s", async (name) => {
    const { recorded, status, text } = await ask(name, {});
    expect(status).toBe(recorded.response.status);
    const body = recorded.response.body ?? "";
    if (body === "") expect(text).toBe("");
    else expect(Object.keys(JSON.parse(text) as object)).toEqual(Object.keys(JSON.parse(body) as object));
  });
});

interface Completion {
  readonly choices: readonly object[];
  readonly usage: { readonly completion_tokens: number };
}

async function ask(name: string, extra: object): Promise<{ recorded: Exchange; status: number; contentType: string | null; text: string }> {
  const recorded = exchanges.get(name);
  if (recorded === undefined) throw new Error(`no recording named ${name}`);
  const { method, path: place, body } = recorded.request;
  const sent = body === null ? null : typeof body === "string" ? body : JSON.stringify({ ...body, ...extra });
  const response = await fetch(`${origin}${place}`, { method, body: sent, headers: { "content-type": "application/json" } });
  return { recorded, status: response.status, contentType: response.headers.get("content-type"), text: await response.text() };
}

function headerOf({ response }: Exchange, name: string): string | undefined {
  return response.headers.find(([key]) => key === name)?.[1];
}

function shapeOfEvent(event: string): unknown {
  const data = event.replace(/^data: /, "").trimEnd();
  return data === "[DONE]" ? data : shapeOf(JSON.parse(data));
}

/** Keys in their order, with the kinds of values; what must be equal itself is kept. */
function shapeOf(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => shapeOf(item));
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner, name)]));
  if (["object", "role", "finish_reason", "completion_tokens"].includes(key)) return value;
  if (key === "content") return value === "" ? "" : "text";
  return value === null ? null : typeof value;
}

/** The prose of errors up to what Python prints of the input. */
function withoutInput(body: string): unknown {
  return JSON.parse(body, (key, value: unknown) => (key === "message" && typeof value === "string" ? value.replace(/, 'input': .*$/s, "") : value));
}
