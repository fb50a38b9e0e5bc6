import type { Message, RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages";
import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import type { Response, ResponseStreamEvent } from "openai/resources/responses/responses";
import type { Usage } from "../../router/core/messages.ts";
import type { Failure, StreamOut } from "../../router/providers/provider-adapter.ts";

/** What a caller understands of an answer, whatever its dialect. */
export interface Told {
  readonly text: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly input: unknown }[];
  readonly reason: "stop" | "length" | "tool" | "filter";
}

export type ToldDialect = "openai-chat" | "anthropic-messages" | "openai-responses";

const reasons: Readonly<Record<string, Told["reason"]>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool",
  content_filter: "filter",
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  tool_use: "tool",
  refusal: "filter",
  max_output_tokens: "length",
};
const reasonOf = (reason: string | null | undefined): Told["reason"] => reasons[reason ?? ""] ?? "stop";
const called = (id: string, name: string, text: string): Told["calls"][number] => ({ id, name, input: JSON.parse(text === "" ? "{}" : text) as unknown });

/** The shapes are the clients' own types: what does not fit them is no answer. */
export function toldByAnswer(dialect: ToldDialect, body: Uint8Array): Told {
  const value: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
  if (dialect === "anthropic-messages") return toldByMessage(value as Message);
  return dialect === "openai-chat" ? toldByCompletion(value as ChatCompletion) : toldByResponse(value as Response);
}

function toldByCompletion({ choices }: ChatCompletion): Told {
  const choice = choices[0];
  const calls = (choice?.message.tool_calls ?? []).flatMap((call) =>
    call.type === "function" ? called(call.id, call.function.name, call.function.arguments) : [],
  );
  return { text: choice?.message.content ?? "", calls, reason: reasonOf(choice?.finish_reason) };
}

function toldByMessage({ content, stop_reason: reason }: Pick<Message, "content" | "stop_reason">): Told {
  const text = content.flatMap((block) => (block.type === "text" ? block.text : [])).join("");
  const calls = content.flatMap((block) => (block.type === "tool_use" ? { id: block.id, name: block.name, input: block.input } : []));
  return { text, calls, reason: reasonOf(reason) };
}

function toldByResponse({ output, incomplete_details: incomplete }: Response): Told {
  const parts = output.flatMap((item) => (item.type === "message" ? item.content : []));
  const text = parts.flatMap((part) => (part.type === "output_text" ? part.text : [])).join("");
  const calls = output.flatMap((item) => (item.type === "function_call" ? called(item.call_id, item.name, item.arguments) : []));
  return { text, calls, reason: incomplete?.reason == null ? (calls.length > 0 ? "tool" : "stop") : reasonOf(incomplete.reason) };
}

export function toldByStream(dialect: ToldDialect, text: string): Told {
  const payloads = text.split("\n\n").flatMap((event) => /^data: (.*)$/m.exec(event)?.[1] ?? []);
  const events = payloads.filter((payload) => payload !== "[DONE]").map((payload): unknown => JSON.parse(payload));
  if (dialect === "openai-chat") return toldByChunks(events as ChatCompletionChunk[]);
  if (dialect === "anthropic-messages") return toldByEvents(events as RawMessageStreamEvent[]);
  const last = (events as ResponseStreamEvent[]).at(-1);
  if (last?.type !== "response.completed" && last?.type !== "response.incomplete") throw new Error(`a response that ends with ${last?.type}`);
  return toldByResponse(last.response);
}

function toldByEvents(events: readonly RawMessageStreamEvent[]): Told {
  const content: Message["content"] = [];
  const pieces: string[] = [];
  let reason: Message["stop_reason"] = null;
  for (const event of events) {
    if (event.type === "content_block_start") content[event.index] = event.content_block;
    else if (event.type === "message_delta") reason = event.delta.stop_reason;
    else if (event.type === "content_block_delta") {
      const block = content[event.index];
      if (event.delta.type === "text_delta" && block?.type === "text") block.text += event.delta.text;
      if (event.delta.type === "input_json_delta") pieces[event.index] = (pieces[event.index] ?? "") + event.delta.partial_json;
    }
  }
  for (const [index, block] of content.entries()) if (block.type === "tool_use") block.input = JSON.parse(pieces[index] ?? "{}") as unknown;
  return toldByMessage({ content, stop_reason: reason });
}

function toldByChunks(events: readonly ChatCompletionChunk[]): Told {
  let text = "";
  let reason = "";
  const calls: { id: string; name: string; text: string }[] = [];
  for (const choice of events.flatMap((event) => event.choices)) {
    text += choice.delta.content ?? "";
    reason = choice.finish_reason ?? reason;
    for (const call of choice.delta.tool_calls ?? []) {
      const known = (calls[call.index] ??= { id: "", name: "", text: "" });
      known.id += call.id ?? "";
      known.name += call.function?.name ?? "";
      known.text += call.function?.arguments ?? "";
    }
  }
  return { text, calls: calls.map((call) => called(call.id, call.name, call.text)), reason: reasonOf(reason) };
}

/** All that a stream says. */
export class HeardStream implements StreamOut {
  text = "";
  readonly log: string[] = [];
  lastUsage: Usage | null = null;
  #chunks: Buffer[] = [];
  bytes(chunk: Uint8Array): void {
    this.#chunks.push(Buffer.from(chunk));
    this.text = Buffer.concat(this.#chunks).toString("utf8");
  }
  firstContent(): void {
    this.log.push("first");
  }
  usage(usage: Usage): void {
    this.lastUsage = usage;
  }
  done(reason: string): void {
    this.log.push(`done ${reason}`);
  }
  failed(failure: Failure): void {
    this.log.push(`failed ${failure.kind}`);
  }
}
