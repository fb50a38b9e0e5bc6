import type { Duration } from "../core/machine.ts";
import type { ResponseHeaders } from "../providers/provider-adapter.ts";

export interface UpstreamRequest {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
  /** Sent one after the other. */
  readonly body: readonly Uint8Array[];
  /** For a place on a connection: name resolution, TCP and TLS together. */
  readonly connect: Duration;
}

/** Exactly one of `onEnd` and `onBroken`, last; neither after `abort()`. None of them is called before `send` has returned the call. */
export interface UpstreamHandler {
  onHead(status: number, headers: ResponseHeaders): void;
  onData(chunk: Buffer): void;
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
  /** Closes the connection at once, whatever its state. */
  abort(): void;
}

export interface UpstreamTransport {
  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall;
  /** Closes what is idle at once, the rest when it is done. */
  close(): void;
}
