import type { StoredResponses } from "./dialects/stored-responses.ts";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";

/** A model as the pages of its server know it. */
export interface ServedModel {
  readonly model: string;
  /** Tokens; null: no limit of its own. */
  readonly modelTokensMax: number | null;
  /** Calls that are open. */
  readonly load: number;
  /** Prometheus' text; null: it is no vLLM server. */
  metrics(): string | null;
}

export interface PageCall {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly models: readonly ServedModel[];
}
/** @property type null: there is no content */
export interface PageAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in chunks, without a length. */
  readonly chunked?: boolean;
  /** Headers that other answers of the server have. */
  readonly without?: readonly string[];
}
export type Page = (call: PageCall) => PageAnswer | Promise<PageAnswer>;

/** What a server says beside the answers to calls. One for each server. */
export interface MockSurface {
  /** That every answer to this request has; null: none. */
  headersOf(request: IncomingMessage): Readonly<Record<string, string>> | null;
  /** Said before anything else is looked at; null: go on. */
  guard(request: IncomingMessage, path: string): PageAnswer | null;
  /** By method; null: there is no such page. */
  pagesAt(path: string): Readonly<Record<string, Page>> | null;
  /** A call begins: how it ends may be counted. */
  watch(path: string, request: IncomingMessage, response: ServerResponse): void;
  /** Carries a call out when the server takes calls. */
  admit(call: () => void): void;
  /** Responses that can be asked for again; absent: none is kept. */
  readonly stored?: StoredResponses;
}

export const jsonPage = (value: unknown, status = 200): PageAnswer => ({ status, type: "application/json", body: JSON.stringify(value) });
export const emptyPage: PageAnswer = { status: 200, type: null, body: "" };
export const notFound = jsonPage({ detail: "Not Found" }, 404);

export function notAllowed(allowed: readonly string[]): PageAnswer {
  return { ...jsonPage({ detail: "Method Not Allowed" }, 405), headers: { allow: allowed.join(", ") } };
}

/** Pages that a hosted API has beside its models, for those who have a key. */
export interface KeyedPages {
  readonly pagesAt: MockSurface["pagesAt"];
  readonly hasKey: (headers: IncomingHttpHeaders) => boolean;
  readonly noKey: PageAnswer;
}

/** A hosted API's. */
export function hostedSurface(keyed: KeyedPages | null = null): MockSurface {
  const models: Page = (call) =>
    jsonPage({ object: "list", data: call.models.map(({ model }) => ({ id: model, object: "model", created: 1_700_000_000, owned_by: "headgate" })) });
  const open: Readonly<Record<string, Readonly<Record<string, Page>>>> = { "/v1/models": { GET: models }, "/health": { GET: () => emptyPage } };
  return {
    headersOf: () => null,
    guard: ({ headers }, path) => (keyed !== null && keyed.pagesAt(path) !== null && !keyed.hasKey(headers) ? keyed.noKey : null),
    pagesAt: (path) => open[path] ?? keyed?.pagesAt(path) ?? null,
    watch: () => undefined,
    admit: (call) => call(),
  };
}
