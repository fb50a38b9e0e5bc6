import type { ServerResponse } from "node:http";
import { performance } from "node:perf_hooks";
import type { Usage } from "../../router/core/messages.ts";
import type { AnswerForm, MockOperation } from "./dialects/mock-dialect.ts";
import type { HttpRefusal } from "./http-refusal.ts";
import type { MockBody } from "./mock-body.ts";
import type { MeasuredCall } from "./vllm/vllm-metrics.ts";
import { writeRefusal } from "./write-answer.ts";

const streamHeaders = ["content-type", "text/event-stream; charset=utf-8"];

/** One open call's way to the wire. What a pass of the model says is gathered and written at once: the last token carries the reason for the end. */
export class MockCall {
  readonly body: MockBody;
  /** What kind of call it is, and so how it is refused. */
  readonly operation: MockOperation;
  readonly measured: MeasuredCall;
  readonly #response: ServerResponse;
  readonly #form: AnswerForm;
  /** Of the API, in every answer. */
  readonly #headers: () => readonly string[];
  #written = 0;
  #pending = 0;
  #left = false;
  #end: { readonly reason: "stop" | "length"; readonly usage: Usage } | null = null;

  constructor(body: MockBody, response: ServerResponse, operation: MockOperation, form: AnswerForm, headers: () => readonly string[]) {
    this.body = body;
    this.operation = operation;
    this.measured = {
      receivedMs: performance.now(),
      tokensMax: body.outputTokensMax ?? 0,
      answers: body.answers,
      firstTokenMs: Number.NaN,
      lastTokenMs: Number.NaN,
    };
    this.#response = response;
    this.#form = form;
    this.#headers = headers;
  }

  /** Nobody listens any more. */
  leave(): void {
    this.#left = true;
  }

  /** A vLLM's 200 leaves long before the first token, so every later failure is one inside a stream. */
  sendHeaders(): void {
    if (!this.body.stream || this.#left || this.#response.headersSent) return;
    this.#response.writeHead(200, [...streamHeaders, ...this.#headers()]);
    this.#response.flushHeaders();
  }

  addTokens(count: number): void {
    this.#pending += count;
  }

  end(reason: "stop" | "length", usage: Usage): void {
    this.#end = { reason, usage };
  }

  refuse(refusal: HttpRefusal): void {
    if (!this.#left) writeRefusal(this.#response, refusal);
  }

  /** No answer, or no more of it. */
  breakConnection(): void {
    if (this.#left) return;
    this.#left = true;
    const { socket } = this.#response;
    if (this.#response.headersSent) socket?.destroy();
    else socket?.resetAndDestroy();
  }

  flush(): void {
    if (this.#left) return;
    const form = this.#form;
    if (!this.body.stream) {
      if (this.#end !== null) this.#writePlain(this.#end.reason, this.#end.usage);
      return;
    }
    const end = this.#end;
    if (this.#pending === 0 && end === null) return;
    // Node gathers the chunks of a tick into one write to the socket.
    if (this.#written === 0) {
      this.sendHeaders();
      this.#write(form.opening);
    }
    const plainTokens = end === null ? this.#pending : this.#pending - 1;
    for (let index = 0; index < plainTokens; index += 1) this.#write(form.token(this.#written + index));
    this.#written += this.#pending;
    this.#pending = 0;
    if (end !== null) this.#response.end(form.last(end.reason, end.usage));
  }

  #write(bytes: Buffer): void {
    if (bytes.length > 0) this.#response.write(bytes);
  }

  #writePlain(reason: "stop" | "length", usage: Usage): void {
    const text = this.#form.plain(reason, usage);
    this.#response.writeHead(200, ["content-type", "application/json", "content-length", String(Buffer.byteLength(text)), ...this.#headers()]);
    this.#response.end(text);
  }
}
