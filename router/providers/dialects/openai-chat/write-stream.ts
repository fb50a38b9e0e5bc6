import type { Usage } from "../../../core/messages.ts";
import { joinCallId } from "../../neutral/call-id.ts";
import type { EventWriter, NeutralEvent } from "../../neutral/neutral-answer.ts";
import type { AnswerAbout } from "../caller-dialect.ts";
import { finishReasons, writeUsage } from "./write-answer.ts";

/** Chat completion chunks. */
export class ChatStreamWriter implements EventWriter {
  readonly #about: AnswerAbout & { readonly includeUsage: boolean };
  #id = "";
  /** Choices whose role has been told. */
  readonly #begun = new Set<number>();
  #usage: Usage | null = null;

  constructor(about: AnswerAbout & { readonly includeUsage: boolean }) {
    this.#about = about;
  }

  write(event: NeutralEvent): string {
    switch (event.kind) {
      case "started":
        this.#id = event.id;
        this.#usage = event.usage;
        return "";
      case "text":
        return this.#delta(event.choice, { content: event.text }, null, event.logprobs === null ? null : { content: event.logprobs, refusal: null });
      case "thinking":
        return this.#delta(event.choice, { reasoning_content: event.text });
      case "thinking-signed":
        return "";
      case "call-started": {
        const { choice, call, id, name, signature } = event;
        return this.#delta(choice, { tool_calls: [{ index: call, id: joinCallId(id, signature), type: "function", function: { name, arguments: "" } }] });
      }
      case "call-arguments":
        return this.#delta(event.choice, { tool_calls: [{ index: event.call, function: { arguments: event.text } }] });
      case "finished":
        return this.#delta(event.choice, {}, finishReasons[event.reason]);
      case "usage":
        this.#usage = event.usage;
        return "";
    }
  }

  end(): string {
    const usage = this.#usage !== null && this.#about.includeUsage ? this.#chunk([], { usage: writeUsage(this.#usage) }) : "";
    return `${usage}data: [DONE]\n\n`;
  }

  #delta(choice: number, fields: object, reason: string | null = null, logprobs: object | null = null): string {
    const begun = this.#begun.has(choice);
    this.#begun.add(choice);
    const delta = begun ? fields : { role: "assistant", ...fields };
    return this.#chunk([{ index: choice, delta, logprobs, finish_reason: reason }]);
  }

  #chunk(choices: readonly object[], more: object = {}): string {
    const { model, createdSeconds } = this.#about;
    return `data: ${JSON.stringify({ id: this.#id, object: "chat.completion.chunk", created: createdSeconds, model, choices, ...more })}\n\n`;
  }
}
