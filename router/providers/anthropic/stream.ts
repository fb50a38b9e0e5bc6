import type { Usage } from "../../core/messages.ts";
import { parsedPayload } from "../event-splitter.ts";
import type { EventReader, NeutralEvent } from "../neutral/neutral-answer.ts";
import { textOr } from "../neutral/untranslatable.ts";
import type { Failure } from "../provider-adapter.ts";
import { readMessageErrorEvent } from "./failure.ts";
import { readStopReason } from "./response.ts";
import { mergedUsage, readMessageUsage } from "./usage.ts";
import { type Fields, isFields } from "../../core/fields.ts";

type Emit = (event: NeutralEvent) => void;

/** Anthropic's events: a message begins, its blocks open, grow and close, it ends. */
export class MessageEventReader implements EventReader {
  #usage: Usage | null = null;
  #calls = 0;
  /** Place of the call among the calls, by index of its block. */
  readonly #callOf = new Map<number, number>();

  read(payload: string, emit: Emit): "more" | "done" | Failure {
    const value = parsedPayload(payload);
    if (!isFields(value)) return "more";
    const index = typeof value["index"] === "number" ? value["index"] : 0;
    switch (value["type"]) {
      case "message_start":
        this.#start(isFields(value["message"]) ? value["message"] : {}, emit);
        return "more";
      case "content_block_start":
        if (isFields(value["content_block"])) this.#open(value["content_block"], index, emit);
        return "more";
      case "content_block_delta":
        if (isFields(value["delta"])) this.#grow(value["delta"], index, emit);
        return "more";
      case "message_delta":
        this.#finish(value, emit);
        return "more";
      case "message_stop":
        return "done";
      case "error":
        return readMessageErrorEvent(errorOf(value["error"]));
      default:
        return "more";
    }
  }

  isWhole(): boolean {
    return false;
  }

  #start(message: Fields, emit: Emit): void {
    this.#usage = readMessageUsage(message["usage"]);
    emit({ kind: "started", id: textOr(message["id"]), usage: this.#usage });
  }

  #open(block: Fields, index: number, emit: Emit): void {
    if (block["type"] !== "tool_use") return;
    const call = this.#calls++;
    this.#callOf.set(index, call);
    emit({ kind: "call-started", choice: 0, call, id: textOr(block["id"]), name: textOr(block["name"]), signature: null });
  }

  #grow(delta: Fields, index: number, emit: Emit): void {
    const text = (field: string): string => (typeof delta[field] === "string" ? delta[field] : "");
    const call = this.#callOf.get(index);
    if (delta["type"] === "text_delta" && text("text") !== "") emit({ kind: "text", choice: 0, text: text("text"), logprobs: null });
    else if (delta["type"] === "thinking_delta" && text("thinking") !== "") emit({ kind: "thinking", choice: 0, text: text("thinking") });
    else if (delta["type"] === "signature_delta") emit({ kind: "thinking-signed", choice: 0, signature: text("signature") });
    else if (delta["type"] === "input_json_delta" && call !== undefined && text("partial_json") !== "")
      emit({ kind: "call-arguments", choice: 0, call, text: text("partial_json") });
  }

  #finish(value: Fields, emit: Emit): void {
    const delta = isFields(value["delta"]) ? value["delta"] : {};
    const reason = readStopReason(delta["stop_reason"]);
    const stop = delta["stop_sequence"];
    if (reason !== null) emit({ kind: "finished", choice: 0, reason, stopText: typeof stop === "string" ? stop : null });
    const usage = mergedUsage(this.#usage, value["usage"]);
    if (usage !== null) emit({ kind: "usage", usage });
  }
}

export function errorOf(value: unknown): { readonly type: string; readonly message: string } {
  const error = isFields(value) ? value : {};
  return { type: textOr(error["type"]), message: textOr(error["message"]).slice(0, 1000) };
}
