import type { Duration } from "../core/machine.ts";
import type { FailureKind, Usage } from "../core/messages.ts";
import type { BodyScan } from "./body-scan.ts";
import type { Credential } from "./credential.ts";

export type Dialect = "openai-chat";

export interface CallerRequest {
  readonly dialect: Dialect;
  readonly scan: BodyScan;
}

/** @property basePath before `/v1/...`; empty where there is none */
export interface Target {
  readonly origin: string;
  readonly basePath: string;
  readonly model: string;
}

export interface Failure {
  readonly kind: FailureKind;
  readonly retryAfter: Duration | null;
  readonly billed: "no" | "maybe" | "yes";
  readonly message: string;
}

export interface EncodedRequest {
  readonly path: string;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
  readonly body: readonly Uint8Array[];
  readonly mode: "as-is" | "tap" | "translated";
}

/**
 * `as-is`: bytes pass untouched but for the splices (model name, key). `tap`: bytes pass, events are also read for usage; for an OpenAI-dialect stream
 * `stream_options.include_usage` is spliced in, and the usage chunk is taken out again when the caller had not asked for it. `translated`: both directions are rewritten.
 */
export interface ProviderAdapter {
  readonly name: string;
  encode(request: CallerRequest, target: Target): EncodedRequest;
  /** Throws when the credential's origin is not the target's. */
  authorise(credential: Credential, target: Target): readonly string[];
  readFailure(status: number, headers: ResponseHeaders, body: Uint8Array): Failure;
  readAnswer(body: Uint8Array): { readonly body: Uint8Array; readonly usage: Usage | null };
  /** `end()` before the dialect's terminal event means cut, never success. */
  openStream(request: CallerRequest, out: StreamOut): AnswerStream;
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
