import { expect, test } from "vitest";
import { parsedChat } from "../../../support/mock-chat.ts";
import { RequestBodies } from "../../../../simulator/load/request-body.ts";

const parse = (body: unknown) => parsedChat(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));
const messages = [{ role: "user", content: "one two" }];

test("counts the words of all messages, in strings and parts", () => {
  const parts = [{ type: "text", text: "three four" }, { type: "image_url" }];
  const parsed = parse({ messages: [...messages, { role: "user", content: parts }, { role: "assistant", content: null }] });
  expect(parsed).toMatchObject({ kind: "body", body: { inputTokens: 4, outputTokensMax: null, stream: false, exactLength: false, serial: null } });
});

test("max_completion_tokens goes before max_tokens; the length is exact with ignore_eos or when both bounds meet", () => {
  expect(parse({ messages, max_tokens: 2, max_completion_tokens: 3 })).toMatchObject({ body: { outputTokensMax: 3, exactLength: false } });
  expect(parse({ messages, max_tokens: 5, ignore_eos: true })).toMatchObject({ body: { exactLength: true } });
  expect(parse({ messages, max_tokens: 5, min_tokens: 5 })).toMatchObject({ body: { exactLength: true } });
  expect(parse({ messages, max_tokens: 5, min_tokens: 4 })).toMatchObject({ body: { exactLength: false, outputTokensMin: 4 } });
  expect(parse({ messages, ignore_eos: true })).toMatchObject({ body: { exactLength: false } });
});

test("vLLM's refusals", () => {
  const message = (body: unknown): string => {
    const parsed = parse(body);
    const late = parsed.kind === "body" ? (parsed.body.check?.({ model: "m", modelTokensMax: 8_192 }) ?? null) : null;
    const refusal = parsed.kind === "refused" ? parsed.refusal : late;
    return refusal === null ? "accepted" : (JSON.parse(refusal.body) as { error: { message: string } }).error.message;
  };
  expect(message("")).toContain("Field required");
  expect(message("{")).toContain("json_invalid");
  expect(message([1])).toContain("model_attributes_type");
  expect(message({})).toContain("'loc': 'body.messages'");
  expect(message({ messages: "x" })).toContain("list_type");
  expect(message({ messages: [] })).toContain("empty conversation");
  expect(message({ messages, max_tokens: 0 })).toBe("max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)");
  expect(message({ messages, max_tokens: "ten" })).toContain("int_parsing");
  expect(message({ messages, max_tokens: 4, min_tokens: 9 })).toBe("min_tokens must be less than or equal to max_tokens=4, got 9.");
  expect(message({ messages, stream_options: {} })).toContain("Stream options can only be defined when `stream=True`");
});

test("what a replay writes is what the mock reads: tokens, length and number of the arrival", () => {
  const bodies = new RequestBodies();
  for (const [inputTokens, outputTokens, serial] of [
    [1, 1, 0],
    [2, 5, 7],
    [10_000, 300, 123_456],
    [50, 0, 9],
  ] as const) {
    const batch = serial === 7;
    const body = bodies.bodyOf(
      { at: 0, inputTokens, outputTokens, blocks: null, route: null, batch, features: batch ? { qualityFloor: 0.7 } : null } as never,
      serial,
      'a "model"',
    );
    expect((JSON.parse(body.toString()) as { readonly quality_threshold?: number }).quality_threshold).toBe(batch ? 0.7 : undefined);
    const parsed = parsedChat(body);
    expect(parsed).toMatchObject({
      kind: "body",
      body: { model: 'a "model"', inputTokens, outputTokensMax: Math.max(1, outputTokens), serial, exactLength: true, stream: true, includeUsage: true, batch },
    });
  }
});
