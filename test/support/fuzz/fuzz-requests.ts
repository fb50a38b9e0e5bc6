import { absurdJson } from "./absurd-json.ts";
import { requestNumbers } from "./absurd-samples.ts";
import { fuzzModels } from "./fuzz-models.ts";
import type { Dice } from "./dice.ts";

/** How a caller sends it: pieces with pauses between them, and afterwards waits, leaves, or ends its half. */
export interface FuzzedRequest {
  readonly pieces: readonly string[];
  readonly pauseMs: number;
  readonly afterwards: "wait" | "leave" | "end";
  readonly isHead: boolean;
}

const paths = [
  "/v1/chat/completions",
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/responses",
  "/v1/messages",
  "/v1/messages/count_tokens",
  "/v1/models",
  "/v1/models/chat",
  "/v1/requests/none",
  "/v1/files",
  "/health",
  "/",
];
const contractHeaders = [
  "x-headgate-tags",
  "x-headgate-priority",
  "x-headgate-max-latency-ms",
  "x-headgate-region",
  "x-headgate-residency",
  "traceparent",
  "accept",
];

export function fuzzedRequest(dice: Dice): FuzzedRequest {
  const method = dice.chance(0.85) ? "POST" : dice.pick(["GET", "PUT", "HEAD", "OPTIONS", "DELETE", "FROB", "CONNECT", "post"]);
  const path = dice.chance(0.9)
    ? dice.pick(paths)
    : dice.pick([`/${dice.noise(12).replace(/[\s\p{Cc}]/gu, "")}`, "/v1/../admin", "/v1/%00", `/${"x".repeat(9000)}`, "*", "http://elsewhere/v1/models"]);
  const absurd = dice.chance(0.3) ? absurdRequest(dice) : null;
  if (absurd !== null) return { ...absurd, pauseMs: 0, afterwards: "wait", isHead: false };
  const body = fuzzedBody(dice);
  const lines = [`${method} ${path} HTTP/1.${dice.chance(0.95) ? 1 : 0}`, ...(dice.chance(0.97) ? ["host: headgate"] : []), "connection: close"];
  for (let count = dice.below(4); count > 0; count -= 1) lines.push(fuzzedHeader(dice));
  let bytes: string;
  if (dice.chance(0.8)) bytes = [...lines, `content-length: ${fuzzedLength(dice, body.length)}`, "", body].join("\r\n");
  else bytes = [...lines, "transfer-encoding: chunked", "", chunked(dice, body)].join("\r\n");
  if (dice.chance(0.1)) bytes = dice.mangled(bytes);
  const pieces = dice.chance(0.7) ? [bytes] : split(dice, bytes);
  const afterwards = dice.chance(0.9) ? "wait" : dice.pick(["leave", "end"] as const);
  return { pieces, pauseMs: dice.chance(0.01) ? 100 : 0, afterwards, isHead: method === "HEAD" };
}

const messages = [{ role: "user", content: "hello" }];
const plainTool = { name: "f", parameters: { type: "object" } };
const absurdBodies = [
  {
    path: "/v1/chat/completions",
    sample: {
      model: "chat",
      max_tokens: 8,
      n: 1,
      stream: true,
      stream_options: { include_usage: true },
      tools: [{ type: "function", function: plainTool }],
      messages,
    },
    more: requestNumbers["openai-chat"],
  },
  {
    path: "/v1/completions",
    sample: { model: "chat", max_tokens: 8, best_of: 1, n: 1, prompt: ["a", "b"], logprobs: 1, echo: true },
    more: ["seed", "suffix"],
  },
  { path: "/v1/embeddings", sample: { model: "chat", input: ["a", "b"], dimensions: 8, encoding_format: "float" }, more: ["user"] },
  { path: "/v1/responses", sample: { model: "chat", input: messages, max_output_tokens: 8 }, more: requestNumbers["openai-responses"] },
  { path: "/v1/messages", sample: { model: "chat", max_tokens: 8, stream: true, system: "x", messages }, more: requestNumbers["anthropic-messages"] },
  { path: "/v1/messages/count_tokens", sample: { model: "chat", messages }, more: ["system", "tools"] },
] as const;

/** Sent as it should be, but with something in the body that nobody means. */
function absurdRequest(dice: Dice): { readonly pieces: readonly string[] } {
  const { path, sample, more } = dice.pick(absurdBodies);
  const body = Buffer.from(absurdJson(dice, { ...sample, model: dice.pick(fuzzModels) }, more), "utf8").toString("latin1");
  return { pieces: [`POST ${path} HTTP/1.1\r\nhost: headgate\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`, body] };
}

function fuzzedLength(dice: Dice, length: number): string {
  if (dice.chance(0.95)) return String(length);
  return dice.pick(["0", "-1", "+5", "0x10", "1e3", "99999999999999999999", "", "abc", String(length + 5), String(Math.max(0, length - 5)), "999999999"]);
}

function chunked(dice: Dice, body: string): string {
  const parts = body === "" ? [] : split(dice, body);
  const text = parts.map((part) => `${part.length.toString(16)}${dice.chance(0.1) ? ";x=y" : ""}\r\n${part}\r\n`).join("");
  const whole = `${text}0\r\n${dice.chance(0.1) ? "x-trailer: 1\r\n" : ""}\r\n`;
  return dice.chance(0.2) ? dice.mangled(whole) : whole;
}

function fuzzedHeader(dice: Dice): string {
  const name = dice.chance(0.7)
    ? dice.pick(contractHeaders)
    : dice.pick(["authorization", "content-type", "content-encoding", "expect", "x-api-key", "cookie", dice.noise(5)]);
  const value = dice.pick([
    "",
    "1",
    "-1",
    "gzip",
    "100-continue",
    "Bearer x",
    "NaN",
    "a,b,,c",
    "x".repeat(dice.chance(0.02) ? 30_000 : 50),
    dice.noise(20),
    "\u00e9\u00ff",
  ]);
  return `${name}: ${value}`;
}

const role = ["user", "system", "assistant", "tool", "developer", "nobody"];

function fuzzedBody(dice: Dice): string {
  if (dice.chance(0.1))
    return dice.pick(["", "{", "[]", "null", "{}", '"text"', "{".repeat(5000), `[${"[".repeat(20_000)}`, "\ufeff{}", '{"model":"chat",}', dice.noise(100)]);
  const fields: Record<string, unknown> = { model: dice.chance(0.9) ? "chat" : dice.pick([null, 7, "", "none", ["chat"], "x".repeat(5000)]) };
  if (dice.chance(0.9)) fields["messages"] = Array.from({ length: dice.below(4) }, () => fuzzedMessage(dice));
  else fields["messages"] = dice.pick([null, {}, "hello", [null], [[]], [{}], 3]);
  if (dice.chance(0.2)) fields["input"] = dice.pick(["hello", ["a", "b"], [{ role: "user", content: "x" }], 4]);
  if (dice.chance(0.2)) fields["prompt"] = dice.pick(["hello", ["a"], [1, 2, 3]]);
  if (dice.chance(0.4)) fields["stream"] = dice.pick([true, true, false, "true", 1, null]);
  for (const name of [
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "n",
    "stop",
    "tools",
    "tool_choice",
    "stream_options",
    "response_format",
    "metadata",
    "user",
    "__proto__",
  ]) {
    if (dice.chance(0.08))
      fields[name] = dice.pick<unknown>([0, -1, 1e308, 4096, "x", [], {}, [{}], { include_usage: "yes" }, { type: "json_object" }, null, true]);
  }
  let text = JSON.stringify(fields);
  if (dice.chance(0.03)) text = text.replace("{", `{"big":"${"\\u0041".repeat(dice.below(50_000))}",`);
  if (dice.chance(0.05)) text = text.replace('"model"', '"mod\\u0065l"');
  if (dice.chance(0.05)) text = text.replace("{", '{"model":"chat",');
  if (dice.chance(0.1)) text = dice.mangled(text);
  return Buffer.from(text, "utf8").toString("latin1");
}

function fuzzedMessage(dice: Dice): unknown {
  const content = dice.pick<unknown>([
    "hello",
    "",
    null,
    5,
    [{ type: "text", text: "x" }],
    [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }],
    [{ type: "odd" }],
    "\ud800",
    "é€😀",
  ]);
  const message: Record<string, unknown> = { role: dice.pick(role), content };
  if (dice.chance(0.1)) message["tool_calls"] = dice.pick<unknown>([[], [{ id: "1", type: "function", function: { name: "f", arguments: "{" } }], "x", [null]]);
  return message;
}

export function split(dice: Dice, text: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const end = at + 1 + dice.below(Math.max(1, Math.ceil(text.length / 3)));
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces;
}
