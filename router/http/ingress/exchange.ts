/** By names in lower case; where a header came more than once, its values are joined as Node joins them. */
export interface CallerHeaders {
  get(name: string): string | undefined;
}

export interface ExchangeWatcher {
  /** The caller has gone before the end of its answer. */
  onClosed(): void;
  /** What was written has left: it may go on. */
  onDrain(): void;
}

/**
 * One request of a caller's and the way back to it. Two ways lead here, the fast lane (lane-connection.ts) and Node's HTTP server (node-exchange.ts); handlers cannot tell
 * them apart. Exactly one of `answer` and `beginStream` is called, once; a stream is ended by `endStream`, `cutStream` or `destroy`. Headers are name, value, name, value.
 */
export interface Exchange {
  readonly method: string;
  /** Path and query, as they came. */
  readonly target: string;
  readonly headers: CallerHeaders;
  /** Calls `whole` once with the body, or `refuse` once. Neither when the caller goes away before the end. */
  receiveBody(bytesMax: number, whole: (body: Buffer) => void, refuse: () => void): void;
  /** Nobody wants the body: what comes of it is thrown away. */
  discardBody(): void;
  /** For whichever answer will be given. */
  addHeaders(headers: readonly string[]): void;
  /** From now on. */
  watch(watcher: ExchangeWatcher): void;
  /** The whole answer, in one write. */
  answer(status: number, headers: readonly string[], body: Uint8Array): void;
  /** Status 200, of unknown length; the head leaves with the first bytes. */
  beginStream(headers: readonly string[]): void;
  /** One write, at once. @returns false: the caller reads too slowly, and `onDrain` will follow */
  writeStream(chunks: readonly Uint8Array[], bytes: number): boolean;
  /** What is left of a stream, and its end, in one write. */
  endStream(chunks: readonly Uint8Array[], bytes: number): void;
  /** What is left of a stream that must not end like a whole one: the connection is broken off behind it. */
  cutStream(chunks: readonly Uint8Array[], bytes: number): void;
  /** Breaks the connection off. */
  destroy(): void;
}

export const noWatcher: ExchangeWatcher = { onClosed: () => undefined, onDrain: () => undefined };
