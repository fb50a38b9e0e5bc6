import type { Usage } from "../../../core/messages.ts";
import { joinCallId } from "../../neutral/call-id.ts";
import type { EventWriter, NeutralEvent } from "../../neutral/neutral-answer.ts";
import type { AnswerAbout } from "../caller-dialect.ts";
import { stopReasonOf, writeUsage } from "./write-answer.ts";

type Open = { readonly kind: "text" | "thinking" } | { readonly kind: "call"; readonly call: number };
const unknownUsage: Usage = { input: 0, cachedRead: 0, cacheWrite: 0, output: 0, reasoning: 0 };

/** A message as Anthropic streams it: one block at a time, each opened and closed. Pieces of parallel calls that come mixed are kept until their block is open. */
export class MessageStreamWriter implements EventWriter {
  readonly #about: AnswerAbout;
  #begun = false;
  #open: Open | null = null;
  #blocks = 0;
  #usage = unknownUsage;
  #reason = "end_turn";
  #stopText: string | null = null;
  readonly #waiting = new Map<number, { id: string; name: string; text: string }>();

  constructor(about: AnswerAbout) {
    this.#about = about;
  }

  write(event: NeutralEvent): string {
    switch (event.kind) {
      case "started":
        return this.#begin(event.id, event.usage);
      case "text":
        return `${this.#openBlock({ kind: "text" }, { type: "text", text: "" })}${this.#delta({ type: "text_delta", text: event.text })}`;
      case "thinking": {
        const opening = this.#openBlock({ kind: "thinking" }, { type: "thinking", thinking: "", signature: "" });
        return `${opening}${this.#delta({ type: "thinking_delta", thinking: event.text })}`;
      }
      case "thinking-signed":
        return this.#open?.kind === "thinking" ? this.#delta({ type: "signature_delta", signature: event.signature }) : "";
      case "call-started":
        return this.#startCall(event.call, joinCallId(event.id, event.signature), event.name);
      case "call-arguments":
        return this.#addArguments(event.call, event.text);
      case "finished":
        this.#reason = stopReasonOf(event.reason, event.stopText);
        this.#stopText = event.stopText;
        return "";
      case "usage":
        this.#usage = event.usage;
        return "";
    }
  }

  end(): string {
    const blocks = `${this.#begun ? "" : this.#begin("", null)}${this.#closeBlock()}${this.#flushWaiting()}`;
    const delta = { stop_reason: this.#reason, stop_sequence: this.#stopText };
    return `${blocks}${frame("message_delta", { delta, usage: writeUsage(this.#usage) })}${frame("message_stop", {})}`;
  }

  #begin(id: string, usage: Usage | null): string {
    this.#begun = true;
    this.#usage = usage ?? unknownUsage;
    const { model } = this.#about;
    const message = { id, type: "message", role: "assistant", model, content: [], stop_reason: null, stop_sequence: null, usage: writeUsage(this.#usage) };
    return frame("message_start", { message });
  }

  #openBlock(open: Open, block: object): string {
    if (this.#open?.kind === open.kind && open.kind !== "call") return "";
    const closing = this.#closeBlock();
    this.#open = open;
    return `${closing}${frame("content_block_start", { index: this.#blocks, content_block: block })}`;
  }

  #closeBlock(): string {
    if (this.#open === null) return "";
    this.#open = null;
    this.#blocks += 1;
    return frame("content_block_stop", { index: this.#blocks - 1 });
  }

  #startCall(call: number, id: string, name: string): string {
    if (this.#open?.kind === "call" && this.#open.call === call) return "";
    if (this.#open?.kind === "call") {
      this.#waiting.set(call, { id, name, text: "" });
      return "";
    }
    return this.#openBlock({ kind: "call", call }, { type: "tool_use", id, name, input: {} });
  }

  #addArguments(call: number, text: string): string {
    const waiting = this.#waiting.get(call);
    if (waiting !== undefined) {
      waiting.text += text;
      return "";
    }
    return this.#open?.kind === "call" && this.#open.call === call ? this.#delta({ type: "input_json_delta", partial_json: text }) : "";
  }

  #flushWaiting(): string {
    let written = "";
    for (const [call, { id, name, text }] of this.#waiting) {
      written += this.#openBlock({ kind: "call", call }, { type: "tool_use", id, name, input: {} });
      if (text !== "") written += this.#delta({ type: "input_json_delta", partial_json: text });
      written += this.#closeBlock();
    }
    this.#waiting.clear();
    return written;
  }

  #delta(delta: object): string {
    return frame("content_block_delta", { index: this.#blocks, delta });
  }
}

function frame(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}
