/**
 * What of an answer must be equal to the recorded one: all keys, in any order, all constants, all numbers, null where there is null. In its place stands only a kind for:
 *
 * - ids and times, the server's path and its build;
 * - texts that a model or a tokenizer made up, their token ids, log probabilities and offsets (but not whether there is a text at all, nor how many tokens are told of).
 */
const idKeys = new Set(["id", "item_id", "created", "created_at", "root", "system_fingerprint", "tool_call_id"]);
const madeUpKeys = new Set([
  "content",
  "text",
  "delta",
  "arguments",
  "prompt",
  "token",
  "decoded_token",
  "logprob",
  "rank",
  "tokens",
  "token_logprobs",
  "text_offset",
]);
const madeUpLists = new Set(["token_ids", "tokens", "token_logprobs", "token_strs", "text_offset"]);
/** Their lengths are a word's letters, or a chat's tokens with those of the template. */
const ofAnyLength = new Set(["bytes", "prompt_token_ids", "prompt_logprobs"]);

export function shapeOf(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) {
    if (madeUpLists.has(key)) return value.map(kindOf);
    if (ofAnyLength.has(key)) return distinct(value.map((item) => (typeof item === "object" ? shapeOf(item, key) : kindOf(item))));
    return value.map((item) => shapeOf(item));
  }
  if (typeof value !== "object" || value === null) return plainShape(value, key);
  const entries = Object.entries(value);
  // By token id, or by the text of a token.
  if (key === "prompt_logprobs") return distinct(entries.map(([, inner]) => shapeOf(inner)));
  if (key === "" && entries.length > 0 && entries.every(([, inner]) => typeof inner === "number" && inner < 0)) return "log probabilities by text";
  return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([name, inner]) => [name, shapeOf(inner, name)]));
}

function plainShape(value: unknown, key: string): unknown {
  if (value === null) return null;
  if (idKeys.has(key)) return kindOf(value);
  if (madeUpKeys.has(key)) return value === "" ? "" : kindOf(value);
  return key === "message" && typeof value === "string" ? value.replaceAll(/contains \d+ characters|value=\d{5,}/g, "<letters of the prompt>") : value;
}

const kindOf = (value: unknown): string => (value === null ? "null" : typeof value);

function distinct(shapes: readonly unknown[]): readonly unknown[] {
  return [...new Set(shapes.map((shape) => JSON.stringify(shape)))].map((shape) => JSON.parse(shape) as unknown);
}

export interface StreamEvent {
  readonly name: string | null;
  readonly data: unknown;
}

export function eventsOf(stream: string): readonly StreamEvent[] {
  return stream
    .split("\n\n")
    .filter((block) => block !== "")
    .map((block) => {
      const name = /^event: (.*)$/m.exec(block)?.[1] ?? null;
      const data = /^data: (.*)$/m.exec(block)?.[1] ?? "";
      return { name, data: data === "[DONE]" ? data : shapeOf(JSON.parse(data)) };
    });
}

/** Answers of one stream go their own pace: they are compared one by one, each in its order. */
export function byAnswer(events: readonly StreamEvent[]): readonly StreamEvent[] {
  const indexOf = ({ data }: StreamEvent): number => {
    const choices: unknown = typeof data === "object" && data !== null && "choices" in data ? data.choices : null;
    const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
    return typeof first === "object" && first !== null && "index" in first ? Number(first.index) : Number.POSITIVE_INFINITY;
  };
  return events
    .map((event, place) => ({ event, place, index: indexOf(event) }))
    .toSorted((one, other) => (one.index === other.index ? one.place - other.place : one.index - other.index))
    .map(({ event }) => event);
}

/** Events that differ in their text only are one: how many tokens leave at once is a matter of when they were made. */
export function collapsed(events: readonly StreamEvent[]): readonly StreamEvent[] {
  const unnumbered = events.map(({ name, data }) => ({
    name,
    data: typeof data === "object" && data !== null ? Object.fromEntries(Object.entries(data).filter(([key]) => key !== "sequence_number")) : data,
  }));
  return unnumbered.filter((event, place) => JSON.stringify(event) !== JSON.stringify(unnumbered[place - 1]));
}
