import type { IncomingHttpHeaders } from "node:http";
import type { Usage } from "../../../router/core/messages.ts";
import type { BucketState, QuotaState } from "../../core/hosted/hosted-quota.ts";
import type { AnswerScript } from "../answer-script.ts";
import type { HttpRefusal } from "../http-refusal.ts";
import type { MockBody, Parsed } from "../mock-body.ts";
import type { MockSurface } from "../mock-surface.ts";
import type { StoredResponses } from "./stored-responses.ts";

/** How one provider's API looks from outside; what it does, and when, is the model's business. */
export interface MockDialect {
  /** A hosted API wants a key; any will do. */
  readonly keyHeader: "authorization" | "api-key" | "x-api-key" | "x-goog-api-key" | null;
  /** The call that is made at a path (with its query); null: none. */
  callAt(path: string): MockPlace | null;
  /** Of a hosted API: how much of the quota is left. Name, value, name, value. */
  quotaHeaders(quota: QuotaState): readonly string[];
  /** What a server of it says beside the answers to calls. */
  surface(): MockSurface;
}

/** One kind of call: how it is read, answered and refused. */
export interface MockOperation {
  parse(request: MockRequest): Parsed;
  form(call: CallNames, body: MockBody, script: AnswerScript): AnswerForm;
  /** Of a body with several sequences, each with its script; absent: there are none. */
  choices?(call: CallNames, body: MockBody, scripts: readonly AnswerScript[]): ChoicesForm;
  refusal(why: MockRefusal): HttpRefusal;
}

/** @property model null: the body names it @property stream null: the body says so */
export interface MockPlace {
  readonly operation: MockOperation;
  readonly model: string | null;
  readonly stream: boolean | null;
}
export interface MockRequest {
  readonly bytes: Buffer;
  readonly headers: IncomingHttpHeaders;
  readonly place: MockPlace;
  /** What the server keeps of earlier ones; null: it keeps none. */
  readonly stored: StoredResponses | null;
}

/** @property id without the prefix that tells what it is the id of @property blockTokens of the engine's cache; 0: it has none */
export interface CallNames {
  readonly id: string;
  readonly createdSeconds: number;
  readonly model: string;
  readonly blockTokens: number;
}
export type MockEnd = "stop" | "length";

/** The bytes of one answer. */
export interface AnswerForm {
  /** Before the first token. */
  readonly opening: Buffer;
  /** Of any token but the last, counted from 0. The same each time, unless the wishes make them differ. */
  token(index: number): Buffer;
  /** The last token, the reason, the usage and what ends the stream. */
  last(reason: MockEnd, usage: Usage): Buffer;
  plain(reason: MockEnd, usage: Usage): string;
}

export interface SequenceEnd {
  readonly reason: MockEnd;
  readonly usage: Usage;
}

/** The bytes of an answer whose choices the engine works on side by side, each for itself. */
export interface ChoicesForm {
  readonly opening: Buffer;
  token(choice: number, index: number): Buffer;
  last(choice: number, end: SequenceEnd): Buffer;
  /** Of a stream, behind the last one of all. */
  tail(told: Usage): Buffer;
  plain(ends: readonly SequenceEnd[], told: Usage): string;
}

const nothing = Buffer.alloc(0);

/** One sequence, whatever the answer makes of it. */
export function oneSequence(form: AnswerForm): ChoicesForm {
  return {
    opening: form.opening,
    token: (_choice, index) => form.token(index),
    last: (_choice, { reason, usage }) => form.last(reason, usage),
    tail: () => nothing,
    plain: (ends, told) => form.plain(ends[0]?.reason ?? "stop", told),
  };
}

export type MockRefusal =
  | { readonly kind: "rate-limited"; readonly retryAfterSeconds: number | null }
  | { readonly kind: "context-exceeded"; readonly tokensMax: number; readonly inputTokens: number }
  | { readonly kind: "overloaded" | "backlog-full" | "server-error" | "no-key" | "content-filtered" }
  | { readonly kind: "unknown-model"; readonly model: string; readonly known: readonly string[] }
  | { readonly kind: "bad-request"; readonly message: string };

/** Limit, rest and the wait until it is full again, of requests and of tokens. Name, value, name, value. */
export function quotaLines(quota: QuotaState, line: (what: "requests" | "tokens", state: BucketState) => readonly string[]): readonly string[] {
  const { requests, tokens } = quota;
  return [...(requests === null ? [] : line("requests", requests)), ...(tokens === null ? [] : line("tokens", tokens))];
}

export const noHeaders: readonly string[] = [];

export const hasKey = (dialect: MockDialect, headers: IncomingHttpHeaders): boolean =>
  dialect.keyHeader === null || (headers[dialect.keyHeader] ?? headers["authorization"] ?? "") !== "";

/** One event of a stream without a name. */
export const dataEvent = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;
/** One event of a stream, by name. */
export const namedEvent = (type: string, value: object): string => `event: ${type}\ndata: ${JSON.stringify(value)}\n\n`;
