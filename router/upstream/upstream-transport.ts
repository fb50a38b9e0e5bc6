import type { Duration } from "../core/machine.ts";
import type { SentBody } from "../providers/sent-body.ts";
import type { ResponseHeaders } from "../providers/provider-adapter.ts";
import type { SendableHead } from "./http1/sendable-head.ts";

export interface UpstreamRequest {
  readonly origin: string;
  readonly head: SendableHead;
  readonly body: SentBody;
  /** For a place on a connection: name resolution, TCP and TLS together. */
  readonly connect: Duration;
  /** It may wait for the end of the event loop's turn, to leave with others; absent: it is sent at once. */
  readonly patient?: boolean;
}

/** @property headers of an answer that is no success; of one that is, only the content's type is told */
export interface UpstreamHead {
  readonly status: number;
  readonly contentType: string | null;
  readonly headers: ResponseHeaders;
}

/** Exactly one of `onEnd` and `onBroken`, last; neither after `abort()`. None of them is called before `send` has returned the call. */
export interface UpstreamHandler {
  onHead(head: UpstreamHead): void;
  onData(chunk: Buffer): void;
  /** What one read has brought has been told, unless the answer has ended with it. */
  onReadOver(): void;
  onEnd(): void;
  onBroken(problem: UpstreamProblem): void;
}

/** `connect-failed`: the request has not left us. `cut`: the connection broke afterwards. */
export interface UpstreamProblem {
  readonly kind: "connect-failed" | "cut";
  readonly message: string;
}

export interface UpstreamCall {
  /** The request has been handed to a connection. */
  readonly sent: boolean;
  /** The provider is not read from until `resume`. */
  pause(): void;
  resume(): void;
  /** All that was wanted has come: where the answer does not end soon by itself, its connection is closed. */
  linger(): void;
  /** Closes the connection at once, whatever its state. */
  abort(): void;
}

export interface UpstreamTransport {
  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall;
  /** Closes what is idle at once, the rest when it is done. */
  close(): void;
}
