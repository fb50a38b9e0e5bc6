import { absurdJson, absurdNumbers } from "./absurd-json.ts";
import { answerSamples } from "./absurd-samples.ts";
import type { Dice } from "./dice.ts";
import type { Speech } from "./fuzz-models.ts";
import { split } from "./fuzz-requests.ts";

/** What a provider does with a request: pieces of bytes, and afterwards it keeps the connection, closes it, breaks it off, or falls silent. */
export interface FuzzedAnswer {
  readonly pieces: readonly string[];
  readonly afterwards: "keep" | "close" | "reset" | "silence";
}

const usage = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 };
const event = (fields: object): string => `data: ${JSON.stringify(fields)}\n\n`;
const delta = (content: unknown, finish: string | null = null): string =>
  event({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content }, finish_reason: finish }] });

/** As a provider of this format gives it. */
export function wholeAnswer(speech: Speech, stream: boolean): FuzzedAnswer {
  const { plain, stream: events } = answerSamples[speech];
  const content = stream ? events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("") : JSON.stringify(plain[0]);
  const type = stream ? "text/event-stream" : "application/json";
  return { pieces: [`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${content.length}\r\n\r\n${content}`], afterwards: "keep" };
}

export function fuzzedAnswer(dice: Dice, stream: boolean, speech: Speech): FuzzedAnswer {
  const isStream = dice.chance(0.9) ? stream : !stream;
  const isAbsurd = dice.chance(speech === "chat" ? 0.3 : 0.8);
  let content = isAbsurd ? absurdContent(dice, isStream, speech) : isStream ? fuzzedStream(dice) : fuzzedPlain(dice);
  if (dice.chance(0.1)) content = dice.mangled(content);
  let bytes = framed(dice, isStream, Buffer.from(content, "utf8").toString("latin1"));
  if (dice.chance(0.1)) bytes = dice.mangled(bytes);
  if (dice.chance(0.03))
    bytes = dice.pick([
      "",
      "\r\n\r\n",
      dice.noise(200),
      "HTTP/1.1 100 Continue\r\n\r\n".repeat(dice.below(12)) + bytes,
      bytes + bytes,
      `HTTP/1.1 200 OK\r\nx: ${"x".repeat(80_000)}\r\n\r\n`,
    ]);
  if (dice.chance(0.1)) bytes = bytes.slice(0, dice.below(bytes.length + 1));
  const afterwards = dice.chance(0.75) ? "keep" : dice.chance(0.04) ? "silence" : dice.pick(["close", "reset"] as const);
  return { pieces: dice.chance(0.6) ? [bytes] : split(dice, bytes), afterwards };
}

/** A whole answer with something in it that nobody means. */
function absurdContent(dice: Dice, isStream: boolean, speech: Speech): string {
  if (dice.chance(0.1)) return isStream ? `data: ${absurdJson(dice, dice.pick(answerSamples.errors))}\n\n` : absurdJson(dice, dice.pick(answerSamples.errors));
  const samples = answerSamples[speech];
  if (!isStream) return absurdJson(dice, samples.plain[0]);
  const broken = dice.below(samples.stream.length);
  const events = samples.stream.map((event, place) => `data: ${place === broken || dice.chance(0.1) ? absurdJson(dice, event) : JSON.stringify(event)}\n\n`);
  return speech === "chat" ? [delta("begin"), ...events, delta("end", "stop"), "data: [DONE]\n\n"].join("") : events.join("");
}

function framed(dice: Dice, isStream: boolean, content: string): string {
  const status = dice.chance(0.85) ? 200 : dice.pick([100, 101, 204, 302, 304, 400, 401, 403, 404, 408, 413, 418, 429, 500, 502, 503, 529, 599, 999]);
  const type = dice.chance(0.9)
    ? isStream
      ? "text/event-stream"
      : "application/json"
    : dice.pick(["text/html", "", "text/event-stream; charset=utf-8", "application/octet-stream"]);
  const lines = [`HTTP/1.1 ${status} X`, `content-type: ${type}`];
  if (dice.chance(0.1))
    lines.push(
      dice.pick([
        "retry-after: 1",
        "retry-after: soon",
        `retry-after: ${dice.pick(absurdNumbers)}`,
        `retry-after-ms: ${dice.pick(absurdNumbers)}`,
        "content-encoding: gzip",
        "location: http://127.0.0.1:1/",
        "connection: close",
        `x-${dice.noise(3)}: y`,
        "set-cookie: a=b",
      ]),
    );
  const kind = dice.below(10);
  if (kind < 5) return [...lines, "transfer-encoding: chunked", "", `${chunks(dice, content)}`].join("\r\n");
  if (kind < 9)
    return [...lines, `content-length: ${dice.chance(0.9) ? content.length : dice.pick([0, 1, content.length + 7, -1, "x"])}`, "", content].join("\r\n");
  return [...lines, "", content].join("\r\n");
}

function chunks(dice: Dice, content: string): string {
  const parts = content === "" ? [] : split(dice, content);
  const text = `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("")}0\r\n\r\n`;
  return dice.chance(0.1) ? dice.mangled(text) : text;
}

function fuzzedStream(dice: Dice): string {
  const events = [delta("", null), ...Array.from({ length: dice.below(6) }, () => oneEvent(dice)), delta("end", "stop")];
  if (dice.chance(0.5)) events.push(event({ choices: [], usage }));
  if (dice.chance(0.9)) events.push("data: [DONE]\n\n");
  if (dice.chance(0.05)) events.push(delta("late"), "data: [DONE]\n\n");
  const text = events.join("");
  return dice.chance(0.1) ? text.replaceAll("\n", "\r\n") : text;
}

function oneEvent(dice: Dice): string {
  if (dice.chance(0.7)) return delta(dice.pick(["word ", "", "\n\n", "data: [DONE]", '"usage":{', "é😀", "x".repeat(dice.below(3000))]));
  return dice.pick([
    ": comment\n\n",
    "event: ping\ndata: {}\n\n",
    "data:\n\n",
    "data: not json\n\n",
    "data: null\n\n",
    "data: []\n\n",
    "\n\n\n",
    'data: {"error":{"message":"overloaded","type":"server_error","code":503}}\n\n',
    'data: {"error":"text"}\n\n',
    'data: {"choices":\n\n',
    'data: {"choices":[null]}\n\n',
    'data: {"choices":[{"delta":null}]}\n\n',
    'data: {"choices":{},"usage":[]}\n\n',
    `data: {"choices":[],"usage":{"prompt_tokens":"x","completion_tokens":-1}}\n\n`,
    `retry: ${dice.noise(4)}\n\n`,
    event({ choices: [{ index: 9, delta: { tool_calls: [{ index: 0, function: { arguments: "{" } }] } }] }),
  ]);
}

function fuzzedPlain(dice: Dice): string {
  if (dice.chance(0.3))
    return dice.pick([
      "",
      "{}",
      "null",
      "[]",
      "<html>busy</html>",
      "{",
      '{"error":null}',
      '{"error":{"message":5}}',
      '{"detail":"no"}',
      '{"usage":{',
      '{"usage":{"prompt_tokens":1e400}}',
      `{"x":"${"y".repeat(dice.below(100_000))}"}`,
    ]);
  const message = { role: "assistant", content: dice.pick(["hello", "", null, '"usage":{"prompt_tokens":1}', "é😀"]) };
  return JSON.stringify({
    id: "c",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message, finish_reason: "stop" }],
    ...(dice.chance(0.8) ? { usage } : {}),
  });
}
