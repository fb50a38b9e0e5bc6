import { parsedPayload } from "../event-splitter.ts";
import type { EventReader, NeutralEvent } from "../neutral/neutral-answer.ts";
import { textOr } from "../neutral/untranslatable.ts";
import { failureKindOf } from "../openai-compatible/failure.ts";
import type { Failure } from "../provider-adapter.ts";
import { partsOf, readFinish, readLogprobs, readPart } from "./response.ts";
import { readGenerateUsage } from "./usage.ts";
import { type Fields, isFields } from "../../core/fields.ts";

type Emit = (event: NeutralEvent) => void;

/** Gemini's stream: each event a piece of every candidate. It has no last event: it is whole when all candidates that were begun have said why they ended. */
export class GenerateEventReader implements EventReader {
  #id = "";
  #calls = 0;
  readonly #begun = new Set<number>();
  readonly #called = new Set<number>();
  readonly #finished = new Set<number>();

  read(payload: string, emit: Emit): "more" | "done" | Failure {
    const parsed = parsedPayload(payload);
    const value: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
    if (!isFields(value)) return "more";
    if (isFields(value["error"])) return failureOf(value["error"]);
    if (this.#id === "") {
      this.#id = textOr(value["responseId"], "gemini");
      emit({ kind: "started", id: this.#id, usage: readGenerateUsage(value["usageMetadata"]) });
    }
    const candidates: readonly unknown[] = Array.isArray(value["candidates"]) ? value["candidates"] : [];
    for (const candidate of candidates) if (isFields(candidate)) this.#readCandidate(candidate, emit);
    if (candidates.length === 0 && isFields(value["promptFeedback"]) && value["promptFeedback"]["blockReason"] !== undefined) {
      this.#finished.add(0);
      emit({ kind: "finished", choice: 0, reason: "filter", stopText: null });
    }
    const usage = readGenerateUsage(value["usageMetadata"]);
    if (usage !== null) emit({ kind: "usage", usage });
    return "more";
  }

  isWhole(): boolean {
    return this.#finished.size > 0 && [...this.#begun].every((choice) => this.#finished.has(choice));
  }

  #readCandidate(candidate: Fields, emit: Emit): void {
    const choice = typeof candidate["index"] === "number" ? candidate["index"] : 0;
    this.#begun.add(choice);
    const logprobs = readLogprobs(candidate["logprobsResult"]);
    for (const value of partsOf(candidate)) {
      const part = readPart(value, `${this.#id}_${this.#calls}`);
      if (part?.kind === "text") emit({ kind: "text", choice, text: part.text, logprobs });
      else if (part?.kind === "thinking") emit({ kind: "thinking", choice, text: part.text });
      else if (part?.kind === "tool-call") {
        const call = this.#calls++;
        this.#called.add(choice);
        emit({ kind: "call-started", choice, call, id: part.id, name: part.name, signature: part.signature });
        emit({ kind: "call-arguments", choice, call, text: part.arguments });
      }
    }
    const reason = readFinish(candidate["finishReason"], this.#called.has(choice));
    if (reason === null || this.#finished.has(choice)) return;
    this.#finished.add(choice);
    emit({ kind: "finished", choice, reason, stopText: null });
  }
}

function failureOf(error: Fields): Failure {
  const status = Number(error["code"]);
  const message = textOr(error["message"]).slice(0, 1000);
  const kind = failureKindOf(Number.isInteger(status) && status >= 400 ? status : 500, { message, type: textOr(error["status"]), code: "" });
  return { kind, retryAfter: null, billed: "maybe", message };
}
