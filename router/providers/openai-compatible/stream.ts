import { textOr } from "../neutral/untranslatable.ts";
import { parsedPayload } from "../event-splitter.ts";
import type { EventReader, NeutralEvent } from "../neutral/neutral-answer.ts";
import type { Failure } from "../provider-adapter.ts";
import { readErrorEvent } from "./failure.ts";
import { readLogprobs, readReason } from "./response.ts";
import { readUsage } from "./usage.ts";
import { type Fields, isFields } from "../../core/fields.ts";

type Emit = (event: NeutralEvent) => void;

/** A stream of chat completion chunks. */
export class ChatEventReader implements EventReader {
  #started = false;

  read(payload: string, emit: Emit): "more" | "done" | Failure {
    if (payload === "[DONE]") return "done";
    const value = parsedPayload(payload);
    if (!isFields(value)) return "more";
    if (value["error"] !== undefined && value["error"] !== null) return readErrorEvent(value);
    if (!this.#started) {
      this.#started = true;
      emit({ kind: "started", id: textOr(value["id"]), usage: null });
    }
    const choices: readonly unknown[] = Array.isArray(value["choices"]) ? value["choices"] : [];
    for (const choice of choices) if (isFields(choice)) readChoice(choice, emit);
    const usage = readUsage(value["usage"]);
    if (usage !== null) emit({ kind: "usage", usage });
    return "more";
  }

  isWhole(): boolean {
    return false;
  }
}

function readChoice(value: Fields, emit: Emit): void {
  const choice = typeof value["index"] === "number" ? value["index"] : 0;
  const delta = isFields(value["delta"]) ? value["delta"] : {};
  const thought = delta["reasoning"] ?? delta["reasoning_content"];
  if (typeof thought === "string" && thought !== "") emit({ kind: "thinking", choice, text: thought });
  const text = delta["content"] ?? delta["refusal"];
  if (typeof text === "string" && text !== "") emit({ kind: "text", choice, text, logprobs: readLogprobs(value["logprobs"]) });
  const calls: readonly unknown[] = Array.isArray(delta["tool_calls"]) ? delta["tool_calls"] : [];
  for (const call of calls) if (isFields(call)) readCall(call, choice, emit);
  const reason = readReason(value["finish_reason"]);
  const stop = value["stop_reason"];
  if (reason !== null) emit({ kind: "finished", choice, reason, stopText: typeof stop === "string" ? stop : null });
}

/** A call's first piece carries its id and name. */
function readCall(value: Fields, choice: number, emit: Emit): void {
  const call = typeof value["index"] === "number" ? value["index"] : 0;
  const called = isFields(value["function"]) ? value["function"] : {};
  const { id } = value;
  const { name } = called;
  if (typeof id === "string" && id !== "" && typeof name === "string") emit({ kind: "call-started", choice, call, id, name, signature: null });
  const piece = called["arguments"];
  if (typeof piece === "string" && piece !== "") emit({ kind: "call-arguments", choice, call, text: piece });
}
