import { performance } from "node:perf_hooks";
import type { AttemptLimits, AttemptOutcome, FailureKind, Usage } from "../core/messages.ts";
import type { Credential } from "../providers/credential.ts";
import type { AnswerStream, CallerRequest, Failure, ProviderAdapter, ResponseHeaders, StreamOut, Target } from "../providers/provider-adapter.ts";
import { textWithoutSecrets, withoutSecrets } from "../providers/without-secrets.ts";
import { IdleWatch } from "./idle-watch.ts";
import type { UpstreamCall, UpstreamHandler, UpstreamProblem, UpstreamTransport } from "./upstream-transport.ts";

const plainAnswerBytesMax = 256 * 1024 * 1024;
const failureBytesMax = 1024 * 1024;
/** After the dialect's end the connection should end its answer too; else it is not worth keeping. */
const lingerMs = 1000;

export interface AttemptSpec {
  readonly adapter: ProviderAdapter;
  readonly request: CallerRequest;
  readonly target: Target;
  readonly credential: Credential | null;
  readonly limits: AttemptLimits;
  /** Estimate, for the account of an attempt that tells no usage. */
  readonly inputTokens: number;
}

export interface AttemptListener {
  /** Bytes of a stream, for the caller. */
  onBytes(chunk: Uint8Array): void;
  onFirstContent(): void;
  /** Once, last. */
  onEnded(ending: AttemptEnding): void;
}

export interface AttemptEnding {
  readonly outcome: Omit<AttemptOutcome, "lagged">;
  /** A plain answer, or the answer that says the failure; null: there is none to pass on. */
  readonly answer: UpstreamAnswer | null;
  /** What the provider, or the connection, said; empty on success. */
  readonly message: string;
  /** Of the caller's request: what cannot be said in the provider's dialect; null: nothing of that kind. */
  readonly field: string | null;
  /** The message is for callers too: the provider's own, or why nothing was sent. What a connection said names addresses. */
  readonly told: boolean;
  /** The provider itself has said so, with this status; 0: the connection, a limit, or the router has. */
  readonly status: number;
}
export interface UpstreamAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
}

const nothing: readonly string[] = [];

type Reading = "nothing" | "stream" | "answer" | "failure";

/** One attempt carried out: from the encoded request to exactly one ending. */
export class Attempt implements UpstreamHandler, StreamOut {
  readonly #spec: AttemptSpec;
  readonly #listener: AttemptListener;
  readonly #idle: IdleWatch;
  #call: UpstreamCall | null = null;
  #reading: Reading = "nothing";
  #status = 0;
  #headers: ResponseHeaders = {};
  #stream: AnswerStream | null = null;
  readonly #body: Buffer[] = [];
  #bodyBytes = 0;
  #usage: Usage | null = null;
  #over = false;
  #linger: NodeJS.Timeout | null = null;
  #firstContentMs = Number.NaN;
  #dropped: readonly string[] = nothing;
  #translated = false;
  #refused = false;
  #refusedField: string | null = null;
  #authorisation: readonly string[] = nothing;

  constructor(spec: AttemptSpec, listener: AttemptListener) {
    this.#spec = spec;
    this.#listener = listener;
    this.#idle = new IdleWatch(spec.limits.idle / 1000, () => this.#giveUp("timed-out-idle", "the provider's stream stood still"));
  }

  /** On performance.now(); NaN: not yet. */
  get firstContentMs(): number {
    return this.#firstContentMs;
  }

  /** Fields of the caller's that this provider has no place for. */
  get dropped(): readonly string[] {
    return this.#dropped;
  }

  start(transport: UpstreamTransport): void {
    const { adapter, request, target, credential, limits } = this.#spec;
    const encoded = encodedFor(adapter, request, target);
    if (encoded.kind === "refused") {
      this.#refuse("bad-request", encoded.message, encoded.field);
      return;
    }
    this.#dropped = encoded.dropped;
    this.#translated = encoded.mode === "translated";
    const authorisation = credential === null ? nothing : adapter.authorise(credential, target);
    if (authorisation === null) {
      this.#refuse("unauthorised", "there is no access token for this provider yet", null);
      return;
    }
    this.#authorisation = authorisation;
    const { method, path } = encoded;
    const headers = [...encoded.headers, ...authorisation];
    this.#call = transport.send({ origin: target.origin, method, path, headers, body: encoded.body, connect: limits.connect }, this);
  }

  pause(): void {
    this.#idle.hold();
    this.#call?.pause();
  }

  resume(): void {
    this.#idle.release();
    this.#call?.resume();
  }

  /** The core has given it up. */
  abort(): void {
    if (this.#over) return;
    const sent = this.#call?.sent === true;
    this.#call?.abort();
    this.#end({ kind: "aborted", failure: null, retryAfter: null, billed: sent ? "maybe" : "no", ...this.#seenUsage() }, null, "");
  }

  onHead(status: number, headers: ResponseHeaders): void {
    if (this.#over) return;
    this.#status = status;
    this.#headers = headers;
    if (status < 200 || status > 299) this.#reading = "failure";
    else if (this.#spec.request.scan.stream && contentType(headers).startsWith("text/event-stream")) {
      this.#reading = "stream";
      this.#stream = this.#spec.adapter.openStream(this.#spec.request, this);
    } else this.#reading = "answer";
  }

  onData(chunk: Buffer): void {
    if (this.#over) return;
    this.#idle.touch();
    if (this.#stream !== null) {
      this.#stream.write(chunk);
      return;
    }
    this.#body.push(chunk);
    this.#bodyBytes += chunk.length;
    if (this.#reading === "failure" && this.#bodyBytes > failureBytesMax) {
      this.#call?.abort();
      this.#endFailure();
    } else if (this.#bodyBytes > plainAnswerBytesMax) this.#giveUp("server-error", "the provider's answer is beyond all measure");
  }

  onEnd(): void {
    if (this.#linger !== null) clearTimeout(this.#linger);
    if (this.#over) return;
    if (this.#stream !== null) this.#stream.end();
    else if (this.#reading === "failure") this.#endFailure();
    else this.#endAnswer();
  }

  onBroken(problem: UpstreamProblem): void {
    if (this.#linger !== null) clearTimeout(this.#linger);
    if (this.#over) return;
    const billed = problem.kind === "connect-failed" ? "no" : "maybe";
    this.#end({ kind: "failed", failure: problem.kind, retryAfter: null, billed, ...this.#seenUsage() }, null, problem.message);
  }

  /** What follows may be called by a stream in the middle of a read whose earlier part has ended the attempt: the core gives up on a first token that comes too late. */
  bytes(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#listener.onBytes(chunk);
  }

  firstContent(): void {
    if (this.#over) return;
    this.#firstContentMs = performance.now();
    this.#idle.start();
    this.#listener.onFirstContent();
  }

  usage(usage: Usage): void {
    this.#usage = usage;
  }

  done(): void {
    if (this.#over) return;
    const known = this.#usage !== null;
    this.#lingerOn();
    this.#end(
      { kind: "succeeded", failure: null, retryAfter: null, billed: "yes", ...(known ? { usage: this.#usage, usageEstimated: false } : this.#seenUsage()) },
      null,
      "",
    );
  }

  failed(failure: Failure): void {
    if (this.#over) return;
    this.#call?.abort();
    const { kind, retryAfter, billed, message } = failure;
    this.#end({ kind: "failed", failure: kind, retryAfter, billed, ...this.#seenUsage() }, null, message);
  }

  #lingerOn(): void {
    this.#call?.resume();
    this.#linger = setTimeout(() => this.#call?.abort(), lingerMs);
  }

  #giveUp(failure: FailureKind, message: string): void {
    if (this.#over) return;
    this.#call?.abort();
    this.#end({ kind: "failed", failure, retryAfter: null, billed: "maybe", ...this.#seenUsage() }, null, message);
  }

  #endAnswer(): void {
    const read = this.#spec.adapter.readAnswer(this.#spec.request, this.#wholeBody());
    if (read === null) {
      this.#end(
        { kind: "failed", failure: "server-error", retryAfter: null, billed: "maybe", ...this.#seenUsage() },
        null,
        "it is not in the provider's own form",
      );
      return;
    }
    const usage = read.usage === null ? this.#seenUsage() : { usage: read.usage, usageEstimated: false };
    const answer = { status: this.#status, contentType: contentType(this.#headers), body: read.body };
    this.#end({ kind: "succeeded", failure: null, retryAfter: null, billed: "yes", ...usage }, answer, "");
  }

  #endFailure(): void {
    const body = withoutSecrets(this.#wholeBody(), this.#authorisation);
    const { kind, retryAfter, billed, message } = this.#spec.adapter.readFailure(this.#spec.request, this.#status, this.#headers, body);
    const answer = this.#translated ? null : { status: this.#status, contentType: contentType(this.#headers), body };
    this.#end({ kind: "failed", failure: kind, retryAfter, billed, usage: null, usageEstimated: false }, answer, message, this.#status);
  }

  #wholeBody(): Buffer {
    const [first] = this.#body;
    return first !== undefined && this.#body.length === 1 ? first : Buffer.concat(this.#body);
  }

  /** The best figure for an attempt that did not tell its usage to the end: an event with content is about a token, four bytes of a plain answer are one; of files and other media nothing is known. */
  #seenUsage(): { usage: Usage; usageEstimated: boolean } {
    const streamed = this.#stream?.contentEvents() ?? 0;
    const plain = this.#reading === "answer" ? Math.ceil(this.#bodyBytes / 4) : 0;
    const told = this.#usage;
    const { request, inputTokens } = this.#spec;
    const isText = request.dialect !== "openai-other";
    const seen = { input: isText ? inputTokens : 0, cachedRead: 0, cacheWrite: 0, output: isText ? streamed + plain : 0, reasoning: 0 };
    return { usage: told ?? seen, usageEstimated: true };
  }

  /** Nothing has been sent. */
  #refuse(failure: FailureKind, message: string, field: string | null): void {
    this.#refused = true;
    this.#refusedField = field;
    this.#end({ kind: "failed", failure, retryAfter: null, billed: "no", usage: null, usageEstimated: false }, null, message);
  }

  #end(outcome: AttemptEnding["outcome"], answer: UpstreamAnswer | null, message: string, status = 0): void {
    this.#over = true;
    this.#idle.stop();
    const said = message === "" ? "" : textWithoutSecrets(message, this.#authorisation);
    this.#listener.onEnded({ outcome, answer, message: said, told: status !== 0 || this.#refused, status, field: this.#refusedField });
  }
}

/** The surface reads no further than it must: that a body is no JSON deep inside is found out by whoever reads all of it. */
function encodedFor(adapter: ProviderAdapter, request: CallerRequest, target: Target): ReturnType<ProviderAdapter["encode"]> {
  try {
    return adapter.encode(request, target);
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error;
    return { kind: "refused", message: `the body is not valid JSON, or nested beyond all measure: ${error.message}`, field: "body" };
  }
}

function contentType(headers: ResponseHeaders): string {
  const value = headers["content-type"];
  return (Array.isArray(value) ? value[0] : value) ?? "application/json";
}
