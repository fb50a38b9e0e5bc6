import { tokensMax } from "../core/accounting/request-bounds.ts";
import { keyId, ourKeys, promptKeys } from "./body-keys.ts";
import { isPlainNumber, isWord } from "./json-skip.ts";
import { contractMetadataFields } from "./request-contract.ts";
import type { Splice } from "./sent-body.ts";
import { type Span, TopLevel } from "./top-level.ts";

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
  /** `max_completion_tokens`, `max_tokens` or `max_output_tokens`, ten million at most; null: none is a number. */
  readonly outputTokensMax: number | null;
  /** How many the provider makes of each prompt: `n`, or `best_of` where that is more. */
  readonly answers: number;
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

export type ScanResult = { readonly kind: "scanned"; readonly scan: BodyScan } | { readonly kind: "malformed"; readonly message: string };

const quote = 0x22;
const openBrace = 0x7b;
const topLevel = new TopLevel();

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
    answers: 1,
    asked: new Map(),
    cuts: [],
    prompt: [],
    continues: null,
    serviceTier: null,
  };
}

export function scanBody(body: Buffer): ScanResult {
  const scan = topLevel.find(body, "given") ? readFound(body) : null;
  return scan === null ? scanParsed(body) : { kind: "scanned", scan };
}

function scanParsed(body: Buffer): ScanResult {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (error) {
    return { kind: "malformed", message: error instanceof Error ? error.message : String(error) };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { kind: "malformed", message: "the body is not a JSON object" };
  const rewritten = writtenAnew(value);
  if (rewritten === null) return { kind: "malformed", message: "it is nested beyond all measure" };
  const scan = topLevel.find(rewritten, "rewritten") ? readFound(rewritten) : null;
  return scan === null ? { kind: "malformed", message: "the body cannot be read" } : { kind: "scanned", scan };
}

/** Null: JSON.parse reads what is nested deeper than JSON.stringify can write. */
function writtenAnew(value: object): Buffer | null {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const modelId = keyId("model");
const streamId = keyId("stream");
const optionsId = keyId("stream_options");
const metadataId = keyId("metadata");
const continuesId = keyId("previous_response_id");
const tierId = keyId("service_tier");
const answersId = keyId("n");
const bestOfId = keyId("best_of");
const capIds = [keyId("max_completion_tokens"), keyId("max_tokens"), keyId("max_output_tokens")];
const trueBytes = Buffer.from("true");
const nothingAsked: ReadonlyMap<string, unknown> = new Map();

/** Null: a value is no JSON. */
function readFound(body: Buffer): BodyScan | null {
  const { empty, cuts } = topLevel;
  try {
    const options = topLevel.has(optionsId) ? valueOf(body, optionsId) : null;
    const metadata = topLevel.has(metadataId) ? valueOf(body, metadataId) : undefined;
    return {
      body,
      inside: body.indexOf(openBrace) + 1,
      empty,
      model: textOf(body, modelId),
      modelSpan: topLevel.span(modelId),
      stream: topLevel.has(streamId) && isWord(body, topLevel.start(streamId), topLevel.end(streamId), trueBytes),
      streamOptionsSpan: topLevel.span(optionsId),
      includeUsage: typeof options === "object" && options !== null && "include_usage" in options && options.include_usage === true,
      outputTokensMax: capOf(body),
      answers: Math.max(countOf(body, answersId), countOf(body, bestOfId)),
      asked: topLevel.hasOurs || metadata !== undefined ? askedOf(body, metadata) : nothingAsked,
      cuts: metadata === undefined ? cuts : [...cuts, ...metadataCut(topLevel.span(metadataId), metadata)],
      prompt: promptOf(),
      continues: topLevel.has(continuesId) ? textOf(body, continuesId) : null,
      serviceTier: topLevel.has(tierId) ? textOf(body, tierId) : null,
    };
  } catch {
    return null;
  }
}

function valueOf(body: Buffer, id: number): unknown {
  return JSON.parse(body.toString("utf8", topLevel.start(id), topLevel.end(id)));
}

/** Null: it is none, or not there. */
function textOf(body: Buffer, id: number): string | null {
  const start = topLevel.start(id);
  const end = topLevel.end(id);
  if (start === -1 || body[start] !== quote) return null;
  for (let at = start + 1; at < end - 1; at += 1) {
    const byte = body[at] ?? 0;
    if (byte < 0x20 || byte > 0x7e || byte === 0x5c) return valueOf(body, id) as string;
  }
  return body.toString("latin1", start + 1, end - 1);
}

/** 1 where it is no number, or not there; no more than there can be tokens. */
function countOf(body: Buffer, id: number): number {
  const count = topLevel.has(id) ? simpleValueOf(body, id) : null;
  return typeof count === "number" && count > 1 ? Math.min(Math.floor(count), tokensMax) : 1;
}

function simpleValueOf(body: Buffer, id: number): unknown {
  const start = topLevel.start(id);
  const end = topLevel.end(id);
  return isPlainNumber(body, start, end) ? numberAt(body, start, end) : valueOf(body, id);
}

/** The first that is given; null: it is no number. */
function capOf(body: Buffer): number | null {
  for (const id of capIds) {
    if (!topLevel.has(id)) continue;
    const cap = simpleValueOf(body, id);
    if (cap !== null) return typeof cap === "number" && cap >= 0 ? Math.min(Math.abs(Math.floor(cap)), tokensMax) : null;
  }
  return null;
}

function numberAt(body: Buffer, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at += 1) number = number * 10 + (body[at] ?? 0) - 0x30;
  return number;
}

function promptOf(): readonly Span[] {
  const spans: Span[] = [];
  for (const { id } of promptKeys) if (topLevel.has(id)) spans.push({ start: topLevel.start(id), end: topLevel.end(id) });
  return spans;
}

function askedOf(body: Buffer, metadata: unknown): ReadonlyMap<string, unknown> {
  const asked = new Map<string, unknown>();
  for (const { name, id } of ourKeys) if (topLevel.has(id)) asked.set(name, valueOf(body, id));
  if (typeof metadata === "object" && metadata !== null)
    for (const [key, given] of Object.entries(metadata)) if (contractMetadataFields.has(key)) asked.set(`metadata.${key}`, given);
  return asked;
}

/** `metadata` without the contract's keys. */
function metadataCut(span: Span | null, metadata: unknown): readonly Splice[] {
  if (span === null || typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) return [];
  const entries = Object.entries(metadata);
  const kept = entries.filter(([key]) => !contractMetadataFields.has(key));
  return kept.length === entries.length ? [] : [{ ...span, bytes: Buffer.from(JSON.stringify(Object.fromEntries(kept))) }];
}
