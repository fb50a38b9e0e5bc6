import { expect, test } from "vitest";
import { StreamReading } from "../../../../simulator/load/stream-reading.ts";

function readAll(chunks: readonly (readonly [number, string | Buffer])[]): StreamReading {
  let now = 0;
  const reading = new StreamReading(() => now as never);
  for (const [at, chunk] of chunks) {
    now = at;
    reading.read(Buffer.from(chunk));
  }
  return reading;
}
const event = (delta: object, extra: object = {}): string => `data: ${JSON.stringify({ choices: [{ index: 0, delta, ...extra }] })}\n\n`;

test("role frames, comments and usage are no tokens; the last token is not the end", () => {
  const usage = { prompt_tokens: 9, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 3 } };
  const reading = readAll([
    [10, event({ role: "assistant", content: "" })],
    [20, ": keep-alive\n\n"],
    [30, event({ content: "a" })],
    [40, event({ content: "b" }) + event({ content: "c" })],
    [50, event({}, { finish_reason: "stop" })],
    [60, `data: ${JSON.stringify({ choices: [], usage })}\n\n`],
    [70, "data: [DONE]\n\n"],
  ]);
  expect(reading).toMatchObject({ first: 30, last: 40, contentEvents: 3, done: true, error: null });
  expect(reading.usage).toEqual({ input: 9, cachedRead: 3, cacheWrite: 0, output: 4, reasoning: 0 });
});

test("reasoning and tool calls are tokens, empty ones are not", () => {
  expect(readAll([[5, event({ reasoning_content: "hm" })]]).first).toBe(5);
  expect(readAll([[5, event({ reasoning: "hm" })]]).first).toBe(5);
  expect(readAll([[5, event({ tool_calls: [{ index: 0 }] })]]).first).toBe(5);
  expect(readAll([[5, event({ tool_calls: [], content: null })]]).first).toBe(null);
});

test("events and characters may be split anywhere", () => {
  const bytes = Buffer.from(event({ content: "東" }) + "data: [DONE]\n\n");
  const reading = readAll([...bytes].map((byte, index) => [index, Buffer.from([byte])] as const));
  expect(reading).toMatchObject({ contentEvents: 1, done: true, error: null });
});

test("an error event spoils the stream, whatever follows", () => {
  const reading = readAll([[1, `${event({ content: "a" })}data: {"error":{"message":"x","code":"upstream_cut"}}\n\ndata: [DONE]\n\n`]]);
  expect(reading).toMatchObject({ error: "upstream_cut", done: true, contentEvents: 1 });
});
