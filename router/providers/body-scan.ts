import { contractBodyFields, contractMetadataFields } from "./request-contract.ts";

/**
 * What the router reads of a request's body, with the places of what it may have to replace, so that the bytes are passed on and not written anew.
 *
 * The scan walks the top level only: strings are skipped with a native search, nested values by counting brackets. Where it is not sure (an escaped or
 * repeated key, a byte order mark, text that does not look like JSON) JSON.parse decides, and the body is written anew from what it read.
 */
export interface BodyScan {
  readonly body: Buffer;
  /** Just behind the opening brace. */
  readonly inside: number;
  readonly empty: boolean;
  readonly model: string | null;
  readonly modelSpan: Span | null;
  readonly stream: boolean;
  /** The value of `stream_options`; null: absent. */
  readonly streamOptionsSpan: Span | null;
  readonly includeUsage: boolean;
  /** `max_completion_tokens`, `max_tokens` or `max_output_tokens`; null: none is a number. */
  readonly outputTokensMax: number | null;
  /** Top-level fields of the request contract and `metadata`, as given. */
  readonly asked: ReadonlyMap<string, unknown>;
  /** What takes the contract's fields out of the body. */
  readonly cuts: readonly Splice[];
  /** What the model reads before it answers, in that order: tools, system, messages and their like. */
  readonly prompt: readonly Span[];
  /** `previous_response_id`, by which the provider knows what it said before; null: none. */
  readonly continues: string | null;
  /** `service_tier`: how soon the caller wants it, and at what price; null: none is named. */
  readonly serviceTier: string | null;
}

/** Bytes that are replaced. */
export interface Splice extends Span {
  readonly text: string;
}
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type ScanResult = { readonly kind: "scanned"; readonly scan: BodyScan } | { readonly kind: "malformed"; readonly message: string };

const quote = 0x22;
const backslash = 0x5c;
const commaByte = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const read = [
  "model",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "metadata",
  "previous_response_id",
  "service_tier",
];
const promptKeys = ["tools", "system", "instructions", "messages", "prompt", "input"];
/** True: one of the contract's own, which no provider is to see. */
const wanted: ReadonlyMap<string, boolean> = new Map([
  ...[...read, ...promptKeys].map((key) => [key, false] as const),
  ...contractBodyFields.map((key) => [key, true] as const),
]);

class Found {
  readonly spans = new Map<string, Span>();
  readonly cuts: Splice[] = [];
  #keptEnd = -1;
  #cutStart = -1;
  #kept = false;

  get empty(): boolean {
    return !this.#kept;
  }

  /** @param comma the one before the member; -1: it is the first */
  member(start: number, end: number, comma: number, isCut: boolean): void {
    if (isCut) {
      if (this.#cutStart === -1) this.#cutStart = this.#keptEnd === -1 ? start : this.#keptEnd;
      return;
    }
    if (this.#cutStart !== -1) this.#cut(this.#keptEnd === -1 ? start : comma);
    this.#keptEnd = end;
    this.#kept = true;
  }

  end(at: number): void {
    if (this.#cutStart !== -1) this.#cut(at);
  }

  #cut(end: number): void {
    this.cuts.push({ start: this.#cutStart, end, text: "" });
    this.#cutStart = -1;
  }
}

/** A body that is passed on as it came. */
export function unreadBody(body: Buffer): BodyScan {
  return {
    body,
    inside: 0,
    empty: true,
    model: null,
    modelSpan: null,
    stream: false,
    streamOptionsSpan: null,
    includeUsage: false,
    outputTokensMax: null,
    asked: new Map(),
    cuts: [],
    prompt: [],
    continues: null,
    serviceTier: null,
  };
}

export function scanBody(body: Buffer): ScanResult {
  const found = findTopLevel(body, "given");
  if (found !== null) {
    const scan = readFound(body, found);
    if (scan !== null) return { kind: "scanned", scan };
  }
  return scanParsed(body);
}

function scanParsed(body: Buffer): ScanResult {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (error) {
    return { kind: "malformed", message: error instanceof Error ? error.message : String(error) };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { kind: "malformed", message: "the body is not a JSON object" };
  const rewritten = Buffer.from(JSON.stringify(value));
  const found = findTopLevel(rewritten, "rewritten");
  const scan = found === null ? null : readFound(rewritten, found);
  return scan === null ? { kind: "malformed", message: "the body cannot be read" } : { kind: "scanned", scan };
}

/** In what JSON.stringify wrote, a key with an escape is none of ours. */
type Origin = "given" | "rewritten";

/** Null: not sure. */
function findTopLevel(body: Buffer, origin: Origin): Found | null {
  let at = skipBlanks(body, 0);
  if (body[at] !== openBrace) return null;
  const found = new Found();
  let comma = -1;
  at = skipBlanks(body, at + 1);
  if (body[at] === closeBrace) return onlyBlanksFrom(body, at + 1) ? found : null;
  for (;;) {
    const end = readMember(body, at, comma, found, origin);
    if (end === -1) return null;
    at = skipBlanks(body, end);
    if (body[at] === closeBrace) {
      found.end(end);
      return onlyBlanksFrom(body, at + 1) ? found : null;
    }
    if (body[at] !== commaByte) return null;
    comma = at;
    at = skipBlanks(body, at + 1);
  }
}

/** @returns the place behind the member's value; -1: not sure */
function readMember(body: Buffer, start: number, comma: number, found: Found, origin: Origin): number {
  if (body[start] !== quote) return -1;
  const keyEnd = skipString(body, start);
  if (keyEnd === -1) return -1;
  const key = body.toString("latin1", start + 1, keyEnd - 1);
  if (origin === "given" && key.includes("\\u")) return -1;
  const at = skipBlanks(body, keyEnd);
  if (body[at] !== colon) return -1;
  const valueStart = skipBlanks(body, at + 1);
  const valueEnd = skipValue(body, valueStart);
  if (valueEnd === -1) return -1;
  const isOurs = wanted.get(key);
  if (isOurs !== undefined) {
    if (found.spans.has(key)) return -1;
    found.spans.set(key, { start: valueStart, end: valueEnd });
  }
  found.member(start, valueEnd, comma, isOurs === true);
  return valueEnd;
}

function readFound(body: Buffer, found: Found): BodyScan | null {
  const { spans } = found;
  try {
    const value = (key: string): unknown => {
      const span = spans.get(key);
      return span === undefined ? undefined : JSON.parse(body.toString("utf8", span.start, span.end));
    };
    const model = value("model");
    const options = value("stream_options");
    const cap = value("max_completion_tokens") ?? value("max_tokens") ?? value("max_output_tokens");
    const continues = value("previous_response_id");
    const serviceTier = value("service_tier");
    const metadata = spans.has("metadata") ? value("metadata") : undefined;
    return {
      body,
      inside: body.indexOf(openBrace) + 1,
      empty: found.empty,
      model: typeof model === "string" ? model : null,
      modelSpan: spans.get("model") ?? null,
      stream: value("stream") === true,
      streamOptionsSpan: spans.get("stream_options") ?? null,
      includeUsage: typeof options === "object" && options !== null && "include_usage" in options && options.include_usage === true,
      outputTokensMax: typeof cap === "number" && cap >= 0 ? Math.floor(cap) : null,
      asked: askedOf(spans, metadata, value),
      cuts: [...found.cuts, ...metadataCut(spans.get("metadata"), metadata)],
      prompt: promptKeys.flatMap((key) => spans.get(key) ?? []),
      continues: typeof continues === "string" ? continues : null,
      serviceTier: typeof serviceTier === "string" ? serviceTier : null,
    };
  } catch {
    return null;
  }
}

const nothingAsked: ReadonlyMap<string, unknown> = new Map();

function askedOf(spans: ReadonlyMap<string, Span>, metadata: unknown, value: (key: string) => unknown): ReadonlyMap<string, unknown> {
  const ours = [...spans.keys()].filter((key) => wanted.get(key) === true);
  if (ours.length === 0 && metadata === undefined) return nothingAsked;
  const asked = new Map<string, unknown>(ours.map((key) => [key, value(key)]));
  if (typeof metadata === "object" && metadata !== null)
    for (const [key, given] of Object.entries(metadata)) if (contractMetadataFields.has(key)) asked.set(`metadata.${key}`, given);
  return asked;
}

/** `metadata` without the contract's keys. */
function metadataCut(span: Span | undefined, metadata: unknown): readonly Splice[] {
  if (span === undefined || typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) return [];
  const entries = Object.entries(metadata);
  const kept = entries.filter(([key]) => !contractMetadataFields.has(key));
  return kept.length === entries.length ? [] : [{ ...span, text: JSON.stringify(Object.fromEntries(kept)) }];
}

function skipBlanks(body: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = body[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

function onlyBlanksFrom(body: Buffer, from: number): boolean {
  return skipBlanks(body, from) === body.length;
}

/** @param start the opening quote @returns behind the closing quote; -1: there is none */
function skipString(body: Buffer, start: number): number {
  let at = start + 1;
  for (;;) {
    const close = body.indexOf(quote, at);
    if (close === -1) return -1;
    let slashes = 0;
    while (body[close - 1 - slashes] === backslash) slashes += 1;
    if (slashes % 2 === 0) return close + 1;
    at = close + 1;
  }
}

function skipValue(body: Buffer, start: number): number {
  const first = body[start];
  if (first === quote) return skipString(body, start);
  if (first === openBrace || first === openBracket) return skipNested(body, start);
  return skipLiteral(body, start);
}

function skipLiteral(body: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const byte = body[at];
    // Letters, digits, plus, minus, point: what numbers, true, false and null are made of.
    if (
      byte === undefined ||
      !((byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45)
    )
      break;
    at += 1;
  }
  if (at === start) return -1;
  try {
    JSON.parse(body.toString("latin1", start, at));
    return at;
  } catch {
    return -1;
  }
}

function skipNested(body: Buffer, start: number): number {
  const closers: number[] = [];
  let at = start;
  while (at < body.length) {
    const byte = body[at];
    if (byte === quote) {
      at = skipString(body, at);
      if (at === -1) return -1;
      continue;
    }
    if (byte === openBrace) closers.push(closeBrace);
    else if (byte === openBracket) closers.push(closeBracket);
    else if (byte === closeBrace || byte === closeBracket) {
      if (closers.pop() !== byte) return -1;
      if (closers.length === 0) return at + 1;
    }
    at += 1;
  }
  return -1;
}
