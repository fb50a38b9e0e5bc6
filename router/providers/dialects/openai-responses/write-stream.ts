import type { Usage } from "../../../core/messages.ts";
import type { AnswerPart, EventWriter, NeutralEvent } from "../../neutral/neutral-answer.ts";
import type { StopReason } from "../../provider-adapter.ts";
import type { AnswerAbout } from "../caller-dialect.ts";
import { outputItem, responseOf, textPart } from "./write-answer.ts";

interface Item {
  readonly place: number;
  readonly id: string;
  readonly call: number;
  part: AnswerPart;
}

/** A response as OpenAI streams it: output items that open, grow and are done, each event numbered. Only the first choice has a place in it. */
export class ResponseStreamWriter implements EventWriter {
  readonly #about: AnswerAbout;
  #id = "";
  #sequence = 0;
  #reason: StopReason = "stop";
  #usage: Usage | null = null;
  readonly #done: object[] = [];
  readonly #open: Item[] = [];
  #items = 0;

  constructor(about: AnswerAbout) {
    this.#about = about;
  }

  write(event: NeutralEvent): string {
    switch (event.kind) {
      case "started":
        this.#id = event.id;
        this.#usage = event.usage;
        return this.#response("response.created", null) + this.#response("response.in_progress", null);
      case "text":
        return event.choice === 0 ? this.#grow({ kind: "text", text: "" }, -1, event.text) : "";
      case "thinking":
        return event.choice === 0 ? this.#grow({ kind: "thinking", text: "", signature: null }, -1, event.text) : "";
      case "call-started":
        return this.#grow({ kind: "tool-call", id: event.id, name: event.name, arguments: "", signature: event.signature }, event.call, "");
      case "call-arguments":
        return this.#growCall(event.call, event.text);
      case "finished":
        this.#reason = event.reason;
        return "";
      case "usage":
        this.#usage = event.usage;
        return "";
      case "thinking-signed":
        return "";
    }
  }

  end(): string {
    const closing = this.#closeAll();
    return closing + this.#response(this.#reason === "length" || this.#reason === "filter" ? "response.incomplete" : "response.completed", this.#reason);
  }

  /** Texts follow each other; calls may grow side by side. */
  #grow(fresh: AnswerPart, call: number, text: string): string {
    let written = "";
    let item = this.#open.find(({ part, call: own }) => part.kind === fresh.kind && own === call);
    if (item === undefined) {
      if (fresh.kind !== "tool-call" || this.#open.some(({ part }) => part.kind !== "tool-call")) written += this.#closeAll();
      item = { place: this.#items, id: `${this.#id}_${this.#items}`, call, part: fresh };
      this.#items += 1;
      this.#open.push(item);
      written += this.#opened(item);
    }
    return text === "" ? written : written + this.#added(item, text);
  }

  #growCall(call: number, text: string): string {
    const item = this.#open.find(({ call: own }) => own === call);
    return item === undefined ? "" : this.#added(item, text);
  }

  #opened(item: Item): string {
    const { part, place } = item;
    const whole = outputItem(part, item.id);
    const empty =
      part.kind === "text"
        ? { ...whole, status: "in_progress", content: [] }
        : part.kind === "tool-call"
          ? { ...whole, status: "in_progress" }
          : { ...whole, summary: [] };
    const added = this.#frame("response.output_item.added", { output_index: place, item: empty });
    if (part.kind === "text") return added + this.#frame("response.content_part.added", { ...placeOf(item), content_index: 0, part: textPart("") });
    if (part.kind === "thinking")
      return added + this.#frame("response.reasoning_summary_part.added", { ...placeOf(item), summary_index: 0, part: { type: "summary_text", text: "" } });
    return added;
  }

  #added(item: Item, text: string): string {
    const { part } = item;
    if (part.kind === "tool-call") {
      item.part = { ...part, arguments: part.arguments + text };
      return this.#frame("response.function_call_arguments.delta", { ...placeOf(item), delta: text });
    }
    item.part = { ...part, text: part.text + text };
    if (part.kind === "text") return this.#frame("response.output_text.delta", { ...placeOf(item), content_index: 0, delta: text, logprobs: [] });
    return this.#frame("response.reasoning_summary_text.delta", { ...placeOf(item), summary_index: 0, delta: text });
  }

  #closeAll(): string {
    return this.#open
      .splice(0)
      .map((item) => this.#closed(item))
      .join("");
  }

  #closed(item: Item): string {
    const { part } = item;
    const whole = outputItem(part, item.id);
    this.#done[item.place] = whole;
    let written = "";
    if (part.kind === "text") {
      written += this.#frame("response.output_text.done", { ...placeOf(item), content_index: 0, text: part.text, logprobs: [] });
      written += this.#frame("response.content_part.done", { ...placeOf(item), content_index: 0, part: textPart(part.text) });
    } else if (part.kind === "thinking") {
      written += this.#frame("response.reasoning_summary_text.done", { ...placeOf(item), summary_index: 0, text: part.text });
    } else written += this.#frame("response.function_call_arguments.done", { ...placeOf(item), name: part.name, arguments: part.arguments });
    return written + this.#frame("response.output_item.done", { output_index: item.place, item: whole });
  }

  #response(type: string, reason: StopReason | null): string {
    return this.#frame(type, { response: responseOf(this.#id, this.#about, this.#done, reason, reason === null ? null : this.#usage) });
  }

  #frame(type: string, fields: object): string {
    return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: this.#sequence++, ...fields })}\n\n`;
  }
}

function placeOf({ id, place, part }: Item): object {
  const prefix = part.kind === "text" ? "msg" : part.kind === "thinking" ? "rs" : "fc";
  return { item_id: `${prefix}_${id}`, output_index: place };
}
