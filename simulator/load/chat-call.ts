import type { Dispatcher } from "undici";
import type { Instant } from "../../router/core/machine.ts";
import type { Usage } from "../../router/core/messages.ts";
import type { AnswerResult } from "./answer-result.ts";
import { resultOfBrokenStream, resultOfError } from "./answer-result.ts";
import { objectIn, parsed, StreamReading, textIn } from "./stream-reading.ts";

/** One call as its caller saw it. Instants of the run's clock. */
export interface CallReport extends AnswerResult {
  readonly sent: Instant;
  readonly headers: Instant | null;
  readonly first: Instant | null;
  readonly last: Instant | null;
  readonly end: Instant;
  readonly outputTokens: number;
  readonly usage: Usage | null;
  /** From `x-headgate-deployment` and `x-headgate-attempts`; null where the target is not headgate. */
  readonly deployment: string | null;
  readonly attempts: number | null;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const errorBytesMax = 64 * 1024;

/** Sends one chat completion and reports once, whatever happens. */
export class ChatCall implements Dispatcher.DispatchHandler {
  readonly #now: () => Instant;
  readonly #report: (report: CallReport) => void;
  readonly #reading: StreamReading;
  #sent = 0 as Instant;
  #headersAt: Instant | null = null;
  #status = 0;
  #headers: Headers = {};
  #errorBody = "";
  #controller: Dispatcher.DispatchController | null = null;
  #givenUp = false;
  #over = false;

  constructor(now: () => Instant, report: (report: CallReport) => void) {
    this.#now = now;
    this.#report = report;
    this.#reading = new StreamReading(now);
  }

  send(dispatcher: Dispatcher, path: string, headers: readonly string[], body: Buffer): void {
    this.#sent = this.#now();
    dispatcher.dispatch({ method: "POST", path, headers: [...headers], body }, this);
  }

  /** The replay is over before the answer is. */
  giveUp(): void {
    this.#givenUp = true;
    this.#controller?.abort(new Error("given up"));
    this.#end({ result: "failed", why: "timed-out-total" });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#givenUp) controller.abort(new Error("given up"));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status < 200) return;
    this.#headersAt = this.#now();
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#status === 200) this.#reading.read(chunk);
    else if (this.#errorBody.length < errorBytesMax) this.#errorBody += chunk.toString("utf8");
  }

  onResponseEnd(): void {
    if (this.#status === 200) this.#end(this.#streamResult());
    else {
      const error = objectIn(parsed(this.#errorBody) ?? {}, "error") ?? {};
      this.#end(resultOfError(this.#status, textIn(error, "code"), textIn(error, "message") ?? "", this.#attempts()));
    }
  }

  onResponseError(): void {
    if (this.#headersAt === null) this.#end({ result: "failed", why: "connect-failed" });
    else this.#end(resultOfBrokenStream(this.#reading.error));
  }

  #streamResult(): AnswerResult {
    const { done, error, contentEvents } = this.#reading;
    if (done && error === null && contentEvents > 0) return { result: "served", why: null };
    return resultOfBrokenStream(error);
  }

  #end(result: AnswerResult): void {
    if (this.#over) return;
    this.#over = true;
    const { first, last, contentEvents, usage } = this.#reading;
    this.#report({
      ...result,
      sent: this.#sent,
      headers: this.#headersAt,
      first,
      last,
      end: this.#now(),
      outputTokens: usage?.output ?? contentEvents,
      usage,
      deployment: single(this.#headers["x-headgate-deployment"]) ?? null,
      attempts: this.#attempts(),
    });
  }

  #attempts(): number | null {
    const attempts = Number(single(this.#headers["x-headgate-attempts"]) ?? Number.NaN);
    return Number.isSafeInteger(attempts) ? attempts : null;
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
