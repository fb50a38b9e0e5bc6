import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Usage } from "../../router/core/messages.ts";
import { splitCallId } from "../../router/providers/neutral/call-id.ts";
import type { CallerRequest, ProviderAdapter } from "../../router/providers/provider-adapter.ts";
import { adapterFor } from "../../router/providers/registry.ts";
import { bodyText, callerRequest, encodedBy, someTarget } from "../support/caller.ts";
import { projectRoot } from "../support/project-root.ts";
import { HeardStream, type Told, toldByAnswer, toldByStream, type ToldDialect } from "../support/told.ts";

/** One suite for every provider and every dialect of callers. The samples differ, what is understood of them does not. */
const folder = path.join(projectRoot, "fixtures/wire");
const sample = (...place: string[]): Buffer => readFileSync(path.join(folder, ...place));
const json = (...place: string[]): unknown => JSON.parse(sample(...place).toString("utf8"));

const hello: Told = { text: "Hello there, wörld.", calls: [], reason: "stop" };
const called: Told = {
  text: "",
  calls: [
    { id: "call_a1", name: "get_weather", input: { city: "Paris" } },
    { id: "call_b2", name: "get_time", input: { zone: "CET" } },
  ],
  reason: "tool",
};
const usage: Usage = { input: 31, cachedRead: 16, cacheWrite: 0, output: 17, reasoning: 5 };

beforeAll(() => {
  vi.useFakeTimers({ now: Date.parse("2026-01-01T00:00:00Z"), toFake: ["Date"] });
});
afterAll(() => {
  vi.useRealTimers();
});

interface Provider {
  readonly name: string;
  readonly usage: Usage;
  /** It names no calls: ids are made for it. */
  readonly namesCalls: boolean;
}
const providers: readonly Provider[] = [
  { name: "openai", usage, namesCalls: true },
  { name: "azure", usage, namesCalls: true },
  { name: "vllm", usage, namesCalls: true },
  { name: "anthropic", usage: { ...usage, cacheWrite: 6, reasoning: 0 }, namesCalls: true },
  { name: "vertex", usage, namesCalls: false },
];
const dialects: readonly ToldDialect[] = ["openai-chat", "anthropic-messages", "openai-responses"];
const pairs = providers.flatMap((provider) => dialects.map((dialect) => ({ provider, dialect, title: `${provider.name} to ${dialect}` })));

/** Where the dialect is the provider's own, the bytes pass, and the samples are of another form. */
const passes = (provider: Provider, dialect: ToldDialect): boolean => adapterFor(provider.name).handles(dialect) === "passes";
const hasSample = (provider: Provider, dialect: ToldDialect): boolean => !(passes(provider, dialect) && dialect === "openai-responses");

function asked(dialect: ToldDialect, stream: boolean): CallerRequest {
  const options = dialect === "openai-chat" ? { stream_options: { include_usage: true } } : {};
  return callerRequest(dialect, { model: "chat", ...(stream ? { stream, ...options } : {}) });
}

function streamed(adapter: ProviderAdapter, request: CallerRequest, parts: readonly Uint8Array[]): HeardStream {
  const out = new HeardStream();
  const stream = adapter.openStream(request, out);
  for (const part of parts) stream.write(part);
  stream.end();
  return out;
}

/** Ids that were made differ from sample to sample, and a signature may travel in them. */
const comparable = (told: Told, provider: Provider): Told =>
  provider.namesCalls ? told : { ...told, calls: told.calls.map((call, place) => ({ ...call, id: called.calls[place]?.id ?? call.id })) };

describe("plain answers", () => {
  test.each(pairs.filter(({ provider, dialect }) => hasSample(provider, dialect)))("$title", ({ provider, dialect }) => {
    const adapter = adapterFor(provider.name);
    const told = (name: string): Told => {
      const answer = adapter.readAnswer(asked(dialect, false), sample(provider.name, `${name}.json`));
      expect(answer?.usage).toEqual(provider.usage);
      return comparable(toldByAnswer(dialect, answer?.body ?? Buffer.alloc(0)), provider);
    };
    expect(told("text")).toEqual(hello);
    expect(told("tools")).toEqual(called);
    expect(told("length")).toEqual({ text: "Hello", calls: [], reason: "length" });
    expect(told("filter")).toEqual({ text: "", calls: [], reason: "filter" });
  });
});

describe("streams", () => {
  const streams = pairs.filter(({ provider, dialect }) => hasSample(provider, dialect));

  test.each(streams)("$title: whole, and split anywhere", ({ provider, dialect }) => {
    const adapter = adapterFor(provider.name);
    for (const [name, expected] of [["text", hello] as const, ["tools", called] as const]) {
      const bytes = sample(provider.name, `${name}.sse`);
      const whole = streamed(adapter, asked(dialect, true), [bytes]);
      expect(whole.log).toEqual(["first", `done ${expected.reason}`]);
      expect(comparable(toldByStream(dialect, whole.text), provider)).toEqual(expected);
      expect(whole.lastUsage).toEqual(provider.usage);
      for (let at = 1; at < bytes.length; at += 7) {
        const split = streamed(adapter, asked(dialect, true), [bytes.subarray(0, at), bytes.subarray(at)]);
        expect(split.text).toBe(whole.text);
        expect(split.log).toEqual(whole.log);
      }
    }
  });

  test.each(streams)("$title: cut after every event but the last, it is never an answer", ({ provider, dialect }) => {
    const text = sample(provider.name, "text.sse").toString("utf8");
    const events = text.split(/(?<=\n\n)/);
    for (let count = 0; count < events.length; count += 1) {
      const out = streamed(adapterFor(provider.name), asked(dialect, true), [Buffer.from(events.slice(0, count).join(""))]);
      expect(out.log.at(-1), `${count} of ${events.length} events`).toBe("failed cut");
      expect(out.text).not.toMatch(/\[DONE\]|message_stop|response\.completed/);
    }
  });

  test.each(streams)("$title: an error within the stream", ({ provider, dialect }) => {
    const bytes = sample(provider.name, "error.sse");
    const at = bytes.indexOf("Hel");
    const out = streamed(adapterFor(provider.name), asked(dialect, true), [bytes.subarray(0, at), bytes.subarray(at)]);
    expect(out.log.at(-1)).toMatch(/^failed (server-error|overloaded)$/);
    expect(out.text).not.toMatch(/\[DONE\]|message_stop|response\.completed/);
  });
});

describe("requests", () => {
  test.each(pairs.filter(({ provider, dialect }) => !passes(provider, dialect)))(
    "$title: the conversation as the provider is sent it",
    ({ provider, dialect }) => {
      const encoded = encodedBy(adapterFor(provider.name), callerRequest(dialect, json("callers", `${dialect}.json`)));
      expect(encoded.mode).toBe("translated");
      expect(JSON.parse(bodyText(encoded))).toEqual(json(provider.name, "request.json"));
      expect(encoded.dropped).toEqual(provider.name === "vertex" ? ["user", "parallel_tool_calls"] : []);
    },
  );

  test.each(pairs.filter(({ provider, dialect }) => passes(provider, dialect)))(
    "$title: the bytes pass, with fields that nobody knows",
    ({ provider, dialect }) => {
      const text = `{ "model":"chat", "brand_new": {"a": 1.50}, "priority": 3, "temperature":1e0, "metadata":{"own":"1","tags":"x"} }`;
      const encoded = encodedBy(adapterFor(provider.name), callerRequest(dialect, text));
      expect(encoded.mode).toBe("as-is");
      expect(bodyText(encoded)).toBe(`{ "model":"upstream-model", "brand_new": {"a": 1.50}, "temperature":1e0, "metadata":{"own":"1"} }`);
    },
  );

  test("paths", () => {
    const pathOf = (provider: string, dialect: ToldDialect, stream: boolean, target = someTarget): string =>
      encodedBy(adapterFor(provider), callerRequest(dialect, { model: "chat", messages: [], input: "", ...(stream ? { stream } : {}) }), target).head.path;
    expect(pathOf("openai", "openai-chat", false)).toBe("/v1/chat/completions");
    expect(pathOf("openai", "openai-responses", false)).toBe("/v1/responses");
    expect(pathOf("vllm", "openai-responses", false)).toBe("/v1/chat/completions");
    expect(pathOf("azure", "openai-chat", true)).toBe("/openai/deployments/upstream-model/chat/completions?api-version=2024-10-21");
    expect(pathOf("azure", "openai-responses", true)).toBe("/openai/v1/responses");
    expect(pathOf("anthropic", "anthropic-messages", true)).toBe("/v1/messages");
    const target = { ...someTarget, model: "gemini-2.5-flash", project: "p", location: "europe-west4" };
    expect(pathOf("vertex", "openai-chat", true, target)).toBe(
      "/v1/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    );
    expect(pathOf("vertex", "openai-chat", false, { ...target, project: null })).toBe("/v1/publishers/google/models/gemini-2.5-flash:generateContent");
  });
});

describe("refusals", () => {
  test.each(providers)("$name: what each means", ({ name }) => {
    interface Refusal {
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: unknown;
      readonly kind: string;
      readonly retryAfterSeconds: number | null;
    }
    for (const { status, headers, body, kind, retryAfterSeconds } of json(name, "failures.json") as Refusal[]) {
      const failure = adapterFor(name).readFailure(asked("openai-chat", false), status, headers, Buffer.from(JSON.stringify(body)));
      expect([status, failure.kind]).toEqual([status, kind]);
      expect(failure.retryAfter).toBe(retryAfterSeconds === null ? null : retryAfterSeconds * 1_000_000);
      expect(failure.message).not.toBe("");
    }
  });

  test.each(providers)("$name: what is no answer of its own is none", ({ name }) => {
    const dialect = passes({ name, usage, namesCalls: true }, "openai-chat") ? "anthropic-messages" : "openai-chat";
    for (const text of ["", "<html>", "[]", "{}", "null", '{"choices":7,"content":7,"candidates":7}'])
      expect(adapterFor(name).readAnswer(asked(dialect, false), Buffer.from(text))).toBeNull();
  });
});

test("the signature of a Gemini thought travels in the id of the call that it led to, and goes back to Gemini only", () => {
  const answer = adapterFor("vertex").readAnswer(asked("openai-chat", false), sample("vertex", "tools.json"));
  const [first] = toldByAnswer("openai-chat", answer?.body ?? Buffer.alloc(0)).calls;
  expect(splitCallId(first?.id ?? "").signature).toBe("c2lnbmVk");
  const messages = [
    { role: "user", content: "weather?" },
    { role: "assistant", content: null, tool_calls: [{ id: first?.id, type: "function", function: { name: "get_weather", arguments: '{"city":"Paris"}' } }] },
    { role: "tool", tool_call_id: first?.id, content: "Rain" },
  ];
  const sent = (provider: string): string => bodyText(encodedBy(adapterFor(provider), callerRequest("openai-chat", { model: "chat", messages })));
  expect(sent("vertex")).toContain('"thoughtSignature":"c2lnbmVk"');
  expect(sent("anthropic")).not.toContain("-sig-");
});
