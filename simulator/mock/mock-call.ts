import type { ServerResponse } from "node:http";
import type { Usage } from "../../router/core/messages.ts";
import type { ChatBody } from "./chat-body.ts";
import type { ChatFrames } from "./chat-frames.ts";
import { doneFrame, makeChatFrames, plainCompletion } from "./chat-frames.ts";
import type { HttpRefusal } from "./http-refusal.ts";

const streamHeaders = ["content-type", "text/event-stream; charset=utf-8"];

/** One open call's way to the wire. What a pass of the model says is gathered and written at once: the last token carries the reason for the end. */
export class MockCall {
  readonly body: ChatBody;
  readonly #response: ServerResponse;
  readonly #id: string;
  readonly #created = Math.floor(Date.now() / 1000);
  readonly #model: string;
  readonly #frames: ChatFrames | null;
  #written = 0;
  #pending = 0;
  #left = false;
  #end: { readonly reason: "stop" | "length"; readonly usage: Usage } | null = null;

  constructor(body: ChatBody, response: ServerResponse, id: string, model: string) {
    this.body = body;
    this.#response = response;
    this.#id = id;
    this.#model = model;
    this.#frames = body.stream ? makeChatFrames(id, this.#created, model) : null;
  }

  /** Nobody listens any more. */
  leave(): void {
    this.#left = true;
  }

  /** A vLLM's 200 leaves long before the first token, so every later failure is one inside a stream. */
  sendHeaders(): void {
    if (this.#frames === null || this.#left || this.#response.headersSent) return;
    this.#response.writeHead(200, streamHeaders);
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
    const frames = this.#frames;
    if (frames === null) {
      if (this.#end !== null) this.#writePlain(this.#end.reason, this.#end.usage);
      return;
    }
    const end = this.#end;
    if (this.#pending === 0 && end === null) return;
    // Node gathers the chunks of a tick into one write to the socket.
    if (this.#written === 0) {
      this.sendHeaders();
      this.#response.write(frames.role);
    }
    const plainTokens = end === null ? this.#pending : this.#pending - 1;
    for (let index = 0; index < plainTokens; index += 1) this.#response.write(frames.token);
    this.#written += this.#pending;
    this.#pending = 0;
    if (end !== null) {
      this.#response.write(frames.finish(end.reason, !this.body.includeUsage));
      if (this.body.includeUsage) this.#response.write(frames.usage(end.usage));
      this.#response.end(doneFrame);
    }
  }

  #writePlain(reason: "stop" | "length", usage: Usage): void {
    const text = plainCompletion(this.#id, this.#created, this.#model, reason, usage);
    this.#response.writeHead(200, ["content-type", "application/json", "content-length", String(Buffer.byteLength(text))]);
    this.#response.end(text);
  }
}

export function writeRefusal(response: ServerResponse, refusal: HttpRefusal): void {
  const headers = ["content-type", "application/json", "content-length", String(Buffer.byteLength(refusal.body))];
  if (refusal.retryAfterSeconds !== null) headers.push("retry-after", String(refusal.retryAfterSeconds));
  response.writeHead(refusal.status, headers);
  response.end(refusal.body);
}
