import { performance } from "node:perf_hooks";
import { tokensMax } from "../core/accounting/request-bounds.ts";
import type { Duration } from "../core/machine.ts";
import type { AttemptLimits, AttemptOutcome, FailureKind, Usage } from "../core/messages.ts";
import type { AnswerStream, CallerRequest, Failure, StreamOut } from "../providers/provider-adapter.ts";
import { textWithoutSecrets, withoutSecrets } from "../providers/without-secrets.ts";
import { type IdleListener, IdleWatch } from "./idle-watch.ts";
import type { UpstreamLane } from "./upstream-lane.ts";
import type { UpstreamCall, UpstreamHandler, UpstreamHead, UpstreamProblem, UpstreamTransport } from "./upstream-transport.ts";

const plainAnswerBytesMax = 256 * 1024 * 1024;
const failureBytesMax = 1024 * 1024;

export interface AttemptSpec {
  readonly lane: UpstreamLane;
  readonly request: CallerRequest;
  readonly limits: AttemptLimits;
  /** Estimate, for the account of an attempt that tells no usage. */
  readonly inputTokens: number;
}

export interface AttemptListener {
  /** Bytes of a stream, for the caller. */
  onBytes(chunk: Uint8Array): void;
  onFirstContent(): void;
  /** All bytes of a stream that have come together have been told. */
  onReadOver(): void;
  /** Once, last. */
  onEnded(ending: AttemptEnding): void;
}

export interface AttemptEnding {
  /** `lagged` is for the driver to say. */
  readonly outcome: AttemptOutcome;
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
const noBody = Buffer.alloc(0);

type Reading = "nothing" | "stream" | "answer" | "failure";

/** One attempt carried out: from the encoded request to exactly one ending. */
export class Attempt implements UpstreamHandler, StreamOut, IdleListener {
  readonly #spec: AttemptSpec;
  readonly #listener: AttemptListener;
  /** Of a stream, from its first content on. */
  #idle: IdleWatch | null = null;
  #held = false;
  #call: UpstreamCall | null = null;
  #reading: Reading = "nothing";
  #head: UpstreamHead | null = null;
  #stream: AnswerStream | null = null;
  #body: Buffer = noBody;
  #more: Buffer[] | null = null;
  #bodyBytes = 0;
  #usage: Usage | null = null;
  #over = false;
  #firstContentMs = Number.NaN;
  #dropped: readonly string[] = nothing;
  #translated = false;
  #refused = false;
  #refusedField: string | null = null;
  #authorisation: readonly string[] = nothing;

  constructor(spec: AttemptSpec, listener: AttemptListener) {
    this.#spec = spec;
    this.#listener = listener;
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
    const { lane, request, limits } = this.#spec;
    const encoded = lane.adapter.encode(request, lane.target);
    if (encoded.kind === "refused") {
      this.#refuse("bad-request", encoded.message, encoded.field);
      return;
    }
    this.#dropped = encoded.dropped;
    this.#translated = encoded.mode === "translated";
    const head = lane.authorised(encoded.head);
    if (head === null) {
      this.#refuse("unauthorised", "there is no access token for this provider yet", null);
      return;
    }
    this.#authorisation = head.authorisation;
    const patient = !request.scan.stream;
    this.#call = transport.send({ origin: lane.target.origin, head: head.bytes, body: encoded.body, connect: limits.connect, patient }, this);
  }

  pause(): void {
    this.#held = true;
    this.#idle?.hold();
    this.#call?.pause();
  }

  resume(): void {
    this.#held = false;
    this.#idle?.release();
    this.#call?.resume();
  }

  /** The core has given it up. */
  abort(): void {
    if (this.#over) return;
    const sent = this.#call?.sent === true;
    this.#call?.abort();
    this.#end(this.#outcome("aborted", null, null, sent ? "maybe" : "no"), null, "");
  }

  onHead(head: UpstreamHead): void {
    if (this.#over) return;
    this.#head = head;
    const { request, lane } = this.#spec;
    if (head.status < 200 || head.status > 299) this.#reading = "failure";
    else if (request.scan.stream && contentTypeOf(head).startsWith("text/event-stream")) {
      this.#reading = "stream";
      this.#stream = lane.adapter.openStream(request, this);
    } else this.#reading = "answer";
  }

  onData(chunk: Buffer): void {
    if (this.#over) return;
    if (this.#stream !== null) {
      this.#idle?.touch();
      this.#stream.write(chunk);
      return;
    }
    if (this.#bodyBytes === 0) this.#body = chunk;
    else (this.#more ??= [this.#body]).push(chunk);
    this.#bodyBytes += chunk.length;
    if (this.#reading === "failure" && this.#bodyBytes > failureBytesMax) {
      this.#call?.abort();
      this.#endFailure();
    } else if (this.#bodyBytes > plainAnswerBytesMax) this.#giveUp("server-error", "the provider's answer is beyond all measure");
  }

  onReadOver(): void {
    if (this.#stream !== null) this.#listener.onReadOver();
  }

  onEnd(): void {
    if (this.#over) return;
    if (this.#stream !== null) this.#stream.end();
    else if (this.#reading === "failure") this.#endFailure();
    else this.#endAnswer();
  }

  onBroken(problem: UpstreamProblem): void {
    if (this.#over) return;
    const billed = problem.kind === "connect-failed" ? "no" : "maybe";
    this.#end(this.#outcome("failed", problem.kind, null, billed), null, problem.message);
  }

  /** What follows may be called by a stream in the middle of a read whose earlier part has ended the attempt: the core gives up on a first token that comes too late. */
  bytes(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#listener.onBytes(chunk);
  }

  firstContent(): void {
    if (this.#over) return;
    this.#firstContentMs = performance.now();
    this.#idle = new IdleWatch(this.#spec.limits.idle / 1000, this.#held, this);
    this.#listener.onFirstContent();
  }

  usage(usage: Usage): void {
    this.#usage = usage;
  }

  done(): void {
    if (this.#over) return;
    this.#call?.linger();
    this.#end(this.#outcome("succeeded", null, null, "yes", this.#usage), null, "");
  }

  failed({ kind, retryAfter, billed, message }: Failure): void {
    if (this.#over) return;
    this.#call?.abort();
    this.#end(this.#outcome("failed", kind, retryAfter, billed), null, message);
  }

  onIdle(): void {
    this.#giveUp("timed-out-idle", "the provider's stream stood still");
  }

  #giveUp(failure: FailureKind, message: string): void {
    if (this.#over) return;
    this.#call?.abort();
    this.#end(this.#outcome("failed", failure, null, "maybe"), null, message);
  }

  #endAnswer(): void {
    const { lane, request } = this.#spec;
    const read = lane.adapter.readAnswer(request, this.#wholeBody());
    if (read === null) {
      this.#end(this.#outcome("failed", "server-error", null, "maybe"), null, "it is not in the provider's own form");
      return;
    }
    const answer = { status: this.#status, contentType: contentTypeOf(this.#head), body: read.body };
    this.#end(this.#outcome("succeeded", null, null, "yes", read.usage), answer, "");
  }

  #endFailure(): void {
    const { lane, request } = this.#spec;
    const body = withoutSecrets(this.#wholeBody(), this.#authorisation);
    const { kind, retryAfter, billed, message } = lane.adapter.readFailure(request, this.#status, this.#head?.headers ?? {}, body);
    const answer = this.#translated ? null : { status: this.#status, contentType: contentTypeOf(this.#head), body };
    this.#end(nothingUsed(kind, retryAfter, billed), answer, message, this.#status);
  }

  get #status(): number {
    return this.#head?.status ?? 0;
  }

  #wholeBody(): Buffer {
    return this.#more === null ? this.#body : Buffer.concat(this.#more);
  }

  /** @param known what it told to its end; null: nothing, and what was seen stands for it */
  #outcome(
    kind: AttemptOutcome["kind"],
    failure: FailureKind | null,
    retryAfter: Duration | null,
    billed: AttemptOutcome["billed"],
    known: Usage | null = null,
  ): AttemptOutcome {
    return { kind, failure, retryAfter, billed, usage: known ?? this.#usage ?? this.#seenUsage(), usageEstimated: known === null, lagged: false };
  }

  /** The best figure for an attempt that did not tell its usage: an event with content is about a token, four bytes of a plain answer are one; of files and other media nothing is known. */
  #seenUsage(): Usage {
    const streamed = this.#stream?.contentEvents() ?? 0;
    const plain = this.#reading === "answer" ? Math.ceil(this.#bodyBytes / 4) : 0;
    const { request, inputTokens } = this.#spec;
    const isText = request.dialect !== "openai-other";
    return { input: isText ? inputTokens : 0, cachedRead: 0, cacheWrite: 0, output: isText ? Math.min(streamed + plain, tokensMax) : 0, reasoning: 0 };
  }

  /** Nothing has been sent. */
  #refuse(failure: FailureKind, message: string, field: string | null): void {
    this.#refused = true;
    this.#refusedField = field;
    this.#end(nothingUsed(failure, null, "no"), null, message);
  }

  #end(outcome: AttemptOutcome, answer: UpstreamAnswer | null, message: string, status = 0): void {
    this.#over = true;
    this.#idle?.stop();
    const said = message === "" ? "" : textWithoutSecrets(message, this.#authorisation);
    this.#listener.onEnded({ outcome, answer, message: said, told: status !== 0 || this.#refused, status, field: this.#refusedField });
  }
}

function nothingUsed(failure: FailureKind, retryAfter: Duration | null, billed: AttemptOutcome["billed"]): AttemptOutcome {
  return { kind: "failed", failure, retryAfter, billed, usage: null, usageEstimated: false, lagged: false };
}

const contentTypeOf = (head: UpstreamHead | null): string => head?.contentType ?? "application/json";
