import type { IncomingHttpHeaders } from "node:http";
import type { Usage } from "../../../router/core/messages.ts";
import type { BucketState, QuotaState } from "../../core/hosted/hosted-quota.ts";
import type { ChatBody, Parsed } from "../chat-body.ts";
import type { HttpRefusal } from "../http-refusal.ts";

/** How one provider's API looks from outside; what it does, and when, is the model's business. */
export interface MockDialect {
  /** A hosted API wants a key; any will do. */
  readonly keyHeader: "authorization" | "api-key" | "x-api-key" | "x-goog-api-key" | null;
  /** The call that is made at a path (with its query); null: none. */
  callAt(path: string): MockPlace | null;
  parse(bytes: Buffer, place: MockPlace): Parsed;
  form(call: CallNames, body: ChatBody): AnswerForm;
  refusal(why: MockRefusal): HttpRefusal;
  /** Of a hosted API: how much of the quota is left. Name, value, name, value. */
  quotaHeaders(quota: QuotaState): readonly string[];
}

/** @property model null: the body names it @property stream null: the body says so */
export interface MockPlace {
  readonly model: string | null;
  readonly stream: boolean | null;
}
export interface CallNames {
  readonly id: string;
  readonly createdSeconds: number;
  readonly model: string;
}
export type MockEnd = "stop" | "length";

/** The bytes of one answer. A token's do not change within a call, so they are made once. */
export interface AnswerForm {
  /** Before the first token. */
  readonly opening: Buffer;
  readonly token: Buffer;
  /** The last token, the reason, the usage and what ends the stream. */
  last(reason: MockEnd, usage: Usage): Buffer;
  plain(reason: MockEnd, usage: Usage): string;
}

export type MockRefusal =
  | { readonly kind: "rate-limited"; readonly retryAfterSeconds: number | null }
  | { readonly kind: "context-exceeded"; readonly tokensMax: number; readonly inputTokens: number }
  | { readonly kind: "overloaded" | "server-error" | "no-key" | "content-filtered" }
  | { readonly kind: "unknown-model"; readonly model: string; readonly known: readonly string[] }
  | { readonly kind: "bad-request"; readonly message: string };

/** Limit, rest and the wait until it is full again, of requests and of tokens. Name, value, name, value. */
export function quotaLines(quota: QuotaState, line: (what: "requests" | "tokens", state: BucketState) => readonly string[]): readonly string[] {
  const { requests, tokens } = quota;
  return [...(requests === null ? [] : line("requests", requests)), ...(tokens === null ? [] : line("tokens", tokens))];
}

/** One word: a token of the mock's tokenizer. */
export const tokenText = " word";
export const noHeaders: readonly string[] = [];

export const hasKey = (dialect: MockDialect, headers: IncomingHttpHeaders): boolean =>
  dialect.keyHeader === null || (headers[dialect.keyHeader] ?? headers["authorization"] ?? "") !== "";
