import type { ServerResponse } from "node:http";
import { performance } from "node:perf_hooks";
import type { Usage } from "../../router/core/messages.ts";
import type { ChoicesForm, MockOperation, SequenceEnd } from "./dialects/mock-dialect.ts";
import type { HttpRefusal } from "./http-refusal.ts";
import type { MockBody, MockSequence } from "./mock-body.ts";
import type { MeasuredCall, MeasuredPrompt } from "./vllm/vllm-metrics.ts";
import { writeRefusal } from "./write-answer.ts";

const streamHeaders = ["content-type", "text/event-stream; charset=utf-8"];

/** What the engine works on for a call: the whole of it, or one of its answers. */
interface OpenSequence {
  readonly measured: MeasuredCall;
  written: number;
  pending: number;
  end: SequenceEnd | null;
  /** Its last bytes have left. */
  told: boolean;
}

/** One open call's way to the wire. What a pass of the model says is gathered and written at once: the last token carries the reason for the end. */
export class MockCall {
  readonly body: MockBody;
  /** What kind of call it is, and so how it is refused. */
  readonly operation: MockOperation;
  readonly #response: ServerResponse;
  readonly #form: ChoicesForm;
  readonly #sequences: readonly OpenSequence[];
  /** Of the API, in every answer. */
  readonly #headers: () => readonly string[];
  #opened = false;
  #left = false;
  #ended = 0;
  #endedLast: Usage | null = null;

  constructor(body: MockBody, response: ServerResponse, operation: MockOperation, form: ChoicesForm, headers: () => readonly string[]) {
    this.body = body;
    this.operation = operation;
    this.#sequences = openSequences(body);
    this.#response = response;
    this.#form = form;
    this.#headers = headers;
  }

  measured(sequence: number): MeasuredCall {
    return this.#at(sequence).measured;
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

  addTokens(sequence: number, count: number): void {
    this.#at(sequence).pending += count;
  }

  end(sequence: number, reason: "stop" | "length", usage: Usage): void {
    this.#at(sequence).end = { reason, usage };
    this.#ended += 1;
    this.#endedLast = usage;
  }

  refuse(refusal: HttpRefusal): void {
    if (this.#left) return;
    if (this.#response.headersSent) this.breakConnection();
    else writeRefusal(this.#response, refusal);
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
    const over = this.#ended === this.#sequences.length;
    if (this.body.stream) this.#flushStream(over);
    else if (over) this.#writePlain();
  }

  #flushStream(over: boolean): void {
    const speaking = this.#sequences.map((sequence, choice) => ({ sequence, choice })).filter(({ sequence }) => hasMore(sequence));
    if (speaking.length === 0) return;
    // Node gathers the chunks of a tick into one write to the socket.
    if (!this.#opened) {
      this.#opened = true;
      this.sendHeaders();
      this.#write(this.#form.opening);
    }
    const lasts: Buffer[] = [];
    for (const { sequence, choice } of speaking) {
      this.#speak(sequence, choice);
      if (sequence.end === null) continue;
      sequence.told = true;
      lasts.push(this.#form.last(choice, sequence.end));
    }
    if (over) this.#response.end(Buffer.concat([...lasts, this.#form.tail(this.#usage())]));
    else for (const last of lasts) this.#write(last);
  }

  #speak(sequence: OpenSequence, choice: number): void {
    const plainTokens = sequence.end === null ? sequence.pending : sequence.pending - 1;
    for (let index = 0; index < plainTokens; index += 1) this.#write(this.#form.token(choice, sequence.written + index));
    sequence.written += sequence.pending;
    sequence.pending = 0;
  }

  #write(bytes: Buffer): void {
    if (bytes.length > 0) this.#response.write(bytes);
  }

  #writePlain(): void {
    const ends = this.#sequences.flatMap(({ end }) => end ?? []);
    const text = this.#form.plain(ends, this.#usage());
    this.#response.writeHead(200, ["content-type", "application/json", "content-length", String(Buffer.byteLength(text)), ...this.#headers()]);
    this.#response.end(text);
  }

  /** What the caller is told. Each prompt counts once, and what was cached is (seen at a real server) that of the first answer in a stream, else that of the last one to end. */
  #usage(): Usage {
    const usages = this.#sequences.flatMap(({ end }) => end?.usage ?? []);
    const [first] = usages;
    if (first === undefined) throw new Error("a call that has ended without an end");
    if (usages.length === 1) return first;
    const { cachedRead } = this.body.stream ? first : (this.#endedLast ?? first);
    return { ...first, input: this.body.inputTokens, cachedRead, output: usages.reduce((sum, { output }) => sum + output, 0) };
  }

  #at(sequence: number): OpenSequence {
    const found = this.#sequences[sequence];
    if (found === undefined) throw new Error(`the call has no sequence ${sequence}`);
    return found;
  }
}

const hasMore = ({ pending, end, told }: OpenSequence): boolean => !told && (pending > 0 || end !== null);

function openSequences(body: MockBody): readonly OpenSequence[] {
  const parts: readonly Pick<MockSequence, "prompt">[] = body.sequences ?? [{ prompt: 0 }];
  const prompts = new Map<number, MeasuredPrompt>();
  return parts.map(({ prompt }) => {
    const answers = body.sequences === undefined ? body.answers : parts.filter((other) => other.prompt === prompt).length;
    const own = prompts.get(prompt) ?? { answers, left: body.sequences === undefined ? 1 : answers, longest: 0 };
    prompts.set(prompt, own);
    const measured = {
      receivedMs: performance.now(),
      tokensMax: body.outputTokensMax ?? 0,
      prompt: own,
      firstTokenMs: Number.NaN,
      lastTokenMs: Number.NaN,
    };
    return { measured, written: 0, pending: 0, end: null, told: false };
  });
}
