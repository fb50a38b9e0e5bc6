import type { HttpRefusal } from "./http-refusal.ts";
import { badRequest, invalidBody } from "./http-refusal.ts";
import { countWords } from "./word-count.ts";

/** What the mock needs of a chat completion's body. */
export interface ChatBody {
  /** Null: the server's only model. */
  readonly model: string | null;
  readonly inputTokens: number;
  /** Null: none given. */
  readonly outputTokensMax: number | null;
  /** Which of the two fields gave it. */
  readonly capField: "max_tokens" | "max_completion_tokens";
  readonly outputTokensMin: number;
  /** Exactly the cap is generated: `ignore_eos`, or min_tokens equal to the cap. */
  readonly exactLength: boolean;
  readonly stream: boolean;
  /** It asks for the tier that may be delayed; absent: not. */
  readonly batch?: boolean;
  readonly includeUsage: boolean;
  /** From a first word `#17` of the prompt, by which a replay says which arrival this is; null: none. */
  readonly serial: number | null;
  /** Tools that the answer calls, side by side; empty: it is text. */
  readonly calls: readonly MockToolCall[];
}
/** @property arguments JSON text */
export interface MockToolCall {
  readonly name: string;
  readonly arguments: string;
}

export type Parsed = { readonly kind: "body"; readonly body: ChatBody } | { readonly kind: "refused"; readonly refusal: HttpRefusal };
type Fields = Readonly<Record<string, unknown>>;

const refuse = (refusal: HttpRefusal): Parsed => ({ kind: "refused", refusal });

export function parseChatBody(bytes: Buffer): Parsed {
  if (bytes.length === 0) return refuse(invalidBody("missing", "body", "Field required", "None"));
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString("utf8"));
  } catch {
    return refuse(invalidBody("json_invalid", "body", "JSON decode error", "<dict of 0 items>"));
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    return refuse(invalidBody("model_attributes_type", "body", "Input should be a valid dictionary or object to extract fields from", "<no dict>"));
  }
  return readFields(parsed as Fields);
}

function readFields(fields: Fields): Parsed {
  const problem = checkFields(fields) ?? checkMessages(fields["messages"]);
  if (problem !== null) return refuse(problem);
  const stream = fields["stream"] === true;
  const streamOptions = fields["stream_options"];
  if (!stream && isObject(streamOptions)) {
    return refuse(badRequest("Stream options can only be defined when `stream=True`. (parameter=stream_options)", "stream_options"));
  }
  const outputTokensMax = wholeOrNull(fields["max_completion_tokens"]) ?? wholeOrNull(fields["max_tokens"]);
  const outputTokensMin = wholeOrNull(fields["min_tokens"]) ?? 0;
  if (outputTokensMax !== null && outputTokensMin > outputTokensMax) {
    return refuse(badRequest(`min_tokens must be less than or equal to max_tokens=${outputTokensMax}, got ${outputTokensMin}.`, null));
  }
  const messages = fields["messages"] as readonly unknown[];
  const body: ChatBody = {
    model: typeof fields["model"] === "string" ? fields["model"] : null,
    inputTokens: Math.max(1, countInput(messages)),
    outputTokensMax,
    capField: wholeOrNull(fields["max_completion_tokens"]) === null ? "max_tokens" : "max_completion_tokens",
    outputTokensMin,
    exactLength: outputTokensMax !== null && (fields["ignore_eos"] === true || outputTokensMin === outputTokensMax),
    stream,
    batch: fields["service_tier"] === "flex",
    includeUsage: isObject(streamOptions) && streamOptions["include_usage"] === true,
    serial: serialOf(messages),
    calls: callsOf(fields, messages),
  };
  return { kind: "body", body };
}

const wholeFields = ["max_tokens", "max_completion_tokens", "min_tokens"] as const;

function checkFields(fields: Fields): HttpRefusal | null {
  for (const name of wholeFields) {
    const value = fields[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== "number" || !Number.isInteger(value)) {
      return invalidBody("int_parsing", `body.${name}`, "Input should be a valid integer, unable to parse string as an integer", shown(value));
    }
    if (value < 1 && name !== "min_tokens") return badRequest(`${name} must be at least 1, got ${value}. (parameter=${name}, value=${value})`, name);
  }
  return null;
}

function checkMessages(messages: unknown): HttpRefusal | null {
  if (messages === undefined) return invalidBody("missing", "body.messages", "Field required", "<dict>");
  if (!Array.isArray(messages)) return invalidBody("list_type", "body.messages", "Input should be a valid list", shown(messages));
  if (messages.length > 0) return null;
  return badRequest("Cannot apply chat template to an empty conversation. Provide at least one message.", null);
}

function countInput(messages: readonly unknown[]): number {
  let words = 0;
  for (const message of messages) for (const text of textsOf(message)) words += countWords(text);
  return words;
}

function serialOf(messages: readonly unknown[]): number | null {
  const text = textsOf(messages[0])[0];
  if (text === undefined || !text.startsWith("#")) return null;
  const serial = /^#(\d{1,15})(?=\s|$)/.exec(text)?.[1];
  return serial === undefined ? null : Number(serial);
}

function textsOf(message: unknown): readonly string[] {
  if (!isObject(message)) return [];
  const content = message["content"];
  if (typeof content === "string") return [content];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: unknown) => (isObject(part) && typeof part["text"] === "string" ? [part["text"]] : []));
}

/** Where tools are offered they are called, the first two of them, unless a tool has just been heard or none is wanted. */
function callsOf(fields: Fields, messages: readonly unknown[]): readonly MockToolCall[] {
  const last = messages.at(-1);
  if (fields["tool_choice"] === "none" || (isObject(last) && last["role"] === "tool")) return [];
  const tools: readonly unknown[] = Array.isArray(fields["tools"]) ? fields["tools"] : [];
  const offered = tools.flatMap((tool) =>
    isObject(tool) && isObject(tool["function"]) ? mockCall(tool["function"]["name"], tool["function"]["parameters"]) : [],
  );
  return offered.slice(0, fields["parallel_tool_calls"] === false ? 1 : 2);
}

/** With a word for each text that the schema requires. */
export function mockCall(name: unknown, schema: unknown): MockToolCall {
  const required: readonly unknown[] = isObject(schema) && Array.isArray(schema["required"]) ? schema["required"] : [];
  return { name: String(name), arguments: JSON.stringify(Object.fromEntries(required.map((field) => [String(field), "word"]))) };
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function wholeOrNull(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
