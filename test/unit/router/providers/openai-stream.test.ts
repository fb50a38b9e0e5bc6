import { readFileSync } from "node:fs";
import { existsSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Usage } from "../../../../router/core/messages.ts";
import { CompletionTap } from "../../../../router/providers/openai-compatible/tap.ts";
import { TapStream } from "../../../../router/providers/tap-stream.ts";
import type { StreamOut } from "../../../../router/providers/provider-adapter.ts";
import { projectRoot } from "../../../support/project-root.ts";

class Heard implements StreamOut {
  text = "";
  readonly log: string[] = [];
  lastUsage: Usage | null = null;
  bytes(chunk: Uint8Array): void {
    this.text += Buffer.from(chunk).toString("latin1");
  }
  firstContent(): void {
    this.log.push("first");
  }
  usage(usage: Usage): void {
    this.lastUsage = usage;
  }
  done(reason: string): void {
    this.log.push(`done ${reason}`);
  }
  failed(failure: { kind: string }): void {
    this.log.push(`failed ${failure.kind}`);
  }
}

function heard(parts: readonly (string | Uint8Array)[], passUsage = false): Heard & { events: number } {
  const out = new Heard();
  const stream = new TapStream(new CompletionTap(passUsage, false), out);
  for (const part of parts) stream.write(Buffer.from(part));
  stream.end();
  return Object.assign(out, { events: stream.contentEvents() });
}

const chunk = (fields: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: "c", choices: [{ index: 0, delta: fields, finish_reason: finish }] })}\n\n`;
const role = chunk({ role: "assistant", content: "" });
const word = chunk({ content: "wörd" });
const tricky = chunk({ content: 'say "usage":{"prompt_tokens":1} and "finish_reason":"stop" and [DONE]\n\ndata: [DONE]\n\n' });
const last = chunk({ content: "." }, "length");
const usage = `data: {"id":"c","choices":[],"usage":{"prompt_tokens":15,"completion_tokens":4,"total_tokens":19,"prompt_tokens_details":{"cached_tokens":8}}}\n\n`;
const done = "data: [DONE]\n\n";
const error = `data: {"error": {"message": "EngineCore encountered an issue.", "type": "InternalServerError", "param": null, "code": 500}}\n\n`;
const latin1 = (text: string): string => Buffer.from(text).toString("latin1");

describe("a stream in OpenAI's dialect", () => {
  test("passes bytes, tells the first content, reads the usage and keeps it from a caller that did not ask", () => {
    const out = heard([role, word, tricky, last, usage, done]);
    expect(out.text).toBe(latin1(role + word + tricky + last + done));
    expect(out.log).toEqual(["first", "done length"]);
    expect(out.lastUsage).toEqual({ input: 15, cachedRead: 8, cacheWrite: 0, output: 4, reasoning: 0 });
    expect(out.events).toBe(3);
  });

  test("passes the usage to a caller that asked", () => {
    expect(heard([role, word, usage, done], true).text).toBe(latin1(role + word + usage + done));
  });

  test.each([
    ["tool call", { tool_calls: [{ index: 0, function: { name: "f", arguments: "" } }] }],
    ["reasoning", { reasoning: "hm" }],
    ["reasoning_content", { reasoning_content: "hm" }],
  ])("a %s is content", (_name, fields) => {
    expect(heard([role, chunk(fields), done]).log[0]).toBe("first");
  });

  test("an end before [DONE] is cut", () => {
    expect(heard([role, word]).log).toEqual(["first", "failed cut"]);
    expect(heard([role, word, "data: [DO"]).log).toEqual(["first", "failed cut"]);
    expect(heard([]).log).toEqual(["failed cut"]);
  });

  test("a last event without its blank line is an end", () => {
    expect(heard([role, word, "data: [DONE]"]).log).toEqual(["first", "done stop"]);
  });

  test("an error event followed by [DONE] is a failure, and neither is passed on", () => {
    const out = heard([role, word, error, done]);
    expect(out.log).toEqual(["first", "failed server-error"]);
    expect(out.text).toBe(latin1(role + word));
  });

  test("an error in the same read as the first content: nothing has been promised yet, so another attempt can be made", () => {
    const out = heard([role + word + error + done]);
    expect(out.log).toEqual(["failed server-error"]);
    expect(out.text).toBe("");
  });

  test("comments and unknown events pass", () => {
    const odd = `: ping\n\nevent: note\ndata: {"x":1}\n\n`;
    expect(heard([odd, role, word, odd, done]).text).toBe(latin1(odd + role + word + odd + done));
  });

  test("lines may end in CRLF", () => {
    const crlf = [role, word, last, usage, done].map((event) => event.replaceAll("\n", "\r\n"));
    const out = heard([crlf.join("")]);
    expect(out.log).toEqual(["first", "done length"]);
    expect(out.text).not.toContain("prompt_tokens");
  });

  test("however the bytes are split, the caller gets the same", () => {
    const whole = Buffer.from(role + word + tricky + word + last + usage + done);
    const expected = heard([whole]);
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: whole.length - 1 }), { maxLength: 40 });
    fc.assert(
      fc.property(cuts, (places) => {
        const ordered = places.toSorted((one, other) => one - other);
        const parts = [...ordered, whole.length].map((end, place) => whole.subarray(ordered[place - 1] ?? 0, end));
        const out = heard(parts);
        expect(out.text).toBe(expected.text);
        expect(out.log).toEqual(expected.log);
        expect(out.lastUsage).toEqual(expected.lastUsage);
        expect(out.events).toBe(expected.events);
      }),
    );
  });
});

const wire = path.join(process.env["HEADGATE_SHARED"] ?? path.join(projectRoot, "../shared"), "calibration/vllm-wire/main.jsonl");
interface Exchange {
  readonly name: string;
  readonly request: { readonly path: string };
  readonly response: { readonly status: number; readonly chunks?: readonly string[] };
}

describe("streams recorded from a real vLLM", () => {
  const absent = !existsSync(wire);
  if (absent) process.stderr.write(`skipped: no recorded answers at ${wire}\n`);
  test.skipIf(absent)("each ends well, byte by byte as in one piece, with its usage", () => {
    const exchanges = readFileSync(wire, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Exchange);
    const streams = exchanges.filter(({ request, response }) => response.chunks?.at(-1) === done && /\/(chat\/)?completions$/.test(request.path));
    expect(streams.length).toBeGreaterThan(15);
    for (const { name, response } of streams) {
      const chunks = response.chunks ?? [];
      const out = heard(chunks);
      expect(out.log.at(-1), name).toMatch(/^done /);
      const asked = chunks.some((text) => text.includes('"choices":[],"usage":{'));
      expect(out.lastUsage !== null, name).toBe(chunks.some((text) => text.includes('"usage":{')));
      expect(out.text, name).toBe(latin1(chunks.filter((text) => !text.includes('"choices":[],"usage":{')).join("")));
      if (asked) expect(heard(chunks, true).text, name).toBe(latin1(chunks.join("")));
      const single = heard([...Buffer.from(chunks.join(""))].map((byte) => Uint8Array.of(byte)));
      expect(single.text, name).toBe(out.text);
    }
  });
});
