import type { Duration } from "../core/machine.ts";
import type { FailureKind, Usage } from "../core/messages.ts";
import type { BodyScan } from "./body-scan.ts";
import type { Credential } from "./credential.ts";
import type { SentBody } from "./sent-body.ts";

/** `openai-other`: a path of OpenAI's that the router does not know, passed on as it came. */
export type Dialect = "openai-chat" | "openai-completions" | "openai-embeddings" | "openai-responses" | "anthropic-messages" | "openai-other";

export interface CallerRequest {
  readonly dialect: Dialect;
  readonly scan: BodyScan;
  /** Of the caller's, what goes on to the provider: trace context, and what belongs to the dialect. Name, value, name, value. */
  readonly headers: readonly string[];
  /** Of `openai-other`; null otherwise. */
  readonly passed: PassedRequest | null;
}
/** @property path begins with `/v1/`, with its query */
export interface PassedRequest {
  readonly method: string;
  readonly path: string;
}

/** @property basePath before `/v1/...`; empty where there is none */
export interface Target {
  readonly origin: string;
  readonly basePath: string;
  readonly model: string;
  /** Of Azure; null: the adapter's default. */
  readonly apiVersion: string | null;
  /** Of Vertex; null: the key is one of express mode. */
  readonly project: string | null;
  readonly location: string | null;
}

export interface Failure {
  readonly kind: FailureKind;
  readonly retryAfter: Duration | null;
  readonly billed: "no" | "maybe" | "yes";
  readonly message: string;
}

export type Encoding =
  | EncodedRequest
  /** It cannot be said in the provider's dialect: the caller is told which field, and nothing is sent. */
  | { readonly kind: "refused"; readonly field: string; readonly message: string };

/** What stands before a body, but for what authorises it. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
  /** The same object for every request that is alike: what is made of it may be kept. */
  readonly isStanding: boolean;
}

export interface EncodedRequest {
  readonly kind: "encoded";
  readonly head: RequestHead;
  readonly body: SentBody;
  readonly mode: "as-is" | "tap" | "translated";
  /** Fields of the caller's that the provider's dialect has no place for. */
  readonly dropped: readonly string[];
}

/**
 * `as-is`: bytes pass untouched but for the splices (model name, key). `tap`: bytes pass, events are also read for usage; for an OpenAI-dialect stream
 * `stream_options.include_usage` is spliced in, and the usage chunk is taken out again when the caller had not asked for it. `translated`: both directions are rewritten.
 */
export interface ProviderAdapter {
  readonly name: string;
  handles(dialect: Dialect): "passes" | "translates" | "no";
  encode(request: CallerRequest, target: Target): Encoding;
  /** Throws when the credential's origin is not the target's. Null: there is no key to send yet. */
  authorise(credential: Credential, target: Target): readonly string[] | null;
  readFailure(request: CallerRequest, status: number, headers: ResponseHeaders, body: Uint8Array): Failure;
  /** Null: it is no answer of this provider. */
  readAnswer(request: CallerRequest, body: Uint8Array): ReadAnswer | null;
  /** `end()` before the dialect's terminal event means cut, never success. */
  openStream(request: CallerRequest, out: StreamOut): AnswerStream;
}

export interface ReadAnswer {
  readonly body: Uint8Array;
  readonly usage: Usage | null;
}

/** Names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface AnswerStream {
  write(chunk: Uint8Array): void;
  end(): void;
  /** Events with content so far: what the output of an interrupted stream is estimated by, in tokens. */
  contentEvents(): number;
}

/** Exactly one of `done` and `failed` is called, once; nothing after it. */
export interface StreamOut {
  bytes(chunk: Uint8Array): void;
  firstContent(): void;
  usage(usage: Usage): void;
  done(reason: StopReason): void;
  failed(failure: Failure): void;
}
export type StopReason = "stop" | "length" | "tool" | "filter";
